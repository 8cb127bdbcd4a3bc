"""Which steps a variant takes, and what decides the way on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import fronts, steps
from .work import State, Work

END = ""
Run = Callable[[Work, State], State]
Way = Callable[[Work, State], str]


@dataclass(frozen=True)
class Step:
    """What a node of the graph does, and which of the steps `to` comes next: `way` says, if there
    are several. Whatever is dropped ends there."""

    run: Run
    to: tuple[str, ...] = (END,)
    way: Way | None = None

    def next(self, work: Work, state: State) -> str:
        """The step that follows, or END."""
        if state.get("dropped"):
            return END
        return self.way(work, state) if self.way else self.to[0]


def plan(variant: str) -> Mapping[str, Step]:
    """The steps of a variant by name, the first one first."""
    front, first = FRONTS[variant]
    begin = Step(steps.recalled, ("distil", first), _begin(first))
    return {"recall": begin, "distil": Step(steps.distil, (first,)), **front, **BACK}


def _begin(first: str) -> Way:
    return lambda work, state: "distil" if steps.due(work, state) else first


def _review(back: str) -> Step:
    ways = {"go": "write", "revise": back}
    return Step(
        steps.review, ("write", back), lambda work, state: ways[steps.reviewed(work, state)]
    )


def _or_again(step: str, onward: str) -> Way:
    """Back to a step whose patch was refused."""
    return lambda work, state: step if state.get("refusal") else onward


WRITE = Step(steps.write, ("write", "try"), _or_again("write", "try"))
FRONTS: Mapping[str, tuple[Mapping[str, Step], str]] = {
    "solo": (
        {
            "diagnose": Step(steps.diagnose, ("propose",)),
            "propose": Step(steps.propose, ("review",)),
            "review": _review("propose"),
            "write": WRITE,
        },
        "diagnose",
    ),
    "roles": (
        {
            "architect": Step(fronts.architect, ("engineer",)),
            "engineer": Step(fronts.engineer, ("engineer", "qa"), _or_again("engineer", "qa")),
            "qa": Step(fronts.assure, ("engineer", "try"), _or_again("engineer", "try")),
        },
        "architect",
    ),
    "conductor": (
        {
            "conduct": Step(
                fronts.conduct,
                ("consult", "conclude"),
                lambda work, state: "consult" if fronts.unanswered(state) else "conclude",
            ),
            "consult": Step(
                fronts.consult,
                ("consult", "conclude"),
                lambda work, state: "consult" if fronts.unanswered(state) else "conclude",
            ),
            "conclude": Step(fronts.conclude, ("review",)),
            "review": _review("conclude"),
            "write": WRITE,
        },
        "conduct",
    ),
}
BACK: Mapping[str, Step] = {
    "try": Step(
        steps.tried,
        ("repair", "submit"),
        lambda work, state: "repair" if state["fault"] else "submit",
    ),
    "repair": Step(steps.repair, ("repair", "try"), _or_again("repair", "try")),
    "submit": Step(steps.submit),
}
