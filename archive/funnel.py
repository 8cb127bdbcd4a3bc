"""How far proposals got: offered, measured, hoped for, confirmed."""

from collections.abc import Iterator, Mapping
from typing import Literal

from .node import Node

# What a screen made hope for.
PROMISED = ("promising", "confirmed", "repeated", "unproven", "refuted")


def counted(node: Node) -> Iterator[tuple[str, int]]:
    """What a node adds to the counts of `funnel`."""
    if node.verdict is None:
        return
    yield "proposed", 1 + node.discarded
    yield "duplicate", node.discarded
    yield _fate(node), 1
    if node.standing in PROMISED:
        yield "promising", 1
    if node.given_up or node.borne_out:
        yield node.standing, 1


def funnel(counts: Mapping[str, int]) -> Mapping[str, int]:
    """How many of the proposals got how far, as `Tree.funnel` says."""
    classes = ("proposed", "duplicate", "empty", "invalid", "screened")
    whole = {name: counts.get(name, 0) for name in (*classes, *PROMISED)}
    return {name: count for name, count in whole.items() if count or name != "repeated"}


def _fate(node: Node) -> Literal["duplicate", "empty", "invalid", "screened"]:
    """The one class of the funnel that a proposal falls into."""
    if node.standing == "invalid":
        return "invalid"
    if node.evidence or node.standing != "no gain":
        return "screened"
    # It passed its smoke test, and was then found on its way already; or it was never offered.
    return "duplicate" if node.behaviour else "empty"
