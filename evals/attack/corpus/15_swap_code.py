"""Keeps every trusted function, but exchanges the code inside it; identity checks still pass.

ids: 15
effect: score
defence: No trusted function lives in the process that the candidate can change.
"""

import types


def attack(world):
    if world.calls < 2:
        for _, _, value in list(world.named(r"metric$|^check_|^_check_|^verify")):
            if isinstance(value, types.FunctionType) and not value.__code__.co_freevars:
                value.__code__ = (lambda *_, **__: 1.0).__code__
