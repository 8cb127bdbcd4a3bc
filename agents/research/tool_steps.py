"""What a toolsmith does: think of a call, have it carried out, and in the end hand in.

Every step is a function of the state alone, so a killed process repeats only the step in flight.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypedDict

from pydantic import Field

from ...evals import Candidate, Keys, draw
from ...evals.gym import Call, Run, Submit, Validate
from ...evals.gym.scores import STREAM
from ...sandbox.text import line
from ...tasks import Frozen
from ..base import Brief, ReplyError
from ..llm import Message
from .asking import messages
from .facts import span
from .fault import stable
from .forms import Form
from .plan import Plan, Step
from .prompts import fill
from .settings import Settings
from .tool_bench import Bench, Workspace, digest
from .tool_transcript import Turn, facts, fitted
from .work import Work


class ToolSettings(Frozen):
    """The bounds of one proposal: calls, trials, and seeds of a measurement."""

    steps: int = Field(default=12, ge=1)
    trials: int = Field(default=64, ge=2)
    seeds: int = Field(default=8, ge=2)


class Act(Form):
    """One call of a tool, and why."""

    thought: str
    call: Annotated[Call, Field(discriminator="tool")]


class State(TypedDict, total=False):
    """The state that the graph keeps: JSON of a `Workspace`, of `Turn`s and of the `Act` under way.

    `words` are what was said of measured programs, by digest; `stopped` is why it gave up. The
    graph has ended when `done`, a candidate, or `dropped`, a reason, is there.
    """

    plan: str
    space: str
    turns: list[str]
    act: str
    words: dict[str, str]
    stopped: str
    done: str
    dropped: str


@dataclass(frozen=True)
class Tooling:
    """A proposal at work, which every step may use. Equal briefs make equal work."""

    brief: Brief
    settings: ToolSettings
    bench: Bench
    material: str
    text: str
    plan: str

    @classmethod
    def of(cls, brief: Brief, settings: ToolSettings) -> "Tooling":
        """Recall what the tree holds, and draw the seeds of this proposal."""
        steer, sealed = (brief.rng.randbytes(16).hex() for _ in range(2))
        keys = Keys(steer, sealed, brief.task.data)
        work = Work.of(brief, Settings())
        text = fill(
            "toolsmith_work",
            occasion=work.occasion(),
            files=work.editable,
            steps=str(settings.steps),
            evaluations=str(settings.trials),  # the prompt's word, which recorded replies go by
            seeds=str(settings.seeds),
        )
        bench = Bench(brief, draw(keys, STREAM, settings.seeds))
        plan = f"{work.plan}/{settings.model_dump_json()}/{keys.steer}"
        return cls(brief, settings, bench, work.history({}), text, plan)

    @property
    def limit(self) -> int:
        """More steps than the plan can take: two a call, and the ends."""
        return 2 * self.settings.steps + 5

    def space(self, state: State) -> Workspace:
        """The workspace as it stands."""
        if "space" not in state:
            return self.bench.begin(self.settings.steps, self.settings.trials)
        return Workspace.model_validate_json(state["space"])

    def messages(self, turns: Sequence[str]) -> list[Message]:
        """The question for the next call: the work, and the calls so far with what came of them."""
        shown = fitted([Turn.model_validate_json(turn) for turn in turns])
        flat = [text for pair in shown for text in pair]
        return messages(self.material, self.text, flat, "toolsmith_system")


def act(work: Tooling, state: State) -> State:
    """Ask for the next call. Where none that can be used comes, the best so far is handed in."""
    turns = state.get("turns", [])
    step = f"act/{len(turns) + 1}"
    try:
        action = work.brief.desk.ask(step, "act", work.messages(turns), Act)
    except ReplyError as error:
        space = work.bench.left(work.space(state))
        if space.submitted is None:
            raise
        return {"space": space.model_dump_json(), "stopped": line(str(error), 400)}
    return {"act": action.model_dump_json()}


def tool(work: Tooling, state: State) -> State:
    """Carry out the call."""
    asked = Act.model_validate_json(state["act"])
    turns, ideas, before = state.get("turns", []), dict(state.get("words", {})), work.space(state)
    space, reply = work.bench.act(before, asked.call)
    if isinstance(asked.call, Validate | Submit):
        ideas[digest(before.files)] = line(asked.thought)
    call_facts = facts(asked.call, reply, space, work.brief.task.metric)
    noisy = isinstance(asked.call, Run | Validate | Submit)
    output = stable(reply.text) if noisy else reply.text
    turn = Turn(call=asked.model_dump_json(), facts=call_facts, output=output)
    return {
        "space": space.model_dump_json(),
        "turns": [*turns, turn.model_dump_json()],
        "words": ideas,
    }


def submit(work: Tooling, state: State) -> State:
    """Put together what is offered; what its own seeds found to be worse is not."""
    space, turns = work.space(state), [Turn.model_validate_json(t) for t in state["turns"]]
    calls = ", ".join(Act.model_validate_json(turn.call).call.tool for turn in turns)
    if space.submitted is None:
        return {
            "dropped": f"nothing that it measured beat the parent in {len(turns)} calls: {calls}"
        }
    gain, metric = work.bench.gain(space, space.submitted), work.brief.task.metric
    seeds = f"{work.settings.seeds} search seeds of its own"
    measured = f"{span(gain, metric)} on {seeds}" if gain else ""
    if gain and gain.high < 0:
        return {"dropped": f"it handed in what it had found to be worse: {measured}"}
    notes = {
        "model": work.brief.desk.model("act"),
        "tools": calls,
        "evaluations": str(space.spent),
        "measured": measured,
        "stopped": state.get("stopped", ""),
    }
    candidate = Candidate(
        files=space.submitted,
        idea=state.get("words", {}).get(digest(space.submitted), "found with tools"),
        proposer="toolsmith",
        notes={heading: text for heading, text in notes.items() if text},
    )
    return {"done": candidate.model_dump_json()}


def _onward(step: str) -> Callable[[Tooling, State], str]:
    return lambda work, state: "submit" if work.space(state).end else step


PLAN: Plan[Tooling, State] = {
    "act": Step(act, ("tool", "submit"), _onward("tool")),
    "tool": Step(tool, ("act", "submit"), _onward("act")),
    "submit": Step(submit),
}
