"""How nodes are promoted: for being better, for being simpler, over a baseline, or in a race."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import Ratchet
from landscape import Landscape, Surveyor, hills, program, read, searched
from stand_ins.runs import always, essence, start
from stand_ins.steps import PLAIN, WORDY, Steps
from stand_ins.tweak import Tweak

from ratchet.agents.base import Brief, BudgetSpent
from ratchet.agents.opening import declared
from ratchet.app.cli.view import node_line
from ratchet.archive import Archive, Node, Tree
from ratchet.archive.tables import NODES
from ratchet.evals import (
    COMMON,
    Candidate,
    Claim,
    Evaluation,
    Rule,
    Standing,
    Summary,
    Verdict,
    judge,
    key_from,
)
from ratchet.evals.rule import BEFORE
from ratchet.sandbox import Sandbox
from ratchet.search.loop import search
from ratchet.search.run import Config, Run
from ratchet.search.schedule import RETEST, Action
from ratchet.search.screen import Draft
from ratchet.search.select import uniform
from ratchet.search.studies.rejudge import claimed_gains, rejudge
from ratchet.search.turn import NO_LONGER, explore, finish

SCHEDULES = ["adaptive", "fixed"]


def grow(run: Run) -> Tree:
    return Tree(list(search(run, always)))


def newest(tree: Tree, rng: Random) -> Node:
    """Build on the start until something is kept, then on the newest of that."""
    return max(tree.eligible(), key=lambda node: (node.kept, node.number if node.kept else 0))


def leader(tree: Tree, rng: Random) -> Node:
    """Build on the highest kept node, and on the third baseline until there is one."""
    kept = [node for node in tree.eligible() if node.kept]
    return max(kept, key=lambda node: node.gain or 0.0) if kept else tree.planted()[-1]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_less_code_that_loses_nothing_is_a_promotion_of_its_own(
    tmp_path: Path, isolated_sandbox: Sandbox, schedule: str
) -> None:
    longer = WORDY.replace("    return", "    rest = rest * 1.0\n    return")
    agent = Steps([text.format(rate=0.04) for text in (WORDY, PLAIN, longer)])
    run = start(tmp_path / "a.db", isolated_sandbox, agent, turns=3, lag=0, schedule=schedule)
    run = replace(run, select=newest)
    tree = grow(run)
    wordy, plain, last = (tree[number] for number in (2, 3, 4))
    assert wordy.standing == plain.standing == "confirmed"
    assert wordy.verdict is not None
    assert plain.verdict is not None
    assert wordy.verdict.claims[0].says == "better"
    claim = plain.verdict.claims[0]
    assert (claim.says, claim.versus, claim.held) == ("simpler", 2, True)
    assert plain.size < wordy.size
    assert "with less code" in plain.verdict.reason
    assert (wordy.outcome, plain.outcome) == ("confirmed", "simpler")
    assert node_line(tree, wordy).plain.startswith("✔ 2 confirmed")
    assert node_line(tree, plain).plain.startswith("≈ 3 simpler")
    assert tree.anchor(plain).number == 2
    assert last.verdict is not None
    assert "behaves exactly like" in last.verdict.reason


def test_a_simplification_is_held_against_what_the_parent_was_simplified_from(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    wordier = WORDY.replace("    return", "    rest = rest * 1.0\n    return")
    sources = [text.format(rate=0.04) for text in (wordier, WORDY, PLAIN)]
    agent = Steps(sources)
    run = start(tmp_path / "a.db", isolated_sandbox, agent, turns=3, lag=0, schedule="fixed")
    tree = grow(replace(run, select=newest))
    last = tree[4]
    assert last.verdict is not None
    assert last.parent == 3
    assert [(c.says, c.versus) for c in last.verdict.claims] == [("simpler", 2)]


@pytest.mark.parametrize("seeds", ["shared", "own"])
def test_over_the_best_baseline_is_a_claim_apart_that_lives_on_what_the_first_left(
    tmp_path: Path, isolated_sandbox: Sandbox, seeds: str
) -> None:
    agent, rule = Steps([PLAIN.format(rate=0.04)]), {"baseline_seeds": seeds}
    run = start(tmp_path / "a.db", isolated_sandbox, agent, turns=1, lag=0, rule=rule)
    node = grow(replace(run, select=newest))[2]
    assert node.verdict is not None
    over_parent, over_baseline = node.verdict.claims
    assert (over_parent.versus, over_baseline.versus) == (0, 1)
    assert not over_parent.gated
    assert over_baseline.gated
    assert over_baseline.level == over_parent.level
    assert over_baseline.held
    assert over_parent.stream == "confirm/2"
    assert over_baseline.stream == ("confirm/2" if seeds == "shared" else "baseline/2")
    compared = {(e.stream, e.versus, e.count) for e in node.evidence}
    assert {(c.stream, c.versus, c.pairs) for c in node.verdict.claims} <= compared
    fresh = {over_parent.stream: over_parent.pairs}
    fresh[over_baseline.stream] = max(over_baseline.pairs, fresh.get(over_baseline.stream, 0))
    own = sum(e.count for e in node.evidence if e.stream not in fresh) + sum(fresh.values())
    assert node.trials == own + over_parent.pairs + over_baseline.pairs


LAND = Landscape(3, good=0.3, gain=0.5)
PLANTED = {"first": 3.0, "second": 2.99, "third": 1.0}


def test_over_the_best_baseline_means_over_every_one_that_may_be_the_best() -> None:
    with searched(LAND, lambda made, seeds: made < 40, planted=PLANTED, select=leader) as simulated:
        tree = simulated.tree
    named = {node.name: node.number for node in tree.planted()}
    near = {named["first"], named["second"]}
    beyond = [n for n in tree.confirmed() if n.verdict and n.parent not in near]
    claims = [n.verdict.claims for n in beyond if n.verdict and len(n.verdict.claims) > 1]
    assert claims
    for first, *over in claims:
        assert [c.versus for c in over] in ([*near], [*reversed([*near])], [over[0].versus])
        assert all(c.gated and c.stream == first.stream and c.level == first.level for c in over)
        assert all(c.held for c in over[:-1])
        assert len(over) == 2 or not over[0].held


class Drawn:
    """Offers a proposal of the landscape that follows from the turn's own generator alone."""

    def propose(self, brief: Brief) -> Candidate:
        number, true = read(brief.parent.candidate)
        child = program(*LAND.child(number, true, brief.rng.getrandbits(30)))
        return Candidate(files={"program.py": child}, idea="a step", proposer="drawn")


class Fragile(Surveyor):  # type: ignore[misc]  # a bench is not typed for others
    """A lab whose budget is spent after so many evaluations."""

    left = math.inf

    def evaluate(self, *args: Any, **named: Any) -> Evaluation:
        self.left -= 1
        if self.left < 0:
            raise BudgetSpent("no more")
        measured: Evaluation = super().evaluate(*args, **named)
        return measured


def sitting(path: Path, workers: int, left: float = math.inf) -> Archive:
    """Search until 30 children are made or the budget is spent; go on where one stopped."""
    task, archive = hills({"one": 0.3, "two": 0.29}), Archive(path, create=True)
    rule = Rule(glance=0)
    config = Config(
        task="hills", key=key_from(1), turns=30, novelty=False, schedule="adaptive", rule=rule
    )
    if not archive.runs():
        archive.start_run("run", task, config.model_dump(mode="json"))
    lab: Any = Fragile(LAND, task)
    lab.left = left
    run = Run("run", config, declared(Drawn(), "drawn"), leader, lab, archive, workers)
    list(search(run, always))
    return archive


@pytest.mark.parametrize("workers", [1, 3])
def test_a_search_that_ends_among_its_claims_goes_on_to_the_same_tree(
    tmp_path: Path, workers: int
) -> None:
    whole = sitting(tmp_path / "whole.db", 2)
    for left in (40, 70, 100, 130, 160, 190):
        sitting(tmp_path / "torn.db", workers, left).close()
    torn = sitting(tmp_path / "torn.db", workers)
    assert essence(torn.states("run")) == essence(whole.states("run"))
    assert any(len(n.verdict.claims) > 1 for n in whole.tree("run") if n.verdict)


def test_a_lineage_far_behind_the_best_baseline_claims_at_a_share_of_its_own() -> None:
    land = Landscape(4, good=0.4, gain=0.5)
    with searched(
        land, lambda made, seeds: made < 40, "fixed", planted=PLANTED, select=uniform
    ) as simulated:
        tree, rule = simulated.tree, simulated.run.config.rule
    assert {claim.behind for claim in tree.claims()} == {True, False}
    for node, claim in tree.claimed():
        assert node.parent is not None
        lacking = read(tree[1].candidate)[1] - read(node.candidate)[1]
        assert lacking > 0 if claim.behind else lacking < 2
    earlier: list[Claim] = []
    for claim in tree.claims():
        kind = {"gated": claim.gated, "behind": claim.behind}
        assert claim.level == judge.level(rule, earlier, **kind)
        earlier.append(claim)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_explore_builds_on_what_wins_a_race_and_never_says_confirmed(
    tmp_path: Path, isolated_sandbox: Sandbox, schedule: str
) -> None:
    rule = {"standard": "explore"}
    run = start(
        tmp_path / "a.db", isolated_sandbox, Tweak(), turns=20, rule=rule, schedule=schedule
    )
    tree = grow(run)
    assert not tree.confirmed()
    assert not tree.claims()
    kept = [node for node in tree if node.kept]
    assert kept
    assert {node.standing for node in kept} == {"promising"}
    assert {n.number for n in kept} & {n.parent for n in tree}
    winner = tree.best()
    assert winner is not None
    assert winner.verdict is not None
    assert "not confirmed" in winner.verdict.reason


def test_an_unpaired_design_gives_the_rival_seeds_of_its_own(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    rule = {"design": "unpaired"}
    run = start(tmp_path / "a.db", isolated_sandbox, Tweak(), turns=12, rule=rule)
    tree = grow(run)
    assert tree.confirmed()
    fresh = [e for n in tree for e in n.evidence if e.stream.startswith("confirm/")]
    assert fresh
    assert all(each.against == f"{each.stream}/rival" for each in fresh)
    again = rejudge(run.archive, "test")
    assert [each.before for each in again] == [each.after for each in again]


def test_an_adaptive_run_measures_some_nodes_again_and_keeps_every_state(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Tweak(), turns=25)
    states = list(search(run, always))
    assert len(states) > len(Tree(states))
    assert [state.turn for state in states] == list(range(len(states)))
    assert essence(run.archive.states("test")) == essence(states)
    confirmed = Tree(states).confirmed()[0]
    first = next(state for state in states if state.number == confirmed.number)
    assert (first.standing, first.kept, first.gain) == ("promising", False, None)


@pytest.mark.parametrize("standing", ["no gain", "invalid"])
def test_what_a_second_look_finds_hopeless_is_never_put_to_fresh_seeds(
    tmp_path: Path, isolated_sandbox: Sandbox, standing: Standing
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Tweak(), turns=1, rule={"most": 16})
    tree = grow(run)
    verdict = Verdict(standing=standing, reason="after more seeds", screen=screened(-3.0))
    node = tree[2].model_copy(update={"verdict": verdict})
    with ThreadPoolExecutor(2) as pool:
        finished = finish(run, pool, Draft(Action("advance", 2), node), tree)
    assert finished.verdict == verdict


def test_less_code_that_can_no_longer_be_shown_to_lose_nothing_takes_no_seeds(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Tweak(), turns=1)
    tree = grow(run)
    waiting = Verdict(standing="promising", reason="", screen=screened(0.0))
    node = tree[2].model_copy(update={"verdict": waiting, "size": 1, "evidence": ()})
    with ThreadPoolExecutor(2) as pool:
        finished = finish(run, pool, Draft(Action("advance", 2), node), tree)
    assert finished.verdict is not None
    assert finished.standing == "no gain"
    assert finished.verdict.reason == NO_LONGER
    assert not finished.evidence


def screened(mean: float) -> Summary:
    return Summary(mean=mean, sd=1.0, pairs=16)


def test_a_run_judged_again_by_its_own_rule_stands_and_by_a_stricter_one_only_loses(
    tmp_path: Path, isolated_sandbox: Sandbox, ratchet: Ratchet
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Tweak(), turns=25)
    tree = grow(run)
    same = rejudge(run.archive, "test")
    assert len(same) == len(tree.claims()) > 2
    for before, claim in zip(same, tree.claims(), strict=True):
        assert before.after == before.before == ("confirmed" if claim.held else "refuted")
        assert before.log_e == claim.log_e
        assert before.log_threshold == -math.log(claim.level)
    strict = rejudge(run.archive, "test", alpha=1e-9)
    held = {each.node for each in strict if each.after == "confirmed"}
    assert held < {each.node for each in same if each.after == "confirmed"}
    assert "undecided" in {each.after for each in strict}
    shown = ratchet("rejudge", "test", "--alpha", "1e-9", "--archive", str(tmp_path / "a.db"))
    assert shown.returncode == 0, shown.stderr
    assert "under alpha 1e-09, familywise" in shown.stdout
    wrong = ratchet("rejudge", "test", "--alpha", "2", "--archive", str(tmp_path / "a.db"))
    assert wrong.returncode == 2
    assert "alpha" in wrong.stderr


def test_claims_can_be_recomputed_from_the_gains_they_name(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Tweak(), turns=12)
    tree = grow(run)
    for node in tree.confirmed():
        assert node.verdict is not None
        for claim in node.verdict.claims:
            values = claimed_gains(run.archive, tree, run.config.keys, node, claim)
            assert judge.digest(values) == claim.evidence
            margin = run.config.rule.margin(run.task.metric, claim.says)
            found = judge.confirm(run.config.rule, values, margin, claim.level)
            assert found == judge.Reached("confirmed", claim.log_e)
        assert node.verdict.rule == run.config.rule


OLD = {
    "run": "old", "number": 7, "parent": 0, "kind": "candidate", "name": "evolver",
    "candidate": {"files": {}, "idea": "", "proposer": ""}, "canonical": "", "behaviour": None,
    "environment": "e", "isolation": "container",
    "verdict": {
        "standing": "confirmed", "reason": "+0.1", "screen_t": 2.5, "log_e": 5.0,
        "threshold": 4.0, "pairs": 16, "estimate": None, "flags": [],
    },
}  # fmt: skip


def test_nodes_of_older_archives_are_read_with_their_claim(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Tweak(), turns=1)
    grow(run)
    with run.archive.database.writing() as db:
        row = {"run": "test", "number": 7, "files": {}, "data": {**OLD, "run": "test"}}
        db.execute(NODES.insert().values(row))
    node = Archive(tmp_path / "a.db").tree("test")[7]
    assert node.turn == 7
    assert node.verdict is not None
    assert node.verdict.screen is not None
    assert node.verdict.screen.t == pytest.approx(2.5)
    claim = node.verdict.claims[0]
    assert (claim.held, claim.pairs, claim.stream) == (True, 16, "confirm/7")
    assert -math.log(claim.level) == pytest.approx(4.0)


def test_ranking_a_node_again_leaves_the_order_of_the_claims_as_it_was(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Tweak(), turns=12)
    tree = grow(run)
    first, claim = tree.claimed()[0]
    later = first.model_copy(update={"turn": 999, "gain": 0.5})
    again = Tree([*tree, later])
    assert again[first.number].gain == 0.5
    assert again.claims() == tree.claims()
    assert again.claims()[0] == claim


def test_a_leader_that_is_tested_again_is_ranked_on_more_common_seeds(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Tweak(), turns=12)
    tree = grow(run)
    leader = tree.best()
    assert leader is not None
    action = Action("retest", leader.number)
    with ThreadPoolExecutor(2) as pool:
        draft = explore(run, 99, len(tree), action, tree)
        again = finish(run, pool, draft, tree)
    assert again.common_seeds == leader.common_seeds + RETEST
    assert [block.pairs for block in again.common] == [leader.common_seeds, RETEST]
    assert all(
        claim.gain and claim.gain.pairs == claim.pairs
        for claim in run.archive.tree("test").claims()
    )
    assert again.evidence[-1].stream == COMMON
    assert again.turn == 99
    assert 0 < again.gain_error < leader.gain_error
    assert again.verdict is not None
    assert leader.verdict is not None
    assert again.verdict.claims == leader.verdict.claims
    assert again.verdict.estimate != leader.verdict.estimate
    run.archive.add(again)
    assert run.archive.tree("test")[leader.number] == again


def test_a_rule_of_an_older_run_keeps_to_the_control_it_was_made_under() -> None:
    old = {"alpha": 0.1, "glance": 4, "futile_after": 32, "futile_e": 1.0, "most": 128}
    rule = Rule.model_validate(old)
    assert (rule.control, rule.alpha, rule.most) == ("fdr", 0.1, 128)
    assert Rule.model_validate({**old, "control": "familywise"}).control == "familywise"
    assert Rule.model_validate(rule.model_dump()) == rule
    assert Rule().control == "familywise"
    stored = {name: value for name, value in Rule().model_dump().items() if name not in BEFORE}
    assert Rule.model_validate(stored) == Rule.model_copy(Rule(), update=BEFORE)
    assert Rule.model_validate(Rule().model_dump()) == Rule()


class Elsewhere:
    """Tweaks the last planted node, whatever it is given; every second time one that is not."""

    def propose(self, brief: Brief) -> Candidate:
        nodes = brief.tree.planted()
        offer = Tweak().propose(replace(brief, parent=nodes[-1]))
        wrong = brief.rng.random() < 0.5
        chosen = {"parent": 999 if wrong else nodes[-1].number}
        changed: Candidate = offer.model_copy(update=chosen)
        return changed


def test_a_proposer_may_build_on_another_node_than_it_was_given(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Elsewhere(), turns=8)
    tree = Tree(list(search(run, always)))
    last = tree.planted()[-1].number
    made = [node for node in tree if node.verdict]
    assert {node.parent for node in made if node.evidence} == {last}
    assert all(e.versus == last for n in made for e in n.evidence if e.stream.startswith("search"))


class Same:
    """Offers one program, however often it is asked."""

    def propose(self, brief: Brief) -> Candidate:
        return Candidate(files={"step.py": PLAIN.format(rate=0.05)}, idea="one", proposer="same")


def test_of_programs_that_were_made_at_once_the_first_alone_is_judged(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Same(), turns=3, lag=3)
    first, *twins = [node for node in grow(run) if node.verdict]
    assert first.evidence
    assert len(twins) == 2
    for twin in twins:
        assert twin.verdict is not None
        assert (
            twin.verdict.reason == f"the same program as node {first.number}, which was on its way"
        )
        assert (twin.evidence, twin.trials, twin.standing) == ((), 0, "no gain")
