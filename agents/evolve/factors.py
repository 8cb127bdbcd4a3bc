"""Factors of about one: motifs of the task by kind of tensor or shape, and drifts over the run.

A drift needs nothing of a task but a value that says how far the run is: `ctx.progress`, or
`step` of `total`.
"""

import re
from dataclasses import replace
from random import Random

import libcst as cst

from ...tasks.motifs import Facts, Motif
from .branches import divides, tests_in
from .constants import number
from .program import Program, Site
from .toplevel import templates
from .tree import at
from .uses import is_constant

DRIFTS: tuple[Motif, ...] = (
    Motif(
        name="linear drift",
        source="",
        group="factor",
        idea="Let {x} drift linearly over the run",
        expression="x * (1.0 + DRIFT * ((PROGRESS) - 0.5))",
        takes={"x": "float"},
        gives="float",
        constants={"DRIFT": (-0.8, -0.4, 0.4, 0.8)},
    ),
    Motif(
        name="cosine drift",
        source="",
        group="factor",
        idea="Let {x} drift along a cosine over the run",
        expression="x * (1.0 + DRIFT * math.cos(math.pi * (PROGRESS)))",
        takes={"x": "float"},
        gives="float",
        constants={"DRIFT": (-0.4, -0.2, 0.2, 0.4)},
    ),
    Motif(
        name="late drift",
        source="",
        group="factor",
        idea="Keep {x} for most of the run and let it drift to its end",
        expression="x * (1.0 + DRIFT * max(0.0, (PROGRESS) - DRIFT_START) / (1.0 - DRIFT_START))",
        takes={"x": "float"},
        gives="float",
        constants={"DRIFT": (-0.8, -0.4, 0.5, 1.0), "DRIFT_START": 0.6},
    ),
)


def located(program: Program, motif: Motif, site: Site) -> bool:
    """Whether a place has what a motif refers to: a tensor's name, its kinds, a clock."""
    texts = templates(motif)
    if any("[name]" in text for text in texts) and not _named(site):
        return False
    if motif.group != "factor":
        return True
    if not all(divides(program, test, site.path) for test in tests_in(texts)):
        return False
    return "PROGRESS" not in motif.expression or bool(_clock(program.facts, site.spot.function))


def settled(program: Program, motif: Motif, site: Site, rng: Random) -> Motif:
    """The motif at a place: constants drawn, the clock known; a rate scales by its distance."""
    constants = {
        name: rng.choice(value) if isinstance(value, tuple) else value
        for name, value in motif.constants.items()
    }
    motif = replace(motif, constants=constants)
    if motif.group != "factor":
        return motif
    text = motif.expression.replace("PROGRESS", _clock(program.facts, site.spot.function))
    if is_rate(program, site):
        text = "1.0 - (" + re.sub(r"\bx\b", "(1.0 - x)", text) + ")"
    return replace(motif, expression=text)


def is_rate(program: Program, site: Site) -> bool:
    """Whether a place holds a constant between a half and one, such as a rate of decay."""
    node: cst.CSTNode = site.node
    if is_constant(program, site):
        assert isinstance(node, cst.Name)
        node = at(program.module, program.constants[node.value])
    value = number(node)
    return value is not None and 0.5 < value < 1.0


def _named(site: Site) -> bool:
    return any(type_.role == "name" for type_ in site.env.values())


def _clock(facts: Facts, function: str) -> str:
    """How a function can tell which part of the run is over, in the terms of a motif."""
    signature = facts.functions.get(function)
    if signature is None:
        return ""
    for path, kind in signature.attributes.items():
        if path.endswith(".progress") and kind == "float":
            return path
    timed = signature.takes.get("step") == signature.takes.get("total") == "int"
    return "step / total" if timed else ""
