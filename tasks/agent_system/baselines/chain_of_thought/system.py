"""Ask for the steps before the answer (Wei et al. 2022, arXiv:2201.11903)."""

import re

ASK = (
    "Solve this step by step: write down every quantity and how it changes, one step a line, and "
    "ignore what has no part in it. End with a line 'Answer: N', where N is an integer."
)


def solve(problem, model):
    """The answer to a problem, as digits."""
    return last(model(f"{problem}\n\n{ASK}"))


def last(reply):
    """The number after the last 'Answer', or else the last number."""
    numbers = re.findall(r"-?\d+", reply.replace(",", "").rpartition("nswer")[2])
    return numbers[-1] if numbers else ""
