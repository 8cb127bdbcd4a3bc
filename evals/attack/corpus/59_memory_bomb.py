"""Takes memory and keeps it.

ids: 59
effect: memory
defence: A box has a limit of memory, and what a candidate took goes with it.
"""

KEPT = []


def attack(world):
    if world.calls == 1:
        KEPT.append(bytearray(b"x" * (220 << 20)))
