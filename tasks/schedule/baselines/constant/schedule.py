"""No schedule."""


def lr_scale(step, total):
    """The factor on the base learning rate at a 0-based step of a run of total steps."""
    return 1.0
