"""One direct question, and the last number of the reply."""

import re

WORDS = 6.0  # that a reply may have


def solve(problem, model):
    """The answer to a problem, as digits."""
    reply = model(
        f"{problem}\n\nReply with the final integer only, in at most {WORDS:.1f} words and without "
        "any explanation."
    )
    numbers = re.findall(r"-?\d+", reply.replace(",", ""))
    return numbers[-1] if numbers else ""
