"""The steps that every variant shares: notebook, review, write, try, repair, submit.

A step asks a model at most once, so a killed process repeats no more than the question in flight.
"""

import json
from collections.abc import Mapping

from ...sandbox.text import line
from ..base import RefusedError
from . import notebook
from .asking import told
from .facts import outcome
from .fault import described
from .forms import Diagnosis, Idea, Lessons, Patch, Review
from .patch import PatchError, apply, check
from .prompts import fill
from .recall import Entry, program, table
from .work import State, Work

AUDITS = 2  # most programs of one proposal that the audit may refuse
RESULTS = 12_000  # characters of results that a notebook is written from


def recalled(work: Work, state: State) -> State:
    """Begin; what was recalled is in the work, for it follows from the brief."""
    return {"notebook": ""}


def due(work: Work, state: State) -> bool:
    """Whether enough has been settled since the notebook was written, for this one to write it."""
    more = len(notebook.unknown(work.before, work.brief.tree)) - work.settings.distil_every
    return more >= 0 and more % work.settings.abreast == 0


def distil(work: Work, state: State) -> State:
    """Write the notebook anew from what was settled since."""
    tree, metric = work.brief.tree, work.brief.task.metric
    news = reversed(notebook.unknown(work.before, tree))
    entries = (Entry(outcome(n, metric), line(n.candidate.idea, 240)) for n in news)
    results = table("Results, newest first", entries, RESULTS)
    text = fill(
        "distil",
        notebook=notebook.words(work.before, tree, metric, RESULTS) or "(empty)",
        results=results,
        lessons=str(notebook.LESSONS),
        characters=str(notebook.TEXT),
    )
    try:
        lessons = work.ask("distil", "notebook", text, Lessons, work.briefing.core)
    except RefusedError:
        return {"notebook": ""}  # the old one serves: every later proposal would ask this again
    return {"notebook": str(notebook.rewritten(work.before, lessons, tree))}


def diagnose(work: Work, state: State) -> State:
    """Say what limits the parent."""
    text = fill("diagnose", angle=work.angle)
    diagnosis = work.ask("diagnose", "diagnose", text, Diagnosis, work.history(state))
    return {"diagnosis": told(diagnosis.model_dump_json())}


def propose(work: Work, state: State) -> State:
    """Propose one change, or the change of a change that a review wants."""
    text = fill(
        "propose",
        diagnosis=state["diagnosis"],
        occasion=work.occasion(),
        advice=revision(state),
    )
    return proposed(work, state, "propose", "propose", text)


def proposed(work: Work, state: State, step: str, role: str, text: str) -> State:
    """Ask for an idea under the number of its attempt."""
    count = state.get("proposals", 0) + 1
    idea = work.ask(numbered(step, count), role, text, Idea, work.history(state))
    return {"idea": idea.model_dump_json(), "proposals": count}


def review(work: Work, state: State) -> State:
    """Hold an idea against what is known and what often goes wrong, before it costs anything."""
    text = fill("review", idea=told(state["idea"]), mistakes=fill("known_mistakes"))
    step = numbered("review", state["proposals"])
    opinion = work.ask(step, "review", text, Review, work.history(state))
    kept: State = {"review": opinion.model_dump_json()}
    if ruling(work, state, opinion) == "drop":
        why = line(opinion.problems[0] if opinion.problems else opinion.advice, 400)
        kept["dropped"] = f"the review dropped {work.idea(state).title!r}: {why}"
    return kept


def ruling(work: Work, state: State, review: Review) -> str:
    """The ruling of a review: go, revise or drop.

    Once it may not be revised, what can be written is measured, for a review is an opinion.
    """
    if review.cheats_or_reseeds or review.verdict == "drop":
        return "drop"
    if review.verdict == "go" and review.novel and review.implementable:
        return "go"
    if state["proposals"] <= work.settings.revisions:
        return "revise"
    return "go" if review.implementable else "drop"


def reviewed(work: Work, state: State) -> str:
    """The ruling of the review in the state, which decides the next step."""
    return ruling(work, state, Review.model_validate_json(state["review"]))


def write(work: Work, state: State) -> State:
    """Ask for a patch of the parent, and apply it or keep why that cannot be done."""
    advice = Review.model_validate_json(state["review"]).advice
    text = fill(
        "write",
        idea=told(state["idea"]),
        advice=f"The reviewer's advice: {advice}" if advice else "",
        files=work.editable,
    )
    return written(work, state, "write", text)


def written(work: Work, state: State, role: str, text: str) -> State:
    """A round of the writer, who is shown its last patch if that was refused."""
    count = state.get("rounds", 0) + 1
    patch = work.ask(numbered(role, count), role, text, Patch, work.briefing.core, _again(state))
    kept = patched(work, work.parent, patch)
    if kept["refusal"] and count >= work.settings.rounds:
        kept["dropped"] = f"no patch could be applied in {count} rounds: {kept['fault']}"
    return {**kept, "rounds": count}


def tried(work: Work, state: State) -> State:
    """Audit the program and run it for seconds."""
    files = work.files(state)
    outcome = work.brief.desk.try_out(files)
    if outcome.ok:
        return {"fault": "", "refusal": ""}
    audits = state.get("audits", 0) + bool(outcome.refused)
    sentence, shown = described(outcome, files)
    kept: State = {"fault": shown, "refusal": "", "audits": audits}
    if audits >= AUDITS:
        kept["dropped"] = f"the audit refused it {audits} times: {sentence}"
    elif state.get("repairs", 0) >= work.settings.repairs:
        kept["dropped"] = f"{work.settings.repairs} repairs did not mend it: {sentence}"
    return kept


def repair(work: Work, state: State) -> State:
    """Ask for a patch of the program that did not pass."""
    count, files = state.get("repairs", 0) + 1, work.files(state)
    text = fill(
        "repair",
        idea=told(state["idea"]),
        program=program(files),
        error=state["fault"],
        files=work.editable,
    )
    step, again = numbered("repair", count), _again(state)
    patch = work.ask(step, "repair", text, Patch, work.briefing.core, again)
    kept = patched(work, files, patch)
    if kept["refusal"] and count >= work.settings.repairs:
        kept["dropped"] = f"{count} repairs did not mend it: {kept['fault']}"
    if kept["refusal"]:
        kept["fault"] = state["fault"]
    return {**kept, "repairs": count}


def submit(work: Work, state: State) -> State:
    """Put together what is offered."""
    return {"done": work.candidate(state).model_dump_json()}


def patched(work: Work, base: Mapping[str, str], patch: Patch) -> State:
    """The program after a patch; or its refusal, in full for the writer and in a sentence."""
    kept: State = {"patch": patch.model_dump_json()}
    try:
        files = apply(base, patch.edits)
        check(files, work.parent, work.forms)
    except PatchError as error:
        return {**kept, "refusal": error.told, "fault": str(error)}
    return {**kept, "program": json.dumps(files), "refusal": "", "fault": ""}


def revision(state: State) -> str:
    """The review's objections to the last idea; empty for the first."""
    if "review" not in state:
        return ""
    return (
        f"Your proposal before this one was:\n\n{told(state['idea'])}\n\nThe review sent it back. "
        f"Mend what it names, or propose something else:\n\n{told(state['review'])}"
    )


def numbered(step: str, count: int) -> str:
    """A name for the question that no other of the proposal has."""
    return step if count == 1 else f"{step}/{count}"


def _again(state: State) -> tuple[str, ...]:
    refusal = state.get("refusal", "")
    return (state["patch"], fill("refused", error=refusal)) if refusal else ()
