"""What the archive knows of a node, in words: gains with intervals, never bare means."""

from ...archive import Node
from ...evals import Estimate, Summary
from ...sandbox.text import line
from ...tasks import Metric

BY_A_PERSON = ("rejected by a person", "kept from fresh seeds by a person")
Z = 1.96  # normal quantile of a two-sided 95 % interval, for means of many common seeds


def settled(node: Node) -> bool:
    """Whether the run will spend no more on a proposal."""
    return node.verdict is not None and (node.standing != "promising" or node.kept)


def rejected(node: Node) -> bool:
    """Whether a person rejected the proposal."""
    return node.verdict is not None and node.verdict.reason.startswith(BY_A_PERSON)


def outcome(node: Node, metric: Metric) -> str:
    """A line of measured facts about a node, without any text of a candidate."""
    facts = f"{_made(node)}: {_found(node, metric)}"
    return facts if node.gain is None else f"{facts}; {standing(node, metric)}"


def _made(node: Node) -> str:
    if node.verdict is not None:
        return f"node {node.number} (child of node {node.parent})"
    return f"node {node.number}"


def _found(node: Node, metric: Metric) -> str:
    """What came of it. Reasons are quoted where the judge wrote them, from gains, or a person."""
    verdict = node.verdict
    if verdict is None:
        return " ".join(dict.fromkeys((node.kind, line(node.name, 40))))
    if verdict.estimate is not None:
        return f"{node.for_agents}; {_estimate(verdict.estimate, metric, 'fresh')}"
    if rejected(node) or (node.given_up and verdict.evidence):
        return f"{node.for_agents}; {line(verdict.reason, 400)}"
    if verdict.screen is not None:
        noise = f"sd between seeds {verdict.screen.sd:.2g}"
        gain = _estimate(interval(verdict.screen), metric, "search")
        return f"{node.for_agents}; {gain}; {noise}"
    if verdict.evidence:
        return f"{node.for_agents}; {line(verdict.reason, 200)}, too few for an interval"
    return f"{node.for_agents}; not measured"


def standing(node: Node, metric: Metric) -> str:
    """The gain over the start on common search seeds; the node has to be ranked."""
    if node.kind == "start" or node.gain is None:
        return "all gains over the start are gains over this"
    half = Z * node.gain_error
    low, high = node.gain - half, node.gain + half
    return f"{node.gain:+.4f} [{low:+.4f}, {high:+.4f}] {metric.unit} over the start"


def span(estimate: Estimate, metric: Metric) -> str:
    """A gain with its interval, in the metric's unit."""
    return f"{estimate.gain:+.4f} [{estimate.low:+.4f}, {estimate.high:+.4f}] {metric.unit}"


def interval(screen: Summary) -> Estimate:
    """The 95 % t interval of a mean gain."""
    from scipy.special import stdtrit

    half = float(stdtrit(max(1, screen.pairs - 1), 0.975)) * screen.error
    return Estimate(
        gain=screen.mean, low=screen.mean - half, high=screen.mean + half, pairs=screen.pairs
    )


def _estimate(estimate: Estimate, metric: Metric, seeds: str) -> str:
    return f"{span(estimate, metric)} over its parent on {estimate.pairs} {seeds} seeds"
