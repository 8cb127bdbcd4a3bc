"""The shipped checks of agents: ours pass all of them, and each turns red for what it is about."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random

import pytest
from conftest import BOWL
from stand_ins.scripted import ScriptedDesk

from ratchet.agents import best_of_n, evolver, random_tweak, researcher, seed_only
from ratchet.agents.base import Agent, Brief, Desk, ProposalError
from ratchet.agents.conformance import CHECKS, Finding, check_agent
from ratchet.agents.conformance.desks import bare_desk
from ratchet.agents.conformance.situations import MARK, grown, odd_task, situations
from ratchet.agents.llm import Message
from ratchet.archive import Tree
from ratchet.evals import Candidate
from ratchet.tasks import Task, load, names

QUICK = [load(BOWL), odd_task()]


def scripted(task: Task) -> Desk:
    desk: Desk = ScriptedDesk()
    return desk


@pytest.mark.parametrize("agent", [random_tweak, seed_only, evolver, best_of_n])
def test_the_agents_without_a_model_keep_the_contract(agent: type[Agent]) -> None:
    assert check_agent(agent.create) == []  # type: ignore[attr-defined]


def test_a_researcher_keeps_the_contract_at_a_desk_that_answers() -> None:
    assert check_agent(researcher.create, scripted, [load(BOWL)]) == []


def test_the_situations_cover_every_program_of_every_task_and_more() -> None:
    places = {place.name for place in situations()}
    for task in map(load, names()):
        planted = {f"{task.name} from {name}" for name in ("start", *task.baselines)}
        assert planted | {f"{task.name} from confirmed child"} <= places
    assert "odd from start" in places
    standings = {node.standing for node in grown(QUICK[0])}
    assert standings >= {"invalid", "no gain", "promising", "refuted", "confirmed"}
    text = str([node.model_dump() for node in grown(QUICK[0])])
    assert MARK in text


class Good:
    """Offers the parent with a comment: all that the contract asks for."""

    def propose(self, brief: Brief) -> Candidate:
        files = dict(brief.parent.candidate.files)
        name = min(files)
        files[name] += f"# {brief.rng.random()}\n"
        return Candidate(files=files, idea="a comment", proposer="good")


class WithoutPropose:
    propose = None


class StrangePolicy(Good):
    select = "by gut feeling"


class StrangeCounts(Good):
    attempts = True
    requests = -1
    needs_model = "yes"


class Same(Good):
    def propose(self, brief: Brief) -> Candidate:
        return brief.parent.candidate.model_copy(update={"proposer": "same"})


class Partial(Good):
    def propose(self, brief: Brief) -> Candidate:
        offer = super().propose(brief)
        name = min(offer.files)
        return offer.model_copy(update={"files": {name: offer.files[name], "more.py": ""}})


class Shy(Good):
    def propose(self, brief: Brief) -> Candidate:
        raise ProposalError("not today")


class Careless(Good):
    def propose(self, brief: Brief) -> Candidate:
        brief.task.baselines["no such baseline"]
        return super().propose(brief)


class Grabbing(Good):
    def propose(self, brief: Brief) -> Candidate:
        brief.parent.candidate.files["new.py"] = ""  # type: ignore[index]
        return super().propose(brief)


class Remembering(Good):
    def __init__(self) -> None:
        self.count = 0

    def propose(self, brief: Brief) -> Candidate:
        self.count += 1
        return super().propose(brief).model_copy(update={"idea": f"number {self.count}"})


class Racing(Good):
    """Keeps what belongs to one proposal where others write too."""

    def propose(self, brief: Brief) -> Candidate:
        self.brief = brief
        time.sleep(0.01)
        return super().propose(self.brief)


class GlobalDice(Good):
    def propose(self, brief: Brief) -> Candidate:
        return super().propose(brief).model_copy(update={"idea": str(random.random())})


class Clockwork(Good):
    def propose(self, brief: Brief) -> Candidate:
        number = Random(time.monotonic_ns()).random()
        return super().propose(brief).model_copy(update={"idea": str(number)})


class Stubborn(Good):
    """Offers something though there was no money left for the question."""

    def propose(self, brief: Brief) -> Candidate:
        with suppress(Exception):
            brief.desk.ask_text("ask", "any", [Message("user", "What now?")])
        return super().propose(brief)


class Disguising(Good):
    def propose(self, brief: Brief) -> Candidate:
        try:
            brief.desk.ask_text("ask", "any", [Message("user", "What now?")])
        except Exception as error:
            raise ProposalError(str(error)) from error
        return super().propose(brief)


class Gullible(Good):
    def propose(self, brief: Brief) -> Candidate:
        told = " ".join(node.candidate.idea for node in brief.tree)
        brief.desk.ask_text("ask", "any", [Message("user", told)])
        return super().propose(brief)


class Answering(ScriptedDesk):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__({"ask": "Go on."})


BROKEN: list[tuple[str, Callable[[], object], str]] = [
    ("attributes", WithoutPropose, "no method propose"),
    ("attributes", StrangePolicy, "say the name of a selection policy"),
    ("attributes", StrangeCounts, "is True: say a whole number of at least 1"),
    ("attributes", StrangeCounts, "say True or False"),
    ("offers", Same, "the parent unchanged"),
    ("offers", Partial, "'more.py'"),
    ("offers", Shy, "nothing at all"),
    ("offers", Careless, "raises KeyError"),
    ("hands off", Grabbing, "changes the parent"),
    ("repeats", Remembering, "its idea differ"),
    ("threads", Racing, "beside others"),
    ("randomness", GlobalDice, "depends on more than its brief"),
    ("randomness", Clockwork, "depends on more than its brief"),
    ("faults", Stubborn, "goes on after the desk's BudgetSpent"),
    ("faults", Disguising, "ModelError (dead) into ProposalError"),
    ("quotes", Gullible, "without sandbox.text.quoted"),
]


def found(agent: Callable[[], object], only: str) -> list[Finding]:
    return check_agent(agent, lambda task: Answering(), QUICK, [only])  # type: ignore[arg-type]


@pytest.mark.parametrize("check", CHECKS)
def test_a_plain_agent_passes(check: str) -> None:
    assert found(Good, check) == []


@pytest.mark.parametrize(("check", "agent", "words"), BROKEN)
def test_each_check_turns_red(check: str, agent: Callable[[], object], words: str) -> None:
    findings = found(agent, check)
    assert any(words in finding.what for finding in findings), findings
    assert {finding.check for finding in findings} == {check}


def test_the_broken_agents_cover_every_check() -> None:
    assert {check for check, _, _ in BROKEN} == set(CHECKS)


def test_the_global_generator_is_left_as_it_was() -> None:
    random.seed(5)
    before = random.getstate()
    check_agent(Good, bare_desk, QUICK)
    assert random.getstate() == before


def test_independent_proposals_take_nothing_from_what_was_found() -> None:
    place = next(p for p in situations([load("schedule")]) if p.parent == 0)
    planted = place._replace(tree=Tree(place.tree.planted()))
    for seed in range(5):
        with_all, with_planted = (
            best_of_n.create().propose(each._replace(seed=seed).brief())
            for each in (place, planted)
        )
        assert with_all == with_planted
        assert with_all.proposer == "best_of_n"
    assert best_of_n.create().select == "planted"
