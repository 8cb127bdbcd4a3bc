"""How long work takes here, so that a search begins nothing that cannot end in its time."""

import math
import threading
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import NamedTuple

from ..evals import Split

REMEMBERED = 16  # of the newest durations of a kind, since the load of a machine changes


class Lap(NamedTuple):
    """One job: the candidate's digest, the number of its seeds, and its wall time in seconds."""

    candidate: str
    seeds: int
    seconds: float


class Pace:
    """The durations of jobs and proposals in this process. Safe to use from several threads."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._guard = threading.Lock()
        self._jobs: defaultdict[Split, deque[Lap]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._offers: deque[float] = deque(maxlen=REMEMBERED)

    def ran(self, split: Split, lap: Lap) -> None:
        """Remember a job on the workloads of `split` that gave scores."""
        with self._guard:
            self._jobs[split].append(lap)

    def offered(self, seconds: float) -> None:
        """Remember how long a proposal took, from the question to what came of it."""
        with self._guard:
            self._offers.append(seconds)

    def offer(self) -> float:
        """Seconds that a proposal usually takes; zero before the first."""
        with self._guard:
            return _usual(self._offers)

    def job(self, split: Split, count: int, candidate: str = "") -> float:
        """Wall seconds that a job of `count` seeds usually takes; zero before the first.

        The estimate follows jobs of the nearest size; the time of a smaller one is scaled up. A
        candidate that has taken longer on fewer seeds is expected to take as long again. Workloads
        that were never run count as the development workloads.
        """
        with self._guard:
            laps = list(self._jobs[split] or self._jobs["dev"])
        if not laps:
            return 0.0
        nearest = min(abs(math.log(count / lap.seeds)) for lap in laps)
        near = [lap for lap in laps if abs(math.log(count / lap.seeds)) == nearest]
        usual = _usual(lap.seconds * max(1.0, count / lap.seeds) for lap in near)
        own = [lap.seconds for lap in laps if lap.candidate == candidate and lap.seeds <= count]
        return max(usual, *own) if own else usual


def _usual(durations: Iterable[float]) -> float:
    """The upper quartile: three in four do not take longer."""
    ordered = sorted(durations)
    return ordered[3 * len(ordered) // 4] if ordered else 0.0
