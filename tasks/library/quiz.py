"""The problems of a workload and seed, as whoever asks them and whoever marks them draw them."""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from boards import board
from data_key import DATA
from stories import story
from timetables import journey

PROBLEMS = 8  # of a workload and seed
DEVELOPMENT = ("word_problems", "grid_puzzles")


class Problem(NamedTuple):
    """What makes a problem, its kind first, and how it is told."""

    facts: tuple
    statement: str


WORKLOADS: dict[str, Callable[[Random], tuple[tuple, str]]] = {
    "word_problems": lambda rng: story(rng, rng.randint(4, 6), 2, new=False),
    "grid_puzzles": lambda rng: board(rng, rng.randint(5, 6), 12),
    "long_stories": lambda rng: story(rng, rng.randint(7, 9), 4, new=True),
    "large_grids": lambda rng: board(rng, 7, 18),
    "long_journeys": lambda rng: journey(rng, rng.randint(4, 6)),
}


def problems(workload: str, seed: int, data: int = DATA) -> list[Problem]:
    """The problems of one seed, always the same for one number `data`."""
    path = f"{data}/{workload}/{seed}" if data else f"{workload}/{seed}"
    rngs = [Random(f"{path}/{number}") for number in range(PROBLEMS)]
    return [Problem(*WORKLOADS[workload](rng)) for rng in rngs]
