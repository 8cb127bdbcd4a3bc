"""What an older proposal was made of, read from its idea: before, no note said so."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from ...tasks.motifs import Facts, Motif
from .credit import Credit
from .factors import DRIFTS

# How the ideas of edits begin that weave in no motif. Two kinds replace expressions, in the same
# words: who reads them cannot tell which.
BEGINNINGS: Mapping[str, str] = {
    "Changed ": "constant",
    "Gave `": "divided constant",
    "Used `": "reuse",
    "Removed `": "deletion",
    "Shortened `": "deletion",
    "Moved `": "move",
    "Computed `": "fork",
    "Did for all kinds ": "merge",
    "Took over how another program ": "crossover",
    "Put `": "crossover",
    "Took ": "constant exchange",
}


def credits(idea: str, facts: Facts) -> list[Credit]:
    """The edits of a proposal of `evolver`, in so far as its idea tells them."""
    for motif in facts.motifs:
        idea = idea.replace(motif.source, _source(motif))
    return [credit for text in idea.split("; ") if (credit := _credit(text, facts))]


def _credit(text: str, facts: Facts) -> Credit | None:
    for motif, form in _forms(facts):
        if rest := form.match(text):
            kind = "factor" if motif.group == "factor" else f"{motif.group} motif"
            return Credit("fork" if rest["where"] else kind, motif.name)
    if any(form.match(text) for _, form in _blends(facts)):
        return Credit("crossover")
    kind = next((kind for begin, kind in BEGINNINGS.items() if text.startswith(begin)), "")
    return Credit(kind) if kind else None


@lru_cache(maxsize=32)
def _forms(facts: Facts) -> list[tuple[Motif, re.Pattern[str]]]:
    return list(_patterns((*facts.motifs, *DRIFTS)))


@lru_cache(maxsize=32)
def _blends(facts: Facts) -> list[tuple[Motif, re.Pattern[str]]]:
    return list(_patterns(facts.blends))


def _source(motif: Motif) -> str:
    """The source of a motif, without the sign that parts ideas."""
    return motif.source.replace("; ", ", ")


def _patterns(motifs: Iterable[Motif]) -> Iterator[tuple[Motif, re.Pattern[str]]]:
    for motif in motifs:
        idea = re.escape(motif.idea).replace(re.escape("{x}"), "`.*`")
        source = re.escape(f" ({_source(motif)})") if motif.source else ""
        yield motif, re.compile(rf"{idea}{source}(?P<where>, where .*)?$")
