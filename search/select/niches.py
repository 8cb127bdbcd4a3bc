"""Parents from niches of size and form: MAP-Elites."""

import math
import re
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from keyword import iskeyword
from random import Random
from typing import NamedTuple

from ...archive import Node, Tree
from ...evals.syntax import size
from .chance import floored, pick

# The edges never move, so that a cell means the same in every run and at every moment.
SIZES = (-2.0, -1.0, -0.5, -0.1, 0.1, 0.5, 1.0, 2.0)  # log2 of the size over that of the start
DISTANCES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.45)  # from the start: 0 is equal, 1 shares nothing
TOKEN = re.compile(r"#.*|\.?[^\W\d]\w*|\d[\w.]*|\S")


class Cell(NamedTuple):
    """A niche: the bin of the size and the bin of the distance."""

    size: int
    distance: int


def map_elites(tree: Tree, rng: Random) -> Node:
    """The best node of a niche, each occupied niche with equal probability.

    MAP-Elites (Mouret and Clune 2015) over the eligible nodes. A niche is a bin of program size
    and one of distance from the start. With probability `FLOOR` it is any eligible node instead, so
    that each keeps a positive chance.
    """
    nodes, start = tree.eligible(), tree[0]
    ranks = [tree.ranking[node.number] for node in nodes]
    return pick(nodes, map_elites_weights([cell(node, start) for node in nodes], ranks), rng)


def map_elites_weights(cells: Sequence[Cell], ranks: Sequence[float]) -> list[float]:
    """The probabilities of `map_elites`, which sum to one; of equal ranks the first is elite."""
    elites: dict[Cell, int] = {}
    for at, (niche, rank) in enumerate(zip(cells, ranks, strict=True)):
        if niche not in elites or rank > ranks[elites[niche]]:
            elites[niche] = at
    chosen = set(elites.values())
    return floored([float(at in chosen) for at in range(len(cells))])


def cell(node: Node, start: Node) -> Cell:
    """The niche of a node's program, as seen from the start."""
    ratio = math.log2(_size(node) / _size(start))
    apart = distance(_text(node), _text(start))
    return Cell(bisect(SIZES, ratio), bisect(DISTANCES, apart))


@lru_cache(maxsize=16_384)  # by content: a program is read once a process
def distance(text: str, other: str) -> float:
    """Share of tokens that two programs do not have in common, 0 to 1 (Soerensen 1948).

    Order, comments, the values of numbers and the names of variables do not count.
    """
    one, two = _tokens(text), _tokens(other)
    total = one.total() + two.total()
    return 1 - 2 * (one & two).total() / total if total else 0.0


def _tokens(text: str) -> Counter[str]:
    """How often each kind of token occurs."""
    kinds: Counter[str] = Counter()
    for token, count in Counter(TOKEN.findall(text)).items():
        if not token.startswith("#"):
            kinds[_kind(token)] += count
    return kinds


def _kind(token: str) -> str:
    """The token itself, unless it is a number or a name that the program may choose."""
    if token[0].isdigit():
        return "0"
    return "name" if token.isidentifier() and not iskeyword(token) else token


def _size(node: Node) -> int:
    """Nodes of syntax, at least one; older archives may not say."""
    return max(1, node.size or size(node.candidate.files))


def _text(node: Node) -> str:
    files = node.candidate.files
    return "\n".join(files[name] for name in sorted(files))
