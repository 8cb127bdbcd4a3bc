"""A tree as a table of pandas, which is only needed here."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .archive import Node

if TYPE_CHECKING:
    import pandas

WHOLE_NUMBERS = ("parent", "pairs")  # columns with gaps


def frame(nodes: Iterable[Node]) -> "pandas.DataFrame":
    """One row a node, indexed by number; raises ImportError where pandas is not installed."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "a frame needs pandas, which is not installed: pip install 'ratchet[notebook]'"
        ) from error
    table = pandas.DataFrame.from_records([_row(node) for node in nodes], "number")
    return table.astype(dict.fromkeys(WHOLE_NUMBERS, "Int64"))


def _row(node: Node) -> dict[str, Any]:
    estimate = node.verdict.estimate if node.verdict else None
    return {
        "number": node.number,
        "parent": node.parent,
        "kind": node.kind,
        "name": node.name,
        "standing": node.standing,
        "idea": node.candidate.idea,
        "proposer": node.candidate.proposer,
        "score": node.score,
        "gain_over_start": node.gain,
        "gain_over_start_error": None if node.gain is None else node.gain_error,
        "gain": estimate.gain if estimate else None,
        "low": estimate.low if estimate else None,
        "high": estimate.high if estimate else None,
        "pairs": estimate.pairs if estimate else None,
        "size": node.size,
        "trials": node.trials,
        "cpu_seconds": node.cpu_seconds,
        "turn": node.turn,
        "validated": node.validated,
    }
