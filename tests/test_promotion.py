"""How nodes are promoted: for being better, for being simpler, over a baseline, or in a race."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from conftest import Ratchet
from stand_ins.runs import always, essence, start
from stand_ins.steps import PLAIN, WORDY, Steps
from stand_ins.tweak import Tweak

from ratchet.agents.base import Brief
from ratchet.archive import Archive, Node, Tree
from ratchet.archive.tables import NODES
from ratchet.evals import COMMON, Candidate, Rule, Standing, Summary, Verdict, judge
from ratchet.sandbox import Sandbox
from ratchet.search.loop import search
from ratchet.search.run import Run
from ratchet.search.schedule import RETEST, Action
from ratchet.search.screen import Draft
from ratchet.search.studies.rejudge import claimed_gains, rejudge
from ratchet.search.turn import explore, finish

SCHEDULES = ["adaptive", "fixed"]


def grow(run: Run) -> Tree:
    return Tree(list(search(run, always)))


def newest(tree: Tree, rng: Random) -> Node:
    """Build on the start until something is kept, then on the newest of that."""
    return max(tree.eligible(), key=lambda node: (node.kept, node.number if node.kept else 0))


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


def test_over_the_best_baseline_is_a_claim_apart_that_lives_on_what_the_first_left(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    agent = Steps([PLAIN.format(rate=0.04)])
    run = start(tmp_path / "a.db", isolated_sandbox, agent, turns=1, lag=0)
    node = grow(replace(run, select=newest))[2]
    assert node.verdict is not None
    over_parent, over_baseline = node.verdict.claims
    assert (over_parent.versus, over_baseline.versus) == (0, 1)
    assert not over_parent.gated
    assert over_baseline.gated
    assert over_baseline.level == over_parent.level
    assert over_parent.stream != over_baseline.stream
    assert over_baseline.held


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
