"""Answer what candidates ask a language model, in rounds, so that no sandbox ever waits for one.

A trainer whose candidate needs replies that its request does not hold ends its job with `MARK` and
a JSON list of asks. They are answered out here, and the same job runs again with all answers so
far. So a candidate is executed anew in every round, and must ask the same things each time.
"""

import hashlib
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Protocol

from pydantic import Field, TypeAdapter, ValidationError

from ..sandbox import Result
from ..sandbox.text import line
from ..tasks import Frozen, TaskError
from .records import Candidate

MARK = b"asks\n"
ROUNDS = 12  # in which one measurement may ask
MOST_ASKS = 4096  # in one round
PROMPT_CHARACTERS = 32_000


class Ask(Frozen):
    """One prompt, under an id that no other ask of a run has.

    The id names the workload and the train seed, so that how seeds share jobs does not change it.
    Equal prompts under two ids are two questions, and want two replies.
    """

    id: Annotated[str, Field(min_length=1, max_length=200)]
    prompt: str

    @property
    def digest(self) -> str:
        """Content address of the prompt alone."""
        return hashlib.sha256(self.prompt.encode()).hexdigest()[:16]


class Gateway(Protocol):
    """Answers the asks of candidates. Called from several threads at once."""

    def answer(self, candidate: Candidate, asks: Sequence[Ask]) -> Mapping[str, str]:
        """The reply to every ask, by its id; equal asks get equal replies."""
        ...

    def describe(self) -> Mapping[str, str]:
        """The model and its settings, on which scores depend."""
        ...


RunJob = Callable[[Mapping[str, object]], Result]
AnswerAsks = Callable[[Sequence[Ask]], Mapping[str, str]]
_ASKS: TypeAdapter[tuple[Ask, ...]] = TypeAdapter(
    Annotated[tuple[Ask, ...], Field(min_length=1, max_length=MOST_ASKS)]
)


def converse(runs: Sequence[RunJob], answer: AnswerAsks) -> list[Result]:
    """Run jobs until none asks any more, each at most `ROUNDS` times over; times are summed.

    What all of them ask is answered together, so that many jobs take no more rounds than one. Each
    of `runs` takes what is added to its job's request: `answers`, replies by id, and `asked`, for
    each the first 16 hexadecimal digits of the SHA-256 of its prompt. What a candidate does wrong
    is in its result. Raises TaskError for a trainer that does not keep to the protocol.
    """
    talks = [_conversation(run) for run in runs]
    results: dict[int, Result] = {}
    waiting: dict[int, Mapping[str, str] | None] = dict.fromkeys(range(len(talks)))
    while waiting:
        asks: list[Ask] = []
        for place in tuple(waiting):
            try:
                asks += talks[place].send(waiting[place])
            except StopIteration as end:
                results[place] = end.value
                del waiting[place]
        replies = answer(asks) if asks else {}
        waiting = dict.fromkeys(waiting, replies)
    return [results[place] for place in range(len(talks))]


def _conversation(
    run: RunJob,
) -> Generator[tuple[Ask, ...], Mapping[str, str] | None, Result]:
    """One job: yields what it asks, takes replies, and returns its result."""
    asked: dict[str, Ask] = {}
    answers: dict[str, str] = {}
    wall = cpu = 0.0
    for rounds_left in reversed(range(ROUNDS + 1)):
        digests = {name: ask.digest for name, ask in asked.items()}
        result = run({"answers": answers, "asked": digests})
        wall, cpu = wall + result.wall_seconds, cpu + result.cpu_seconds
        result = replace(result, wall_seconds=wall, cpu_seconds=cpu)
        if result.status != "ok" or not result.reply.startswith(MARK):
            return result
        asks = _asks(result.reply.removeprefix(MARK))
        if failure := _fault(result, asks, asked, rounds_left):
            return failure
        replies = yield asks
        assert replies is not None
        asked |= {ask.id: ask for ask in asks}
        answers |= {ask.id: replies[ask.id] for ask in asks}
    raise AssertionError("the last round returns")


def _asks(text: bytes) -> tuple[Ask, ...]:
    try:
        asks = _ASKS.validate_json(text)
    except ValidationError as error:
        raise TaskError(f"the trainer asks badly: {line(str(error))}") from error
    if len({ask.id for ask in asks}) < len(asks):
        raise TaskError("the trainer asks badly: two asks of a round have the same id")
    return asks


def _fault(
    result: Result, asks: Sequence[Ask], asked: Mapping[str, Ask], rounds_left: int
) -> Result | None:
    """The result of a job that may not ask what it asks, or None if it may.

    Raises TaskError for a trainer that asks again what was answered.
    """
    for ask in asks:
        if (before := asked.get(ask.id)) is None:
            continue
        if before.prompt == ask.prompt:
            raise TaskError(f"the trainer asks {json.dumps(ask.id)} again, which was answered")
        log = f"not deterministic: run again, the candidate asks something else as {ask.id}"
        return replace(result, status="candidate_error", reply=b"", log=log)
    if (longest := max(len(ask.prompt) for ask in asks)) > PROMPT_CHARACTERS:
        log = f"a prompt has {longest} characters, and {PROMPT_CHARACTERS} are the most"
        return replace(result, status="invalid_output", reply=b"", log=log)
    if not rounds_left:
        log = f"the candidate still asks after {ROUNDS} rounds of answers"
        return replace(result, status="candidate_error", reply=b"", log=log)
    return None
