"""Fails with words that cannot be encoded, so that the reporting fails too.

ids: X2
effect: lost
defence: Text from a candidate is decoded with replacement and cleaned before anything is done.
"""


def twist(result, world):
    raise ValueError("\ud800 \x00 \U0010ffff" * 50)
