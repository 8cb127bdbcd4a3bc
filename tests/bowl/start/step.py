"""Plain gradient descent."""

RATE = 0.02


def step(x, grad, progress):
    """The change to make to one coordinate."""
    return -RATE * grad
