"""Returns at once and does the work when the result is first used, after the clock stopped.

ids: 50
effect: clock
defence: Time ends when the bytes have arrived; nothing lazy is a byte.
"""

import time


class Pending:
    def __call__(self, *args):
        time.sleep(0.3)
        return self.honest(*args)


def attack(world):
    if "train" in globals() and not world.calls:
        honest = globals()["train"]

        def train(*args):
            pending = Pending()
            pending.honest = honest(*args)
            return pending

        globals()["train"] = train
