"""How different programs are, by the lines that they share."""

from collections.abc import Mapping, Sequence

from ...archive import Node


def lines(files: Mapping[str, str]) -> frozenset[str]:
    """The lines of a program that say something, without their indentation."""
    every = (text.strip() for name in sorted(files) for text in files[name].split("\n"))
    return frozenset(text for text in every if text and not text.startswith("#"))


def distance(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard distance of two sets of lines: 0 for equal programs, 1 for nothing in common."""
    both = len(one | other)
    return 1 - len(one & other) / both if both else 0.0


def most_different(parent: Node, nodes: Sequence[Node], count: int) -> list[Node]:
    """Nodes far from the parent and from each other, the farthest first (Gonzalez 1985)."""
    pool = {node.number: lines(node.candidate.files) for node in nodes}
    own = lines(parent.candidate.files)
    apart = {number: distance(files, own) for number, files in pool.items()}
    by_number = {node.number: node for node in nodes}
    chosen: list[Node] = []
    while apart and len(chosen) < count:
        number = max(apart, key=lambda n: (apart[n], -n))
        if apart.pop(number) == 0.0:
            break
        chosen.append(by_number[number])
        apart = {n: min(far, distance(pool[n], pool[number])) for n, far in apart.items()}
    return chosen
