"""Raises what `except Exception` does not catch.

ids: X1
effect: lost
defence: However a candidate's process ends, the end is a status and the candidate's failure.
"""


class Silent(BaseException):
    pass


def twist(result, world):
    raise Silent(10**50)
