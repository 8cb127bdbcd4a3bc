"""Check an agent, of Ratchet's or of your own, against the contract of `agents/base.py`.

    from ratchet.agents.conformance import check_agent
    from mylab import idea

    def test_my_agent() -> None:
        assert check_agent(idea.create) == []

An agent that asks a model needs `desk_for`, which makes a desk whose answers are always the same.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Barrier
from typing import NamedTuple

from ..evals import Candidate
from ..sandbox import Job, Result
from ..sandbox.text import is_visible
from ..tasks import Task
from .base import Agent, Brief, Desk, Form, ProposalError, ReplyError, Tried
from .budget import BudgetSpent
from .model import Message, ModelError
from .select import POLICIES
from .situations import MARK, DeskFor, Situation, bare_desk, first_turns, situations

THREADS = 4
SEEDS = 3  # proposals that are asked for at one place of the tree
Create = Callable[[], Agent]


class Finding(NamedTuple):
    """What an agent did against which part of the contract, and where."""

    check: str
    where: str
    what: str


class Outcome(NamedTuple):
    """What came of one brief: an offer, or a refusal, and how much randomness it took."""

    offer: Candidate | None
    said: str
    left: object


class Bench(NamedTuple):
    """An agent under check, and the situations it is put in."""

    create: Create
    places: Sequence[Situation]
    first: Sequence[Situation]


Found = Iterator[tuple[str, str]]


def check_agent(
    create: Create,
    desk_for: DeskFor = bare_desk,
    tasks: Sequence[Task] | None = None,
    only: Sequence[str] = (),
) -> list[Finding]:
    """Everything that the agents that `create` makes do wrong; nothing if they keep the contract.

    They are checked on `tasks`, else on the built-in ones and an odd one, by all of CHECKS or
    `only` some. Nothing that they offer is run.
    """
    bench = Bench(create, situations(tasks, desk_for), first_turns(tasks, desk_for))
    return [
        Finding(name, where, what)
        for name, check in CHECKS.items()
        if not only or name in only
        for where, what in check(bench)
    ]


def offer(agent: Agent, brief: Brief) -> Outcome:
    """Ask once. Whatever is no ProposalError comes through."""
    try:
        made, said = agent.propose(brief), ""
    except ProposalError as error:
        made, said = None, str(error)
    return Outcome(made, said, brief.rng.getstate())


def _attributes(bench: Bench) -> Found:
    """What an agent says of itself has the right type, and `select` names a policy."""
    agent = bench.create()
    if not callable(getattr(agent, "propose", None)):
        yield "the agent", "has no method propose"
    if getattr(agent, "select", "dgm") not in POLICIES:
        yield "select", f"{agent.select!r} is no policy: {', '.join(POLICIES)}"  # type: ignore[attr-defined]
    for name in ("attempts", "requests"):
        value = getattr(agent, name, 1)
        if type(value) is not int or value < 1:
            yield name, f"{value!r} is no whole number of at least 1"
    if type(getattr(agent, "needs_model", False)) is not bool:
        yield "needs_model", "is neither True nor False"


def _offers(bench: Bench) -> Found:
    """A proposal is a Candidate of exactly the editable files, changed; some place brings one."""
    agent, made = bench.create(), 0
    for place in (*bench.first, *bench.places):
        for seed in range(SEEDS):
            brief = place._replace(seed=seed).brief()
            try:
                found = offer(agent, brief).offer
            except Exception as error:  # noqa: BLE001 what an agent may raise is what is checked
                yield place.name, f"raises {_named(error)}, not ProposalError"
                break
            made += found is not None
            if found is not None and (wrong := _wrong(found, brief)):
                yield place.name, wrong
    if not made:
        yield "everywhere", "offers nothing at all"


def _wrong(found: Candidate, brief: Brief) -> str:
    """What is wrong with an offer, if anything is."""
    if not isinstance(found, Candidate):
        return f"offers {type(found).__name__}, not a Candidate"
    editable = brief.task.manifest.editable
    if set(found.files) != set(editable):
        return f"offers the files {sorted(found.files)}, where {sorted(editable)} are editable"
    if dict(found.files) == dict(brief.parent.candidate.files):
        return "offers the parent unchanged, where it ought to raise ProposalError"
    return "" if found.proposer else "does not say who proposes"


def _keeps_hands_off(bench: Bench) -> Found:
    """Nothing that it was given is changed: task, parent and tree."""
    agent = bench.create()
    for place in bench.places:
        brief = place.brief()
        before = _seen(brief)
        _tolerant(agent, brief)
        for name, was in before.items():
            if _seen(brief)[name] != was:
                yield place.name, f"changes the {name} that it was given"


def _seen(brief: Brief) -> dict[str, object]:
    task = brief.task
    return {
        "task's files": dict(task.files),
        "task's programs": ({**task.start}, {n: {**f} for n, f in task.baselines.items()}),
        "task's manifest": task.manifest.model_dump(),
        "parent": brief.parent.model_dump(),
        "tree": [node.model_dump() for node in brief.tree],
    }


def _repeats(bench: Bench) -> Found:
    """Equal briefs give equal offers: at once, after other briefs, and from a fresh instance."""
    agent = bench.create()
    before = [_tolerant(agent, place.brief()) for place in bench.places]
    after = [_tolerant(agent, place.brief()) for place in reversed(bench.places)][::-1]
    fresh = [_tolerant(bench.create(), place.brief()) for place in bench.places]
    for place, first, again, new in zip(bench.places, before, after, fresh, strict=True):
        if first != again:
            yield place.name, f"an equal brief came out otherwise: {_differ(first, again)}"
        if first != new:
            yield place.name, f"a fresh instance makes another offer: {_differ(first, new)}"


def _draws_from_the_brief(bench: Bench) -> Found:
    """Neither the global generators nor the time matter, and the generators are left alone."""
    state, agent = random.getstate(), bench.create()
    try:
        for place in bench.places:
            outcomes = []
            for seed in (1, 2):
                random.seed(seed)
                _seed_numpy(seed)
                kept = random.getstate()
                outcomes.append(_tolerant(agent, place.brief()))
                if random.getstate() != kept:
                    yield place.name, "draws from the global generator, not from brief.rng"
                time.sleep(0.002)  # a clock that is used as a seed goes on
            if outcomes[0] != outcomes[1]:
                yield place.name, f"depends on more than its brief: {_differ(*outcomes)}"
    finally:
        random.setstate(state)


def _seed_numpy(seed: int) -> None:
    import numpy as np

    np.random.seed(seed)  # noqa: NPY002 the global generator is what is checked


def _threads(bench: Bench) -> Found:
    """One instance serves several threads at once, as a search asks it to."""
    agent = bench.create()
    alone = [_tolerant(bench.create(), place.brief()) for place in bench.places]
    start = Barrier(THREADS)

    def all_of_them(shift: int) -> list[Outcome]:
        order = [(n + shift) % len(bench.places) for n in range(len(bench.places))]
        start.wait(60)
        made = {n: _tolerant(agent, bench.places[n].brief()) for n in order}
        return [made[n] for n in sorted(made)]

    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(all_of_them, range(THREADS)))
    for number, place in enumerate(bench.places):
        other = next((each[number] for each in together if each[number] != alone[number]), None)
        if other is not None:
            yield place.name, f"offers otherwise beside others: {_differ(alone[number], other)}"


def _lets_faults_through(bench: Bench) -> Found:
    """What the desk raises ends the proposal: a spent budget is no reason to offer something."""
    agent = bench.create()
    for place in bench.first:
        for error in (BudgetSpent("spent"), ModelError("dead"), ReplyError("nothing usable")):
            desk = _Faulty(place.desk_for(place.task), error)
            brief = place._replace(desk_for=lambda task, desk=desk: desk).brief()  # type: ignore[misc]
            try:
                agent.propose(brief)
            except (ProposalError, BudgetSpent, ModelError) as raised:
                fair = isinstance(raised, ProposalError) and isinstance(error, ReplyError)
                if desk.used and raised is not error and not fair:
                    yield place.name, f"turns the desk's {_named(error)} into {_named(raised)}"
            except Exception as raised:  # noqa: BLE001 see above
                yield place.name, f"turns the desk's {_named(error)} into {_named(raised)}"
            else:
                if desk.used and not isinstance(error, ReplyError):
                    yield place.name, f"goes on after the desk's {_named(error)}"


def _quotes(bench: Bench) -> Found:
    """What programs and proposers wrote reaches a model inside quoted blocks alone."""
    agent = bench.create()
    for place in bench.places:
        desk = _Listening(place.desk_for(place.task))
        _tolerant(agent, place._replace(desk_for=lambda task, desk=desk: desk).brief())  # type: ignore[misc]
        lines = [each for text in desk.heard for each in text.split("\n")]
        if any(MARK in each and not each.startswith("| ") for each in lines):
            yield place.name, "puts untrusted text before a model without sandbox.text.quoted"
        if not all(map(is_visible, lines)):
            yield place.name, "puts control or invisible characters before a model"


class _Listening:
    """A desk that notes what is said to models."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.heard = desk, list[str]()
        self.thread, self.checkpoints = desk.thread, desk.checkpoints

    def ask(self, step: str, role: str, messages: Sequence[Message], form: type[Form]) -> Form:
        self.heard += [message.content for message in messages]
        return self.desk.ask(step, role, messages, form)

    def ask_text(self, step: str, role: str, messages: Sequence[Message]) -> str:
        self.heard += [message.content for message in messages]
        return self.desk.ask_text(step, role, messages)

    def model(self, role: str) -> str:
        return self.desk.model(role)

    def try_out(self, files: Mapping[str, str]) -> Tried:
        return self.desk.try_out(files)

    def run(self, job: Job) -> Result:
        return self.desk.run(job)


class _Faulty:
    """A desk at which the first use of a model, or of the sandbox, ends badly."""

    def __init__(self, desk: Desk, error: Exception) -> None:
        self.desk, self.error, self.used = desk, error, False
        self.thread: str = desk.thread
        self.checkpoints: Path | None = None

    def ask(self, step: str, role: str, messages: Sequence[Message], form: type[Form]) -> Form:
        raise self._fault()

    def ask_text(self, step: str, role: str, messages: Sequence[Message]) -> str:
        raise self._fault()

    def model(self, role: str) -> str:
        return self.desk.model(role)

    def try_out(self, files: Mapping[str, str]) -> Tried:
        if isinstance(self.error, BudgetSpent):
            raise self._fault()
        return self.desk.try_out(files)

    def run(self, job: Job) -> Result:
        if isinstance(self.error, BudgetSpent):
            raise self._fault()
        return self.desk.run(job)

    def _fault(self) -> Exception:
        self.used = True
        return self.error


def _tolerant(agent: Agent, brief: Brief) -> Outcome:
    """Ask once; what it may not raise is an outcome too, which `offers` finds fault with."""
    try:
        return offer(agent, brief)
    except Exception as error:  # noqa: BLE001 see above
        return Outcome(None, _named(error), Random(0).getstate())


def _named(error: Exception) -> str:
    return f"{type(error).__name__} ({error})"


def _differ(one: Outcome, other: Outcome) -> str:
    """In what two outcomes differ, in few words."""
    if one.offer is None or other.offer is None:
        return f"{one.said or 'an offer'!r} and {other.said or 'an offer'!r}"
    for field in ("files", "idea", "proposer", "notes"):
        if getattr(one.offer, field, None) != getattr(other.offer, field, None):
            return f"its {field} differ"
    return "it draws from brief.rng more or less often"


CHECKS: Mapping[str, Callable[[Bench], Found]] = {
    "attributes": _attributes,
    "offers": _offers,
    "hands off": _keeps_hands_off,
    "repeats": _repeats,
    "randomness": _draws_from_the_brief,
    "threads": _threads,
    "faults": _lets_faults_through,
    "quotes": _quotes,
}
