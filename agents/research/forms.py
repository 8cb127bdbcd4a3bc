"""What the steps hand to each other: the forms that replies of language models come in.

Every field is required, and none is bounded: what is too long is cut where it is used.
"""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict

Known = Literal[
    "new mechanism", "borrowed part", "schedule", "constants", "simplification", "numerics", "other"
]


def _known(kind: object) -> object:
    """A kind of the model's own is no reason to ask again."""
    return kind if kind in get_args(Known) else "other"


Kind = Annotated[Known, BeforeValidator(_known)]


class Form(BaseModel):
    """A reply; what a model adds to it is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Diagnosis(Form):
    """What limits the parent."""

    limits: str
    evidence: tuple[str, ...]


class Idea(Form):
    """One change. `expected_effect` is a gain in the metric's unit; positive is better."""

    title: str
    idea: str
    hypothesis: str
    expected_effect: float | None
    how_it_could_fail: str
    kind: Kind


class Review(Form):
    """A reflection on an idea before anything is spent on it (Hu et al. 2024, ADAS)."""

    novel: bool
    implementable: bool
    cheats_or_reseeds: bool
    problems: tuple[str, ...]
    verdict: Literal["go", "revise", "drop"]
    advice: str


class Edit(Form):
    """Replace the one place where `search` occurs; an empty `search` replaces the whole file."""

    file: str
    search: str
    replace: str


class Patch(Form):
    """Edits of one text, all of them against the text as it was."""

    edits: tuple[Edit, ...]


class File(Form):
    """One file of a program, whole."""

    file: str
    text: str


class Design(Idea):
    """An architect's document: all that an engineer is told (after Hong et al. 2024, MetaGPT)."""

    limits: str
    changes: tuple[str, ...]
    unchanged: str
    checks: tuple[str, ...]


class Quality(Form):
    """A tester's report on code, held against its design."""

    matches_design: bool
    problems: tuple[str, ...]
    verdict: Literal["pass", "fail"]
    advice: str


class Expert(Form):
    """An expert to be asked, who knows of no other."""

    field: str
    instruction: str


class Conduct(Form):
    """A conductor's questions to experts (Suzgun and Kalai 2024, meta-prompting)."""

    thoughts: str
    experts: tuple[Expert, ...]


class Lesson(Form):
    """What some nodes teach; their gains are looked up and never quoted."""

    text: str
    nodes: tuple[int, ...]


class Lessons(Form):
    """A notebook as a model gives it."""

    lessons: tuple[Lesson, ...]
