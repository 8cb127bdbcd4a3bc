"""One proposal at work: its brief, what it recalled, and how it asks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from ...evals import Candidate
from ..base import Brief, Form
from . import notebook
from .asking import CHARACTERS, attempt, messages, told
from .forms import Design, Idea
from .programs import editable, known
from .recall import Briefing, recall
from .settings import Settings

LEARNT = 0.2  # share of the briefing's room that the notebook gets
KNOWN = """# What the search knows

Brackets hold 95 % intervals. Gains on fresh seeds count; those on search seeds are flattered."""
MARGIN = len(KNOWN) + 10  # characters beside the briefing and the notebook
# Several proposals are made from one parent at a time, and equal questions have equal answers.
ANGLES = (
    "the first tenth of training",
    "the last third of training",
    "what is averaged, over how long, and what that does to noise",
    "what sets the length of a step",
    "what is treated alike that differs: tensors, layers, samples, phases",
    "what may not earn its place and could go",
    "what other programs above have and this one lacks",
    "what the constants were tuned for, and whether that still holds",
)


class State(TypedDict, total=False):
    """The state that the graph keeps: text and counts alone, so checkpoints stay small.

    `plan` names the briefing and settings that it belongs to. Forms are JSON. `refusal` is why the
    last patch was refused, `fault` why the program did not pass. The graph has ended when `done`,
    a candidate, or `dropped`, a reason, is there.
    """

    plan: str
    notebook: str
    diagnosis: str
    idea: str
    review: str
    instructions: str
    answers: list[str]
    patch: str
    refusal: str
    program: str
    fault: str
    proposals: int
    rounds: int
    repairs: int
    audits: int
    done: str
    dropped: str


@dataclass(frozen=True)
class Work:
    """A proposal at work, which every step may use. Equal briefs make equal work."""

    brief: Brief
    settings: Settings
    briefing: Briefing
    before: notebook.Notebook
    angle: str
    forms: Mapping[str, int] = field(repr=False)

    @classmethod
    def of(cls, brief: Brief, settings: Settings) -> "Work":
        """Recall what the brief's tree holds."""
        before = notebook.newest(brief.tree)
        room = settings.briefing_tokens * CHARACTERS
        briefing, angle = recall(brief, int(room * (1 - LEARNT))), brief.rng.choice(ANGLES)
        return cls(brief, settings, briefing, before, angle, known(brief.tree))

    @property
    def plan(self) -> str:
        """Names what this work depends on; a checkpoint of other work is of no use to it."""
        own = f"{self.settings.model_dump_json()}/{self.before.version}/{self.angle}"
        return f"{self.briefing.digest}/{own}"

    @property
    def parent(self) -> Mapping[str, str]:
        """The program that is to be changed."""
        return self.brief.parent.candidate.files

    @property
    def editable(self) -> str:
        """The names of its files."""
        return editable(self.brief)

    def ask(
        self,
        step: str,
        role: str,
        text: str,
        form: type[Form],
        material: str,
        again: Sequence[str] = (),
    ) -> Form:
        """Put a step's text after `material`; `again` is an earlier reply and what it lacks."""
        return self.brief.desk.ask(step, role, messages(material, text, again), form)

    def ask_text(self, step: str, role: str, text: str, material: str) -> str:
        """Ask for an answer in free text; otherwise as `ask`."""
        return self.brief.desk.ask_text(step, role, messages(material, text))

    def history(self, state: State) -> str:
        """The task, the parent, and all that the search knows, within the budget of tokens."""
        book = notebook.parse(state.get("notebook", "")) or self.before
        room = int(self.settings.briefing_tokens * CHARACTERS * LEARNT) - MARGIN
        learnt = notebook.words(book, self.brief.tree, self.brief.task.metric, room)
        past = self.briefing.history and f"{KNOWN}\n\n{self.briefing.history}"
        return "\n\n".join(part for part in (self.briefing.core, past, learnt) if part)

    def occasion(self) -> str:
        """The text on where to look, how bold to be, and which attempt this is."""
        tried = sum(1 for n in self.brief.tree.children(self.brief.parent) if n.verdict)
        if tried < 2:
            text = "Hardly anything was tried from this parent: prefer the smallest change that "
            text += "puts the reason to the test."
        elif tried < 4:
            text = f"{tried} children of this parent were tried: a change of moderate size is due."
        else:
            text = f"{tried} children of this parent were tried: find out what they share, leave "
            text += "it, and use another mechanism."
        text += f" Others work from the same parent now; your share is {self.angle}."
        if (number := attempt(self.brief)) > 1:
            text += f" This is attempt {number}: what was offered before came to nothing or to a "
            text += "known program, so go another way."
        return text

    def files(self, state: State) -> dict[str, str]:
        """The program as far as it is written."""
        written: dict[str, str] = json.loads(state["program"])
        return written

    def idea(self, state: State) -> Idea:
        """The idea that is being worked out, which may be a whole design."""
        form = Design if self.settings.variant == "roles" else Idea
        return form.model_validate_json(state["idea"])

    def candidate(self, state: State) -> Candidate:
        """The candidate that the graph made, with its reasons as notes."""
        idea = self.idea(state)
        unit = self.brief.task.metric.unit
        expected = idea.expected_effect
        notes = {
            "diagnosis": state.get("diagnosis", ""),
            "hypothesis": idea.hypothesis,
            "expected": "not said" if expected is None else f"{expected:+g} {unit}",
            "risk": idea.how_it_could_fail,
            "kind": idea.kind,
            "review": state.get("review", "") and told(state["review"]),
            "model": self.brief.desk.model(self.settings.author),
            "repairs": str(state.get("repairs", 0)),
            notebook.HEADING: state.get("notebook", ""),
        }
        return Candidate(
            files=self.files(state),
            idea=f"{idea.title}: {idea.idea}",
            proposer=self.settings.agent,
            notes={heading: text for heading, text in notes.items() if text},
        )
