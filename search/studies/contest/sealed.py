"""The seeds on which all searches of a bench are compared, and what was measured on them."""

from collections.abc import Sequence

from ....archive import Node, require_sound
from ....evals import Evaluation, Keys, Split, draw, judge
from ...lab import Lab
from ..report import SEEDS

STREAM = "bench/sealed"


class Sealed:
    """Gains over the baseline, on seeds that no search has drawn."""

    def __init__(self, lab: Lab, keys: Keys, baseline: Node, workers: int) -> None:
        """Compare with `baseline`, on seeds and data that follow from the secret in `keys`."""
        self.lab, self.baseline, self.workers = lab, baseline, workers
        self.keys = keys._replace(steer=keys.sealed)
        self._measured: dict[tuple[str, Split], Evaluation] = {}

    def measure(self, nodes: Sequence[Node], split: Split) -> None:
        """Measure these nodes and the baseline, each program once.

        Raises ArchiveError for one that may not be run.
        """
        require_sound((self.baseline, *nodes), self.lab.task)
        wanted = {node.candidate.digest: node.candidate for node in (self.baseline, *nodes)}
        seeds = draw(self.keys, STREAM, SEEDS[split])
        measured = self.lab.evaluate_all(wanted, STREAM, seeds, split, self.workers)
        self._measured |= {(digest, split): trials for digest, trials in measured.items()}

    def gains(self, node: Node | None, split: Split) -> list[float]:
        """A gain a seed; the baseline's own are nothing."""
        if node is None:
            return [0.0] * SEEDS[split]
        mine, rival = (self._measured[n.candidate.digest, split] for n in (node, self.baseline))
        return judge.gains(mine, rival, self.lab.task.metric)
