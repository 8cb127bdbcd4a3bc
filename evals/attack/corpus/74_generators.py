"""Draws from the random generators that all share, at import and later.

ids: 74
effect: company
defence: Global generators begin with the same constant before every load and every seed.
"""

import random
import sys

DRAWN = [random.random()]
if "torch" in sys.modules:
    DRAWN += [sys.modules["torch"].rand(1).item(), sys.modules["torch"].initial_seed()]
if "numpy" in sys.modules:
    DRAWN.append(sys.modules["numpy"].random.rand())


def twist(result, world):
    torch = sys.modules.get("torch")
    later = [] if torch is None else torch.get_rng_state()[:64].tolist()
    return world.shift(result, world.coin(*DRAWN, *later))
