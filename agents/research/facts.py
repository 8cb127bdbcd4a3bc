"""What the archive knows of a node, in words: gains with intervals, never bare means."""

from ...archive import Node
from ...evals import Estimate, Summary
from ...sandbox.text import line
from ...tasks import Metric

BY_A_PERSON = ("rejected by a person", "kept from fresh seeds by a person")
Z = 1.96  # normal quantile of a two-sided 95 % interval, for means of many common seeds


def settled(node: Node) -> bool:
    """Whether a proposal's story is at its end, as far as the run will spend on it."""
    return node.verdict is not None and (node.standing != "promising" or node.kept)


def rejected(node: Node) -> bool:
    """Whether a person did not want it."""
    return node.verdict is not None and node.verdict.reason.startswith(BY_A_PERSON)


def outcome(node: Node, metric: Metric) -> str:
    """One line of measured facts; it holds no words of candidates."""
    verdict, name = node.verdict, f"node {node.number}"
    if verdict is None:
        return f"{name}: {node.kind} {line(node.name, 40)}; {standing(node, metric)}"
    name += f" (child of node {node.parent})"
    if verdict.estimate is not None:
        found = f"{_estimate(verdict.estimate, metric)} over its parent, fresh seeds"
        return f"{name}: {verdict.standing}; {found}; {standing(node, metric)}"
    if verdict.standing == "refuted":
        return f"{name}: refuted; {line(verdict.reason, 400)}"
    if rejected(node):
        return f"{name}: {line(verdict.reason, 400)}"
    if verdict.screen is not None:
        found = _estimate(interval(verdict.screen), metric)
        noise = f"sd between seeds {verdict.screen.sd:.2g}"
        return f"{name}: {verdict.standing}; {found} over its parent, search seeds; {noise}"
    return f"{name}: {verdict.standing}; no interval was measured"


def standing(node: Node, metric: Metric) -> str:
    """The gain over the start on common search seeds, if the node was ranked."""
    if node.gain is None:
        return "not ranked"
    half = Z * node.gain_error
    low, high = node.gain - half, node.gain + half
    return f"{node.gain:+.4f} [{low:+.4f}, {high:+.4f}] {metric.unit} over the start"


def interval(screen: Summary) -> Estimate:
    """The 95 % t interval of a mean gain."""
    from scipy.special import stdtrit

    half = float(stdtrit(max(1, screen.pairs - 1), 0.975)) * screen.error
    return Estimate(
        gain=screen.mean, low=screen.mean - half, high=screen.mean + half, pairs=screen.pairs
    )


def _estimate(found: Estimate, metric: Metric) -> str:
    span = f"{found.gain:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
    return f"{span} {metric.unit} on {found.pairs} seeds"
