"""What a toolsmith is shown of its work so far: what is true outside, what was printed inside."""

from collections.abc import Sequence

from ...evals.gym import Call, Reply
from ...sandbox.text import clean, quoted
from ...tasks import Frozen, Metric
from .facts import span
from .tool_bench import Workspace

OUTPUT = 24_000  # characters of a tool's output: a whole file with line numbers
ROOM = (
    60_000  # characters of calls and outputs that are shown; the last ones are, whatever they take
)
CALL = 600  # characters of an old call, where all do not fit


class Turn(Frozen):
    """A call as it was made, what is known to be true of it, and what the tool said."""

    call: str
    facts: str
    output: str


def facts(call: Call, reply: Reply, space: Workspace, metric: Metric) -> str:
    """Facts of a call that a model may believe: what was measured, and what is left."""
    done = "was carried out" if reply.valid else "could not be carried out, and changed nothing"
    parts = [f"`{call.tool}` {done}."]
    if reply.scored and reply.scored.valid:
        gain, score = reply.scored.gain, reply.scored
        lost = f"; {score.failed} of them have no score" if score.failed else ""
        parts.append(f"Measured: {span(gain, metric)} over the parent on {gain.pairs} seeds{lost}.")
    elif reply.scored:
        parts.append(f"Measured: no seed has a score ({reply.scored.status}).")
    parts.append(f"Best so far: {space.best:+.4f}. Left: {space.steps} calls,")
    parts.append(f"{space.trials} evaluations.")
    if space.steps == 1:
        parts.append("Your next call is the last one.")
    return " ".join(parts)


def fitted(turns: Sequence[Turn], room: int = ROOM) -> list[tuple[str, str]]:
    """Calls and answers; where all take more than `room`, the oldest outputs are left out first,
    and then the oldest calls cut."""
    shown = [(turn.call, f"{turn.facts}\n\n{quoted(turn.output, OUTPUT)}") for turn in turns]
    used = sum(len(call) + len(answer) for call, answer in shown)
    short = [f"{turn.facts}\n\n(What it said is left out here.)" for turn in turns]
    for place, answer in enumerate(short[:-1]):
        if used > room:
            used -= len(shown[place][1]) - len(answer)
            shown[place] = shown[place][0], answer
    for place, turn in enumerate(turns[:-1]):
        if used > room:
            call = clean(turn.call, CALL)
            used -= len(turn.call) - len(call)
            shown[place] = call, shown[place][1]
    return shown
