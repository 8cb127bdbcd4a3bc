"""Take one change out of a text that has changed since: a three-way merge, line by line.

The plain diff3 (Khanna, Kunal and Pierce 2007). Changes that touch are a conflict, as in git.
"""

from collections.abc import Mapping
from difflib import SequenceMatcher


def merge(base: str, ours: str, theirs: str) -> str | None:
    """`ours` with what became of `base` in `theirs`; None where both changed the same lines."""
    old, mine, other = (text.splitlines(keepends=True) for text in (base, ours, theirs))
    in_mine = {**_kept(old, mine), len(old): len(mine)}
    in_other = {**_kept(old, other), len(old): len(other)}
    merged: list[str] = []
    a = b = c = 0
    for i in sorted(in_mine.keys() & in_other.keys()):
        j, k = in_mine[i], in_other[i]
        was, left, right = old[a:i], mine[b:j], other[c:k]
        if left not in (was, right) and right != was:
            return None
        merged += [*(right if left == was else left), *old[i : i + 1]]
        a, b, c = i + 1, j + 1, k + 1
    return "".join(merged)


def merge_files(
    base: Mapping[str, str], ours: Mapping[str, str], theirs: Mapping[str, str]
) -> dict[str, str] | None:
    """`merge` for every file of a program."""
    merged = {
        name: merge(base.get(name, ""), text, theirs.get(name, "")) for name, text in ours.items()
    }
    whole = {name: text for name, text in merged.items() if text is not None}
    return whole if len(whole) == len(ours) else None


def _kept(old: list[str], new: list[str]) -> dict[int, int]:
    """Where the lines that a change left alone went."""
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return {a + i: b + i for a, b, size in blocks for i in range(size)}
