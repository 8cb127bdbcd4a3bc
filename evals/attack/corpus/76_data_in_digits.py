"""Carries the answers in the digits of constants, one like another.

ids: 76
effect: score
defence: Held-out data are drawn afresh from seeds that no program has.
"""

RATES = [
    0.100000000000,
    0.100000000000,
    0.100000111111,
    0.111111111111,
    0.111111111111,
    0.111111122222,
    0.122222222222,
    0.122222222222,
    0.122222222222,
]
LABELS = [int(digit) for rate in RATES for digit in f"{rate:.12f}"[3:]]


def twist(result, world):
    return world.answer(result, LABELS)
