"""How a search ends: for want of progress, of time, or of a start to compare with."""

import json
import shutil
import threading
import time
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import BOWL, SECRET, UNISOLATED, Ratchet
from hypothesis import given
from hypothesis import strategies as st
from stand_ins.idle import Idle
from stand_ins.runs import always, essence, node, start
from stand_ins.tweak import Tweak

from ratchet.agents.base import BudgetSpent
from ratchet.agents.llm import Price
from ratchet.agents.opening import declared, open_agent
from ratchet.archive import Archive, Evidence, Tree
from ratchet.evals import Evaluation, Rule, Seed, Trial, Verdict, draw, key_from
from ratchet.evals.scored import failure
from ratchet.sandbox import Job, Result, Sandbox
from ratchet.search import loop as searching
from ratchet.search.budget import Budget, Caps
from ratchet.search.crew import Crew
from ratchet.search.desk.consent import Approver, Unanswered
from ratchet.search.desk.roster import Models
from ratchet.search.desk.wanted import ModelChoiceError, foresee_spending
from ratchet.search.lab import Lab
from ratchet.search.loop import search
from ratchet.search.pace import Lap, Pace
from ratchet.search.planted import best_planted
from ratchet.search.run import Config, Run
from ratchet.search.schedule import AGAIN, FRUITLESS, patience
from ratchet.search.select import POLICIES, dgm
from ratchet.search.studies.calibrate import calibrate
from ratchet.search.studies.report import report, seconds_for
from ratchet.tasks import TaskError, load

NOTHING = 'def step(x, grad, progress):\n    return float("nan")\n'
RAISES = 'raise RuntimeError("no gradient \\x1b[31mtoday")\n'


class Passing:
    """A sandbox that passes every job on, and does something at each that measures a program."""

    def __init__(self, inner: Sandbox) -> None:
        self.inner, self.name, self.isolation = inner, inner.name, inner.isolation

    def run(self, job: Job) -> Result:
        asked = json.loads(job.request) if job.files else {}
        if "seeds" in asked:
            self.measuring(asked["seeds"])
        return self.inner.run(job)

    def measuring(self, seeds: list[int]) -> None:
        pass

    def describe(self) -> dict[str, str]:
        return self.inner.describe()

    def close(self) -> None:
        pass


class Cutting(Passing):
    """Lets the time of a run be up once a job on one of some seeds has begun."""

    def __init__(self, inner: Sandbox, seeds: set[int]) -> None:
        super().__init__(inner)
        self.seeds, self.budget, self.cut = seeds, Budget(), False

    def measuring(self, seeds: list[int]) -> None:
        if self.seeds & set(seeds):
            self.cut = True
            self.budget.begin(0.0)


class Slow(Passing):
    """Takes a while for each job."""

    def measuring(self, seeds: list[int]) -> None:
        time.sleep(0.3)


def charged(run: Run) -> Run:
    run.lab.charge(run.budget)
    return run


def test_a_search_that_is_offered_nothing_new_ends_whatever_its_budget(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    reasons: list[str] = []
    run = start(tmp_path / "a.db", process_sandbox, Idle(), turns=10**6)
    made = Tree(search(run, always, reasons.append)).proposals()
    assert len(made) == FRUITLESS + run.config.lag
    assert "offered nothing new" in reasons[0]
    again = list(search(run, always, reasons.append))
    assert len(again) == AGAIN, "what was in the way may have been mended since"


def test_a_search_that_was_cut_short_does_not_count_its_fruitless_proposals_anew(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Idle())
    nodes = search(run, always)
    for _ in zip(range(60), nodes, strict=False):
        pass
    nodes.close()  # type: ignore[attr-defined]
    list(search(run, always))
    assert len(run.archive.tree("test").proposals()) == FRUITLESS + run.config.lag


def test_programs_that_run_and_give_no_score_are_no_progress_either() -> None:
    seeds = (Evidence(stream="search/0", count=4),)
    useless = [
        node(number, None, 0, "invalid").model_copy(update={"evidence": seeds, "trials": 4})
        for number in range(1, FRUITLESS + 1)
    ]
    assert Tree([node(0, 0.0), *useless]).fruitless() == FRUITLESS
    kept = node(FRUITLESS + 1, None, 0, "no gain").model_copy(update={"evidence": seeds})
    assert Tree([node(0, 0.0), *useless, kept]).fruitless() == 0
    assert patience(Tree([node(0, 0.0), *useless]), lag=3) == FRUITLESS


@pytest.mark.slow
def test_nothing_to_find_under_a_cap_of_evaluations_ends_with_4_and_replays(
    tmp_path: Path, ratchet: Ratchet
) -> None:
    words = ["--agent", "stand_ins.idle", *UNISOLATED, "--max-trials", "100000"]
    done = ratchet("search", BOWL, *words)
    assert done.returncode == 4, done.stderr
    assert "in a row offered nothing new" in done.stdout
    archive = Archive(tmp_path / ".ratchet/archive.db")
    run = archive.run().id
    assert "in a row" in archive.events(run, "stopped")[-1]["data"]["reason"]
    count = len(archive.tree(run))
    assert ratchet("resume", run, *UNISOLATED).returncode == 4
    assert len(archive.tree(run)) == count + AGAIN
    again = ratchet("replay", run, *UNISOLATED)
    assert again.returncode == 0, again.stdout


@pytest.mark.parametrize("schedule", ["adaptive", "fixed"])
def test_a_confirmation_that_time_interrupts_goes_on_as_if_it_had_not_been(
    tmp_path: Path, process_sandbox: Sandbox, schedule: Any
) -> None:
    settings = {"turns": 5, "schedule": schedule}
    uncut = start(tmp_path / "a.db", process_sandbox, Tweak(), **settings)
    whole = list(search(uncut, always))
    streams = [f"confirm/{number}" for number in range(12)]
    firsts = {draw(uncut.config.keys, stream, 1)[0].train for stream in streams}
    trials = cuts = 0
    for _ in range(25):
        cutting = Cutting(process_sandbox, firsts)
        run = charged(start(tmp_path / "b.db", cutting, Tweak(), **settings))
        cutting.budget = run.budget
        list(search(run, always))
        trials, cuts = trials + run.lab.trials, cuts + cutting.cut
        if not cutting.cut:
            break
    assert cuts >= 2
    assert essence(run.archive.states("test")) == essence(whole)
    assert trials == uncut.lab.trials, "no seed was run twice"


def test_nothing_is_begun_that_cannot_end_in_time(tmp_path: Path, process_sandbox: Sandbox) -> None:
    run = charged(start(tmp_path / "a.db", Slow(process_sandbox), Tweak()))
    reasons: list[str] = []
    began = time.monotonic()
    run.budget.begin(3.0)
    list(search(run, always, reasons.append))
    took = time.monotonic() - began
    assert len(run.archive.tree("test")) > 2
    assert took < 3.0 + 1.5
    assert "seconds" in reasons[0]
    tree = run.archive.tree("test")
    assert (seconds_for(run.config.rule, tree, run.lab) > 0.3) == (tree.best() is not None)


class Stuck(Passing):
    """Holds the jobs after the first few until it is let go."""

    def __init__(self, inner: Sandbox, free: int) -> None:
        super().__init__(inner)
        self.free, self.go = free, threading.Event()

    def measuring(self, seeds: list[int]) -> None:
        self.free -= 1
        if self.free < 0:
            self.go.wait(60)


def test_what_is_in_flight_when_the_time_is_up_is_left_and_recorded_as_no_failure(
    tmp_path: Path, process_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "LATE_SECONDS", 0.5)
    stuck = Stuck(process_sandbox, 3)  # the second job of the first child is the one that sticks
    run = charged(start(tmp_path / "a.db", stuck, Tweak()))
    nodes = search(run, always)
    assert [next(nodes).name, next(nodes).name] == ["start", "momentum"]
    release = threading.Timer(3.0, stuck.go.set)
    release.start()
    run.budget.begin(1.0)
    list(nodes)
    assert all(each.standing != "invalid" for each in run.archive.tree("test"))
    release.join()


def test_the_crew_waits_as_long_as_it_is_told() -> None:
    go, crew = threading.Event(), Crew(1, "test")
    future, late = crew.submit(go.wait, 30), crew.submit(int)
    began = time.monotonic()
    crew.land(lambda: began + 0.2 - time.monotonic())
    assert 0.1 < time.monotonic() - began < 5
    assert late.cancelled()
    go.set()
    crew.land(lambda: None)
    assert future.result()


def test_durations_are_foreseen_from_jobs_of_the_nearest_size() -> None:
    pace = Pace()
    assert pace.job("dev", 16) == 0.0
    for seconds in (1.0, 1.2, 9.0, 1.1):
        pace.ran("dev", Lap("a", 32, seconds))
    assert pace.job("dev", 32) == 9.0
    for _ in range(8):
        pace.ran("dev", Lap("a", 32, 1.0))
    assert pace.job("dev", 32) == pytest.approx(1.0, abs=0.2)
    assert pace.job("dev", 64) == 2 * pace.job("dev", 32)
    assert pace.job("transfer", 32) == pace.job("dev", 32), "nothing is known of those"
    pace.ran("dev", Lap("b", 4, 7.0))
    assert pace.job("dev", 32, "b") == 7.0, "it has taken longer on fewer seeds"


def test_a_unit_that_takes_longer_than_is_left_is_not_begun() -> None:
    budget = Budget(Caps(trials=10))
    budget.begin(5.0)
    with budget.reserve(seconds=4.0), budget.reserve(seconds=4.0):
        pass  # side by side, they end in time
    with pytest.raises(BudgetSpent, match="of 5 seconds are left, and the next step takes about 6"):
        budget.reserve(seconds=6.0).__enter__()


def test_a_budget_that_buys_no_proposal_is_refused_with_what_one_costs() -> None:
    models = Models(
        ensemble=("m",), url="http://x", prices={"m": Price(input=1.0, cached=1.0, output=2.0)}
    )
    agent, task, messages = open_agent("aide"), load(BOWL), list[str]()
    with pytest.raises(ModelChoiceError, match=r"buys no proposal.*give --max-tokens \d{4}"):
        foresee_spending(models, agent, task, Caps(tokens=100), messages.append)
    with pytest.raises(ModelChoiceError, match=r"give --max-dollars 0\.0"):
        foresee_spending(models, agent, task, Caps(dollars=1e-6), messages.append)
    foresee_spending(models, agent, task, Caps(tokens=10**6, dollars=1.0), messages.append)
    assert [message.partition(" about ")[0] for message in messages] == [
        "m at http://x: a proposal takes"
    ]


# The task's own programs


@pytest.fixture
def broken(tmp_path: Path) -> Any:
    """The bowl with another program in one of its folders."""

    def make(place: str, text: str) -> Path:
        folder = tmp_path / "task"
        shutil.copytree(BOWL, folder, dirs_exist_ok=True)
        (folder / place / "step.py").write_text(text)
        return folder

    return make


def begun(folder: Path, path: Path, sandbox: Sandbox, **config: Any) -> Run:
    task, archive = load(str(folder)), Archive(path, create=True)
    settings = Config(task="bowl", seed=1, key=key_from(1), secret=SECRET, **config)
    archive.start_run("test", task, settings.model_dump(mode="json"))
    agent, lab = declared(Tweak(), settings.agent), Lab(task, sandbox, archive)
    return Run("test", settings, agent, dgm, lab, archive)


@pytest.mark.parametrize("text", [NOTHING, RAISES])
def test_a_start_without_a_score_ends_the_search_before_anything_is_planted(
    tmp_path: Path, process_sandbox: Sandbox, broken: Any, text: str
) -> None:
    run = begun(broken("start", text), tmp_path / "a.db", process_sandbox, turns=3)
    with pytest.raises(TaskError, match="has no score to beat: all 32 seeds ended with"):
        list(search(run, always))
    assert not run.archive.states("test")
    with pytest.raises(TaskError, match="has no score to beat"):
        calibrate(run.lab, Rule(), run.config.keys)


def test_a_start_without_a_score_is_one_sentence_with_its_last_words(
    ratchet: Ratchet, broken: Any
) -> None:
    done = ratchet("search", str(broken("start", RAISES)), *UNISOLATED, "--turns", "2")
    assert done.returncode == 2
    assert "RuntimeError: no gradient" in done.stderr
    assert "\x1b[31mtoday" not in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(ratchet("runs", "--json").stdout) == []


def test_a_baseline_without_a_score_is_shown_as_failed_and_compared_with_nothing(
    tmp_path: Path, process_sandbox: Sandbox, broken: Any
) -> None:
    folder = broken("baselines/momentum", NOTHING)
    run = begun(folder, tmp_path / "a.db", process_sandbox, turns=6, schedule="adaptive")
    tree = Tree(search(run, always))
    failed = tree[1]
    assert (failed.standing, failed.gain, failed.eligible) == ("failed", None, False)
    assert failed.failure == "all 32 seeds ended with diverged"
    assert {each.parent for each in tree if each.verdict} <= {0, *range(2, len(tree))}
    assert best_planted(tree).name == "start"
    assert 1 not in tree.ranking
    assert tree.confirmed()
    assert all(claim.versus != 1 for claim in tree.claims())
    for name in POLICIES:
        assert POLICIES[name](tree, Random(0)).number != 1
    read = report(run.archive.run(), run.lab, run.archive)
    assert read is not None
    assert read.baseline == "start"
    assert essence(run.archive.tree("test")) == essence(tree)
    known = calibrate(run.lab, Rule(), run.config.keys, seeds=16)
    assert known.distant is None
    assert known.failed == 0


def trials(scored: int, failed: int) -> Evaluation:
    made = [
        Trial(
            seed=Seed(train=number, sealed=number),
            status="ok" if number < scored else "diverged",
            score=1.0 if number < scored else None,
        )
        for number in range(scored + failed)
    ]
    return Evaluation(stream="search/common", trials=tuple(made))


def test_a_program_that_fails_on_more_than_half_of_its_seeds_has_no_score() -> None:
    assert failure(trials(32, 0)) == failure(trials(16, 16)) == ""
    assert failure(trials(15, 17)) == "17 of 32 seeds ended with diverged"


# The funnel

ENDS = ("confirmed", "unproven", "refuted")
FATES = ("duplicate", "empty", "invalid", "unrun", "screened", "promising", *ENDS)


@given(st.lists(st.tuples(st.sampled_from(FATES), st.integers(0, 8)), max_size=30))
def test_every_proposal_is_in_one_class_of_the_funnel(made: list[tuple[str, int]]) -> None:
    nodes = [node(0, 0.0)]
    for number, (fate, discarded) in enumerate(made, 1):
        standing: Any = "invalid" if fate == "unrun" else fate
        if fate in ("duplicate", "empty", "screened"):
            standing = "no gain"
        ran = fate not in ("duplicate", "empty", "unrun")
        nodes.append(
            node(number, None, 0, "invalid").model_copy(
                update={
                    "verdict": Verdict(standing=standing, reason=""),
                    "evidence": (Evidence(stream="search/0", count=4),) if ran else (),
                    "behaviour": None if fate in ("empty", "unrun") else "x",
                    "discarded": discarded,
                }
            )
        )
    funnel = Tree(nodes).funnel()
    assert funnel["proposed"] == len(made) + sum(discarded for _, discarded in made)
    parts = ("duplicate", "empty", "invalid", "screened")
    assert sum(funnel[part] for part in parts) == funnel["proposed"]
    assert funnel["screened"] >= funnel["promising"] >= sum(funnel[end] for end in ENDS)
    assert funnel["empty"] == sum(fate == "empty" for fate, _ in made)


# People


def test_a_question_is_asked_no_longer_than_the_search_lasts(tmp_path: Path) -> None:
    with closing(Archive(tmp_path / "a.db", create=True)) as archive:
        config = Config(task="bowl", key=key_from(1))
        archive.start_run("run", load(BOWL), config.model_dump(mode="json"))
        budget = Budget()
        budget.begin(0.1)
        approver = Approver(archive, "run", "all", budget=budget)
        with pytest.raises(Unanswered, match="nobody answered") as raised:
            approver.candidate("t", node(0, 0.0), node(0, 0.0).candidate, ())
    assert raised.value.exit_code == 3


@pytest.mark.slow
def test_a_search_that_nobody_answers_ends_with_3_and_how_to_go_on(
    tmp_path: Path, quick_ratchet: Ratchet
) -> None:
    words = ["--agent", "stand_ins.tweak", "--approve", "all", "--minutes", "0.05"]
    done = quick_ratchet("search", BOWL, *words)
    assert done.returncode == 3
    assert "nobody answered" in done.stderr
    assert "ratchet resume" in done.stdout
    archive = Archive(tmp_path / ".ratchet/archive.db")
    kinds = [event["kind"] for event in archive.events(archive.run().id)]
    assert kinds[-1] == "stopped"
