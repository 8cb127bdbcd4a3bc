"""Which node to build on next. Each policy is a pure function of the tree and a generator.

All choose among the nodes that may be built on. They rank nodes by `Tree.ranking`, the gains over
the start from all seeds that compare them, and draw from the given generator alone.

lead      the chance that a child leads (the default)
darwin    rank, and few attempts so far (`dgm`)
clades    what came of all descendants (`hgm`)
bounds    an upper confidence bound (`uct`)
fronts    best at some workload and seed (`gepa`)
niches    best of its size and form (`map_elites`)
plain     one rule each: `best`, `latest`, `planted`, `uniform`, `aide`
chance    draws that leave every node a chance
"""

from collections.abc import Callable
from random import Random

from ...archive import Node, Tree
from .bounds import uct, uct_bounds, uct_weights
from .clades import Outcomes, clade_outcomes, hgm
from .darwin import dgm, dgm_weights
from .fronts import gepa, gepa_fronts, gepa_weights
from .lead import gain_chances, lead, lead_weights, typical_step
from .niches import Cell, cell, distance, map_elites, map_elites_weights
from .plain import aide, best, latest, planted, uniform

Select = Callable[[Tree, Random], Node]

POLICIES: dict[str, Select] = {
    "lead": lead,
    "dgm": dgm,
    "best": best,
    "uniform": uniform,
    "planted": planted,
    "hgm": hgm,
    "aide": aide,
    "gepa": gepa,
    "map_elites": map_elites,
    "uct": uct,
    "latest": latest,
}

__all__ = [
    "POLICIES",
    "Cell",
    "Outcomes",
    "Select",
    "aide",
    "best",
    "cell",
    "clade_outcomes",
    "dgm",
    "dgm_weights",
    "distance",
    "gain_chances",
    "gepa",
    "gepa_fronts",
    "gepa_weights",
    "hgm",
    "latest",
    "lead",
    "lead_weights",
    "map_elites",
    "map_elites_weights",
    "planted",
    "typical_step",
    "uct",
    "uct_bounds",
    "uct_weights",
    "uniform",
]
