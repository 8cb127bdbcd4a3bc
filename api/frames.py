"""A tree as a table of pandas, which is only needed here."""

from typing import TYPE_CHECKING, Any

from .archive import Node, Tree
from .evals.judge import Effect

if TYPE_CHECKING:
    import pandas

WHOLE_NUMBERS = ("parent", "pairs")  # columns with gaps


def frame(nodes: Tree) -> "pandas.DataFrame":
    """One row a node, indexed by number; raises ImportError where pandas is not installed."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "a frame needs pandas, which is not installed: pip install 'ratchet[notebook]'"
        ) from error
    table = pandas.DataFrame.from_records(
        [_row(node, nodes.effects.get(node.number)) for node in nodes], "number"
    )
    return table.astype(dict.fromkeys(WHOLE_NUMBERS, "Int64"))


def _row(node: Node, effect: Effect | None) -> dict[str, Any]:
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
        "gain_over_start": effect.gain if effect else None,
        "gain_over_start_error": effect.error if effect else None,
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
