"""Constants are tuned together, on seeds of their own, within their share of the trials."""

import json
import math
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import BOWL, SECRET, Ratchet
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stand_ins.runs import always, essence, start
from stand_ins.short import short
from stand_ins.tweak import Tweak

from ratchet.agents.base import Brief
from ratchet.agents.evolve.settings import KEPT, Constant, Tunable, tunable
from ratchet.agents.opening import declared
from ratchet.archive import Archive, Node, Tree
from ratchet.evals import Candidate, Keys, Rule, draw, key_from, measure
from ratchet.sandbox import Job, Result, Sandbox
from ratchet.search import tune
from ratchet.search.desk.consent import Unanswered
from ratchet.search.lab import Lab
from ratchet.search.loop import search
from ratchet.search.run import Config, Run
from ratchet.search.select import POLICIES
from ratchet.tasks import Task, TaskError, load

SEEDS = draw(Keys("key", "secret"), "tune/1/1", 2)
SHARE = 0.3


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tune by fewer settings than a search does."""
    monkeypatch.setattr(tune, "POPULATION", 6)
    monkeypatch.setattr(tune, "GENERATIONS", 4)


class Sleepy:
    """Offers what its parent is already, so that only tuning makes new programs."""

    def propose(self, brief: Brief) -> Candidate:
        return Candidate(files=brief.parent.candidate.files, idea="the same", proposer="sleepy")


class Branching:
    """Offers one program of another form, and after it nothing new."""

    def propose(self, brief: Brief) -> Candidate:
        text = "RATE = 0.05\n\ndef step(x, grad, progress):\n    return -RATE * grad - 0.001 * x\n"
        return Candidate(files={"step.py": text}, idea="decay", proposer="branching")


class Breaking:
    """A sandbox that notes the seeds it is told, and breaks after so many jobs, as at a kill."""

    def __init__(self, sandbox: Sandbox, jobs: int) -> None:
        self.name, self.isolation = sandbox.name, sandbox.isolation
        self.describe, self.close = sandbox.describe, sandbox.close
        self._sandbox, self._jobs = sandbox, jobs
        self.seeds: set[int] = set()

    def run(self, job: Job) -> Result:
        self._jobs -= 1
        self.seeds |= set(json.loads(job.request.partition(b"\n")[0]).get("seeds", ()))
        if self._jobs < 0:
            raise KeyboardInterrupt
        return self._sandbox.run(job)


def tuned(nodes: Iterable[Node]) -> list[Node]:
    return [node for node in Tree(nodes) if node.tuning]


def constants(program: Tunable) -> dict[str, float]:
    return {constant.name: constant.value for constant in program.constants}


def program(text: str, name: str = "step.py") -> Candidate:
    return Candidate(files={name: text}, idea="", proposer="test")


@pytest.fixture(scope="module")
def slept(tmp_path_factory: pytest.TempPathFactory, isolated_sandbox: Sandbox) -> Run:
    """A run that only tuned, from its start and its baseline."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tune, "POPULATION", 6)
        patch.setattr(tune, "GENERATIONS", 4)
        path = tmp_path_factory.mktemp("slept") / "a.db"
        noting: Any = Breaking(isolated_sandbox, jobs=10_000)
        run: Run = start(path, noting, Sleepy(), turns=6, tune=SHARE, lag=0)
        run.lab.charge(run.budget)
        list(search(run, always))
    return run


def test_tuning_finds_better_constants_and_says_of_what_and_at_what_cost(slept: Run) -> None:
    tree = slept.archive.tree("test")
    leader = max(tree.planted(), key=lambda node: node.gain or 0.0)
    first = tuned(tree)[0]
    assert first.tuning is not None
    assert first.tuning.node == first.parent == leader.number
    assert first.candidate.proposer == "tuner"
    assert f"of node {leader.number}: " in first.candidate.idea
    assert first.standing == "confirmed"
    counted = first.tuning
    assert counted.trials == counted.settings == counted.constants + 1 + 4 * 6
    own = sum(evidence.count for evidence in first.seeds_run)
    fresh = sum(claim.pairs for claim in first.verdict.claims) if first.verdict else 0
    assert first.trials == counted.trials + own + fresh


def test_trials_of_tuning_count_for_the_budget_and_no_seed_of_them_serves_anything_else(
    slept: Run,
) -> None:
    tree = slept.archive.tree("test")
    assert slept.budget.spent["trials"] == slept.lab.trials > spent_on_tuning(tree) > 0
    noting: Any = slept.lab.sandbox
    streams = {evidence.stream for node in tree for evidence in node.evidence}
    drawn = (draw(slept.config.keys, stream, 300) for stream in streams)
    rest = noting.seeds - {seed.train for seeds in drawn for seed in seeds}
    assert len(rest) == 5 * len(tuned(tree)), "one for each generation, and one before the first"


def test_a_search_that_stops_while_it_tunes_goes_on_to_the_same_tree_and_repeats_no_trial(
    tmp_path: Path, isolated_sandbox: Sandbox, slept: Run
) -> None:
    for jobs in (30, 60):
        breaking: Any = Breaking(isolated_sandbox, jobs)
        run = start(tmp_path / "b.db", breaking, Sleepy(), turns=6, tune=SHARE, lag=0)
        with pytest.raises(KeyboardInterrupt):
            list(search(run, always))
    run = start(tmp_path / "b.db", isolated_sandbox, Sleepy(), turns=6, tune=SHARE, lag=0)
    list(search(run, always))
    assert essence(run.archive.states("test")) == essence(slept.archive.states("test"))
    assert run.lab.trials < slept.lab.trials


def test_another_form_is_tuned_too_and_then_compared_with_its_parent(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Branching(), turns=8, tune=1.0, lag=0)
    tree = Tree(search(run, always))
    form = next(node for node in tree if node.name == "branching")
    sibling = next(node for node in tuned(tree) if node.tuning and node.tuning.node == form.number)
    assert sibling.parent == form.parent


def test_tuning_keeps_to_its_share_of_the_trials_but_for_the_last_time(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Sleepy(), turns=8, tune=0.05, lag=0)
    tree = Tree(search(run, always))
    last = tuned(tree)[-1].tuning
    assert last
    assert spent_on_tuning(tree) - last.trials <= 0.05 * tree.trials


def test_turns_that_cannot_see_each_other_never_tune_both(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Tweak(), turns=9, tune=1.0, lag=2)
    turns = [node.turn for node in tuned(Tree(search(run, always)))]
    assert len(turns) > 1
    assert all(later - earlier > 2 for earlier, later in pairwise(turns))


NOT_TUNED: list[dict[str, Any]] = [
    {},
    {"tune": SHARE, "caps": {"trials": 60}},
    {"tune": SHARE, "approve": "candidates"},
]


@pytest.mark.parametrize("config", NOT_TUNED)
def test_without_a_share_a_budget_or_a_persons_word_nothing_is_tuned(
    tmp_path: Path, isolated_sandbox: Sandbox, config: dict[str, Any]
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Sleepy(), turns=3, **config)
    with suppress(Unanswered):
        list(search(run, always))
    assert not tuned(run.archive.tree("test"))


def spent_on_tuning(tree: Tree) -> int:
    return sum(node.tuning.trials for node in tree if node.tuning)


SETTINGS: dict[str, tuple[str, dict[str, tuple[float, float]]]] = {
    "optimizer": ("muon", {"LR": (0.1, 0.2), "WARMUP": (0.1, 0.03), "BETA1": (0.5, 0.9)}),
    "policy_objective": (
        "clip_higher",
        {"CLIP_LOW": (0.1, 0.3), "CLIP_HIGH": (0.1, 0.4), "ENTROPY": (0.0, 0.05)},
    ),
    "schedule": ("wsd", {"COOLDOWN": (0.2, 0.6)}),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_side_by_side_score_as_the_programs_that_have_them(
    isolated_sandbox: Sandbox, name: str
) -> None:
    task, (baseline, values) = short(name), SETTINGS[name]
    assert task.manifest.stacked_constants
    ((file, text),) = task.baselines[baseline].items()
    lanes = {constant: [v for v in pair for _ in SEEDS] for constant, pair in values.items()}
    own = program(text, file)
    stacked = measure(own, task, isolated_sandbox, SEEDS * 2, "glance", constants=lanes)
    for at in range(2):
        lines = [
            f"{line.split(' = ')[0]} = {values[line.split(' = ')[0]][at]}"
            if line.split(" = ")[0] in values
            else line
            for line in text.split("\n")
        ]
        alone = measure(program("\n".join(lines), file), task, isolated_sandbox, SEEDS, "glance")
        for one, other in zip(stacked[2 * at : 2 * at + 2], alone, strict=True):
            assert one.score == pytest.approx(other.score, abs=0.02)
    assert len({round(trial.score or 0.0, 6) for trial in stacked}) == 4


def test_a_constant_that_decides_a_branch_cannot_be_stacked_and_says_so(
    isolated_sandbox: Sandbox,
) -> None:
    task = short("optimizer")
    text = task.start["optimizer.py"].replace(
        "    step = ctx", "    if WARMUP > 0.1:\n        pass\n    step = ctx"
    )
    lanes = {"WARMUP": [0.05, 0.2]}
    trials = measure(
        program(text, "optimizer.py"), task, isolated_sandbox, SEEDS, "glance", constants=lanes
    )
    assert all(trial.score is None for trial in trials)
    assert "its constants cannot be stacked" in trials[0].log


def test_what_cannot_be_stacked_and_what_nothing_depends_on_stays_as_it_is(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    task = short("optimizer")
    node = proposed(tmp_path, isolated_sandbox, replaced(task, branching(task)))
    assert "LR 0.03 -> " in node.candidate.idea
    for name in ("WARMUP", "EPSILON", "CONV_STEP"):
        assert f"{name} " not in node.candidate.idea
    changed = tunable(node.candidate, task.motifs, task.manifest.probe)
    assert changed is not None
    assert constants(changed)["WARMUP"] == 0.05
    assert constants(changed)["EPSILON"] == 1e-8


def branching(task: Task) -> str:
    """The start of the optimizer task, with a branch that a constant decides."""
    branch = "    if WARMUP > 0.9:\n        pass\n    step = ctx"
    return task.start["optimizer.py"].replace("    step = ctx", branch)


def replaced(task: Task, text: str) -> Task:
    files = {n: f for n, f in task.files.items() if not n.startswith("baselines/")}
    return Task({**files, "start/optimizer.py": text.encode()})


def proposed(path: Path, sandbox: Sandbox, task: Task) -> Node:
    """The first node that tuning makes of a task's start."""
    archive = Archive(path / "a.db", create=True)
    rule = Rule(estimate=2, first_look=2, screen=4)
    config = Config(
        task=task.name, key=key_from(1), secret=SECRET, turns=1, tune=1.0, lag=0, rule=rule
    )
    archive.start_run("test", task, config.model_dump(mode="json"))
    lab, agent = Lab(task, sandbox, archive), declared(Sleepy(), "sleepy")
    run = Run("test", config, agent, POLICIES["best"], lab, archive, 2)
    return tuned(search(run, always))[0]


@given(st.floats(1e-9, 1e3) | st.floats(-1e3, -1e-9), st.floats(-20, 20))
@example(1 - 1e-9, -6.0)
def test_a_constant_keeps_its_sign_and_a_rate_stays_below_one(value: float, by: float) -> None:
    rate = 0.5 < abs(value) < 1
    moved = Constant("C", value, rate).moved(by)
    assert math.isfinite(moved)
    assert math.copysign(1, moved) == math.copysign(1, value)
    assert not rate or 0 < abs(moved) < 1


def test_a_factor_on_steps_is_no_rate_and_can_grow_beyond_one() -> None:
    task = load("optimizer")
    own = program(task.start["optimizer.py"], "optimizer.py")
    first = tunable(own, task.motifs, task.manifest.probe)
    assert first is not None
    less = {constant.name: constant.value for constant in first.constants} | {"HEAD_STEP": 0.6}
    again = tunable(first.candidate(own, less), task.motifs, task.manifest.probe)
    assert again is not None
    (head,) = (constant for constant in again.constants if constant.name == "HEAD_STEP")
    assert (head.value, head.moved(1.0) > 1) == (0.6, True)
    assert {constant.name for constant in again.constants if constant.rate} == {"BETA1", "BETA2"}


@given(st.floats(1e-6, 0.999), st.floats(0.05, 3))
def test_moves_to_either_side_lead_to_either_side(value: float, by: float) -> None:
    constant = Constant("C", value, 0.5 < value < 1)
    less, more = sorted((constant.moved(-by), constant.moved(by)))
    assert less <= value <= more
    assert less < more


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_program_under_a_setting_has_its_constants_and_nothing_else_changed(
    rng: Random,
) -> None:
    task = load("optimizer")
    name = rng.choice(sorted(task.baselines))
    candidate = program(task.baselines[name]["optimizer.py"], "optimizer.py")
    space = tunable(candidate, task.motifs, task.manifest.probe)
    assert space is not None
    setting = {c.name: c.moved(rng.choice((0.0, rng.gauss(0, 1)))) for c in space.constants}
    again = tunable(space.candidate(candidate, setting), task.motifs, task.manifest.probe)
    assert again is not None
    after = constants(again)
    for constant in space.constants:
        far = abs(math.log(setting[constant.name])) >= math.log(KEPT)
        if not constant.kind or far:
            assert after[constant.name] == setting[constant.name]
        else:
            assert after[constant.name] == 1.0, "a factor of about one is left out again"


@pytest.mark.parametrize(
    "text",
    [
        "A = 0.3\nB = 1 - A\n\ndef step(x, grad, progress):\n    return A * B\n",
        "A = 0.3\n\ndef step(x, grad, progress, a=A):\n    return a\n",
        "A = 0.0\n\ndef step(x, grad, progress):\n    return A\n",
        "A = 3\n\ndef step(x, grad, progress):\n    return A\n",
        "def step(x, grad, progress):\n    return 0.3\n",
        "this is not Python",
    ],
)
def test_what_is_read_while_loading_whole_zero_or_without_a_name_is_not_tuned(text: str) -> None:
    assert tunable(program(text), load(BOWL).motifs, None) is None


def test_a_task_that_cannot_stack_constants_is_not_handed_any(isolated_sandbox: Sandbox) -> None:
    task = load(BOWL)
    own = Candidate(files=task.start, idea="", proposer="test")
    with pytest.raises(TaskError, match="cannot stack constants"):
        measure(own, task, isolated_sandbox, SEEDS, constants={"RATE": [0.1, 0.2]})


def test_show_says_what_was_tuned(slept: Run, ratchet: Ratchet) -> None:
    node = tuned(slept.archive.tree("test"))[0]
    assert node.tuning
    place = ["--archive", slept.archive.where]
    page = " ".join(ratchet("show", node.id, *place).stdout.split())
    assert f"constants of node test.{node.tuning.node}, in {node.tuning.settings} settings" in page
    record = json.loads(ratchet("show", node.id, "--json", *place).stdout)
    assert record["tuning"]["trials"] == node.tuning.trials < record["trials"]
