"""A somewhat larger step."""

RATE = 0.03


def step(x, grad, progress):
    """The change to make to one coordinate."""
    return -RATE * grad
