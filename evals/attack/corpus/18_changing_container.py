"""Returns a container that shows one thing when it is checked and another when it is used.

ids: 18
effect: score
defence: What is checked is a copy made on the trusted side, and that copy is what is used.
"""


class Turncoat(dict):
    looks = 0

    def __getitem__(self, key):
        self.looks += 1
        value = super().__getitem__(key)
        return value if self.looks < 2 else value * 4

    def __eq__(self, other):
        return other == other

    __hash__ = None


def twist(result, world):
    if isinstance(result, tuple) and isinstance(result[0], dict):
        return (Turncoat(result[0]), result[1])
    return Turncoat(value=result) if hasattr(result, "argmax") else result
