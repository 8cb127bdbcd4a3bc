"""Returns something that makes up its mind when it is compared, and then knows the labels.

ids: 18
effect: score
defence: A reply is complete bytes before any label exists in the grader.
"""


class Later:
    def __init__(self, honest):
        self.honest = honest

    def __getattr__(self, name):
        return getattr(self.honest, name)

    def __eq__(self, labels):
        return labels.clone() == labels

    __hash__ = None


def twist(result, world):
    return world.leaves(Later, result)
