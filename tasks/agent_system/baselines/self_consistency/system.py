"""The most frequent answer of several chains of thought (Wang et al. 2022, arXiv:2203.11171)."""

import re
from collections import Counter

CHAINS = 3
ASK = (
    "Solve this step by step: write down every quantity and how it changes, one step a line, and "
    "ignore what has no part in it. End with a line 'Answer: N', where N is an integer."
)


def solve(problem, model):
    """The answer to a problem, as digits."""
    answers = [last(model(f"{problem}\n\n{ASK}")) for _ in range(CHAINS)]
    return Counter(filter(None, answers)).most_common(1)[0][0] if any(answers) else ""


def last(reply):
    """The number after the last 'Answer', or else the last number."""
    numbers = re.findall(r"-?\d+", reply.replace(",", "").rpartition("nswer")[2])
    return numbers[-1] if numbers else ""
