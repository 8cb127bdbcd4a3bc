"""Check an agent, of Ratchet's or of your own, against the contract of `agents/base.py`.

    from ratchet.agents.conformance import check_agent
    from mylab import idea

    def test_my_agent() -> None:
        assert check_agent(idea.create) == []

An agent that asks a model needs `desk_for`, which makes a desk whose answers are always the same.

This file has the checks. `situations` makes the briefs they use, `desks` the desks, and `outcome`
compares what an agent makes of two of them.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import NamedTuple

from ...evals import Candidate, admit
from ...sandbox.text import is_visible
from ...tasks import Task
from ..base import Agent, Brief, BudgetSpent, ProposalError, ReplyError
from ..llm import ModelError
from ..opening import faults
from .desks import Faulty, Listening, bare_desk
from .outcome import Outcome, asked, differ, named, offer
from .situations import MARK, DeskFor, Situation, first_turns, situations

THREADS = 4
SEEDS = 2  # proposals that are asked for in one situation
Create = Callable[[], Agent]


class Finding(NamedTuple):
    """A breach of the contract: the check that found it, the situation, and what the agent did."""

    check: str
    where: str
    what: str


class Bench(NamedTuple):
    """An agent under check, and the situations it is put in."""

    create: Create
    every: Sequence[Situation]
    first: Sequence[Situation]

    @property
    def places(self) -> list[Situation]:
        """The last of each task: building on a child whose author is hostile."""
        return [*{place.task.name: place for place in self.every}.values()]


Found = Iterator[tuple[str, str]]


def check_agent(
    create: Create,
    desk_for: DeskFor = bare_desk,
    tasks: Sequence[Task] | None = None,
    only: Sequence[str] = (),
) -> list[Finding]:
    """Findings against the agents that `create` makes; an empty list if they keep the contract.

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


def _attributes(bench: Bench) -> Found:
    """An agent has a method `propose`, and declares its attributes with the right types.

    Whether there is a policy of the name in `select` is checked where a search begins.
    """
    agent = bench.create()
    if not callable(getattr(agent, "propose", None)):
        yield "the agent", "has no method propose"
    yield from faults(agent)


def _offers(bench: Bench) -> Found:
    """A proposal is a Candidate of exactly the editable files, changed; some place brings one."""
    agent, offers = bench.create(), 0
    for place in (*bench.first, *bench.every):
        for seed in range(SEEDS):
            brief = place._replace(seed=seed).brief()
            try:
                candidate = offer(agent, brief).offer
            except Exception as error:  # what an agent may raise is what is checked
                yield place.name, f"raises {named(error)}, not ProposalError"
                break
            offers += candidate is not None
            if candidate is not None and (wrong := _wrong(candidate, brief)):
                yield place.name, wrong
    if not offers:
        yield "everywhere", "offers nothing at all"


def _wrong(candidate: Candidate, brief: Brief) -> str:
    """The fault of an offer, or "" if it has none."""
    if not isinstance(candidate, Candidate):
        return f"offers {type(candidate).__name__}, not a Candidate"
    editable = brief.task.manifest.editable
    if set(candidate.files) != set(editable):
        return f"offers the files {sorted(candidate.files)}, where {sorted(editable)} are editable"
    if dict(candidate.files) == dict(brief.parent.candidate.files):
        return "offers the parent unchanged, where it ought to raise ProposalError"
    if (entry := admit(candidate.files, brief.task)).barred:
        return f"offers a program that is refused unread: {entry.refused[0]}"
    return "" if candidate.proposer else "does not say who proposes"


def _keeps_hands_off(bench: Bench) -> Found:
    """An agent changes nothing that it was given: task, parent and tree."""
    agent = bench.create()
    for place in bench.places:
        brief = place.brief()
        before = _seen(brief)
        asked(agent, brief)
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
    before = [asked(agent, place.brief()) for place in bench.places]
    after = [asked(agent, place.brief()) for place in reversed(bench.places)][::-1]
    fresh = [asked(bench.create(), place.brief()) for place in bench.places]
    for place, first, again, new in zip(bench.places, before, after, fresh, strict=True):
        if first != again:
            yield place.name, f"an equal brief came out otherwise: {differ(first, again)}"
        if first != new:
            yield place.name, f"a fresh instance makes another offer: {differ(first, new)}"


def _draws_from_the_brief(bench: Bench) -> Found:
    """Neither the global generators nor the time matter: all randomness is from brief.rng."""
    state, agent = random.getstate(), bench.create()
    try:
        for place in bench.places:
            outcomes = []
            for seed in (1, 2):
                random.seed(seed)
                _seed_numpy(seed)
                outcomes.append(asked(agent, place.brief()))
                time.sleep(0.002)  # a clock that is used as a seed goes on
            if outcomes[0] != outcomes[1]:
                yield place.name, f"depends on more than its brief: {differ(*outcomes)}"
    finally:
        random.setstate(state)


def _seed_numpy(seed: int) -> None:
    import numpy as np

    np.random.seed(seed)  # the global generator is what is checked


def _threads(bench: Bench) -> Found:
    """One instance serves several threads at once, as a search asks it to."""
    agent = bench.create()
    alone = [asked(bench.create(), place.brief()) for place in bench.places]
    start = Barrier(THREADS)

    def all_of_them(shift: int) -> list[Outcome]:
        order = [(n + shift) % len(bench.places) for n in range(len(bench.places))]
        start.wait(60)
        outcomes = {n: asked(agent, bench.places[n].brief()) for n in order}
        return [outcomes[n] for n in sorted(outcomes)]

    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(all_of_them, range(THREADS)))
    for number, place in enumerate(bench.places):
        other = next(
            (offers[number] for offers in together if offers[number] != alone[number]), None
        )
        if other is not None:
            yield place.name, f"offers otherwise beside others: {differ(alone[number], other)}"


def _lets_faults_through(bench: Bench) -> Found:
    """An error that the desk raises ends the proposal: nothing is offered on a spent budget."""
    agent = bench.create()
    for place in bench.first:
        for error in (BudgetSpent("spent"), ModelError("dead"), ReplyError("nothing usable")):
            desk = Faulty(place.desk_for(place.task), error)
            brief = place._replace(desk_for=lambda task, desk=desk: desk).brief()  # type: ignore[misc]
            try:
                agent.propose(brief)
            except (ProposalError, BudgetSpent, ModelError) as raised:
                fair = isinstance(raised, ProposalError) and isinstance(error, ReplyError)
                if desk.used and raised is not error and not fair:
                    yield place.name, f"turns the desk's {named(error)} into {named(raised)}"
            except Exception as raised:  # as in `offers`
                yield place.name, f"turns the desk's {named(error)} into {named(raised)}"
            else:
                if desk.used and not isinstance(error, ReplyError):
                    yield place.name, f"goes on after the desk's {named(error)}"


def _quotes(bench: Bench) -> Found:
    """Texts of programs and proposers reach a model inside quoted blocks alone."""
    agent = bench.create()
    for place in bench.places:
        desk = Listening(place.desk_for(place.task))
        asked(agent, place._replace(desk_for=lambda task, desk=desk: desk).brief())  # type: ignore[misc]
        lines = [line for text in desk.heard for line in text.split("\n")]
        if any(MARK in line and not line.startswith("| ") for line in lines):
            yield place.name, "puts untrusted text before a model without sandbox.text.quoted"
        if not all(map(is_visible, lines)):
            yield place.name, "puts control or invisible characters before a model"


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
