"""The first halves of the other variants: an architect with a tester, and a conductor's experts."""

from ...sandbox.text import clean
from .asking import HANDED, told
from .forms import Conduct, Design, Quality
from .prompts import fill
from .recall import program
from .steps import proposed, revision, written
from .work import State, Work


def architect(work: Work, state: State) -> State:
    """Write the design that the engineer builds."""
    text = fill("architect", occasion=work.occasion(), mistakes=fill("known_mistakes"))
    design = work.ask("architect", "architect", text, Design, work.history(state))
    return {"idea": design.model_dump_json(), "diagnosis": design.limits}


def engineer(work: Work, state: State) -> State:
    """Build the design, which is all that the engineer knows of the idea."""
    text = fill("write", idea=told(state["idea"]), advice="", files=work.editable)
    return written(work, state, "engineer", text)


def assure(work: Work, state: State) -> State:
    """Hold the program against the design; what departs from it goes back to the engineer."""
    text = fill("qa", design=told(state["idea"]), program=program(work.files(state)))
    step = f"qa/{state['rounds']}"
    report = work.ask(step, "qa", text, Quality, work.briefing.core)
    kept: State = {"review": report.model_dump_json()}
    if report.verdict == "pass":
        return kept
    why = "; ".join(report.problems) or report.advice
    kept["refusal"] = f"the review held it against the design.\n\n{told(kept['review'])}"
    if state["rounds"] >= work.settings.rounds:
        kept["dropped"] = clean(f"no patch met the design in {state['rounds']} rounds: {why}", 600)
    return kept


def conduct(work: Work, state: State) -> State:
    """Decide whom to ask what."""
    most = work.settings.experts
    text = fill("conduct", occasion=work.occasion(), experts=str(most))
    plan = work.ask("conduct", "conductor", text, Conduct, work.history(state))
    experts = plan.model_copy(update={"experts": plan.experts[:most]})
    return {
        "instructions": experts.model_dump_json(),
        "answers": [],
        "diagnosis": plan.thoughts,
    }


def consult(work: Work, state: State) -> State:
    """Ask the next expert, who sees the task and the parent and nothing else."""
    answers = state["answers"]
    expert = Conduct.model_validate_json(state["instructions"]).experts[len(answers)]
    text = fill("expert", field=clean(expert.field, 200), instruction=expert.instruction)
    step = f"expert/{len(answers) + 1}"
    asked = work.ask_text(step, "expert", text, work.briefing.core)
    return {"answers": [*answers, clean(asked, HANDED)]}


def unanswered(state: State) -> bool:
    """Whether there are experts left to ask."""
    asked = Conduct.model_validate_json(state["instructions"]).experts
    return len(state["answers"]) < len(asked)


def conclude(work: Work, state: State) -> State:
    """Draw an idea from what the experts said."""
    experts = Conduct.model_validate_json(state["instructions"])
    parts = [f"What you thought before: {clean(experts.thoughts, HANDED)}"]
    for expert, answer in zip(experts.experts, state["answers"], strict=True):
        parts.append(f"### {clean(expert.field, 200)}\n\n{answer}")
    text = fill(
        "conclude",
        answers="\n\n".join(parts),
        occasion=work.occasion(),
        advice=revision(state),
    )
    return proposed(work, state, "conclude", "conductor", text)
