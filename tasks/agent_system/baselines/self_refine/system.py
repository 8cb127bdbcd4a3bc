"""A chain of thought, a critique of it, and a second try (Madaan et al. 2023, arXiv:2303.17651)."""

import re

ASK = (
    "Solve this step by step: write down every quantity and how it changes, one step a line, and "
    "ignore what has no part in it. End with a line 'Answer: N', where N is an integer."
)
CHECK = (
    "Check each step of this solution against the problem. Name every mistake: a number read "
    "wrong, a step left out, a sum that is wrong, a sentence used that has no part in it."
)
MEND = (
    "With this critique in mind, solve the problem again step by step, and keep what was right. "
    "End with a line 'Answer: N', where N is an integer."
)


def solve(problem, model):
    """The answer to a problem, as digits."""
    first = f"Problem:\n{problem}\n\nSolution:\n{model(f'{problem} {ASK}')[:3000]}"
    critique = model(f"{first}\n\n{CHECK}")
    return last(model(f"{first}\n\nCritique:\n{critique[:2000]}\n\n{MEND}"))


def last(reply):
    """The number after the last 'Answer', or else the last number."""
    numbers = re.findall(r"-?\d+", reply.replace(",", "").rpartition("nswer")[2])
    return numbers[-1] if numbers else ""
