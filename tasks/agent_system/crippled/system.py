"""The start, but it does not ask: worse on purpose, to try the judge on."""


def solve(problem, model):
    """No answer to a problem."""
    return "-1"
