"""Which steps a variant takes, and what decides the way on."""

from collections.abc import Callable, Mapping

from . import fronts, steps
from .plan import Plan, Step
from .work import State, Work

LIMIT = 100  # steps; no plan can take so many
Way = Callable[[Work, State], str]


def plan(variant: str) -> Plan[Work, State]:
    """The steps of a variant by name, the first one first."""
    front, first = FRONTS[variant]
    begin = Step(steps.recalled, ("distil", first), _begin(first))
    return {"recall": begin, "distil": Step(steps.distil, (first,)), **front, **BACK}


def _begin(first: str) -> Way:
    return lambda work, state: "distil" if steps.due(work, state) else first


def _review(back: str) -> Step[Work, State]:
    ways = {"go": "write", "revise": back}
    return Step(
        steps.review, ("write", back), lambda work, state: ways[steps.reviewed(work, state)]
    )


def _or_again(step: str, onward: str) -> Way:
    """Back to a step whose patch was refused."""
    return lambda work, state: step if state.get("refusal") else onward


WRITE = Step(steps.write, ("write", "try"), _or_again("write", "try"))
FRONTS: Mapping[str, tuple[Plan[Work, State], str]] = {
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
BACK: Plan[Work, State] = {
    "try": Step(
        steps.tried,
        ("repair", "submit"),
        lambda work, state: "repair" if state["fault"] else "submit",
    ),
    "repair": Step(steps.repair, ("repair", "try"), _or_again("repair", "try")),
    "submit": Step(steps.submit),
}
