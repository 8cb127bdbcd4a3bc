"""Scale one number of the leading program, and nothing else."""

import math
import re

STEP = 0.5  # standard deviation of the logarithm that a number is scaled by
FLOAT = r"(?<![\w.])\d+\.\d+(?:e-?\d+)?"


def propose(brief):
    """The leading program with one number changed."""
    (name, text), *_ = sorted(brief.best["files"].items())
    spots = list(re.finditer(FLOAT, text))
    spot = brief.rng.choice(spots)
    old = float(spot[0])
    new = old * math.exp(brief.rng.gauss(0.0, STEP)) if old else brief.rng.gauss(0.0, 0.1)
    shown = f"{new:.4f}" if abs(new) > 0.01 else f"{new:.8f}"
    text = text[: spot.start()] + shown + text[spot.end() :]
    idea = f"{old} becomes {shown}"
    return {"files": {name: text}, "idea": idea, "parent": brief.best["number"]}
