"""What a candidate could train on in secret, and what such training costs it."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_ins.short import short

from ratchet.archive import Archive
from ratchet.evals import Candidate, Evaluation, Keys, Seed, Trial, audit, draw, measure, probe
from ratchet.evals.carried import MOST_CODE, carried
from ratchet.sandbox import Job, Limits, Program, Sandbox
from ratchet.search.run import Config
from ratchet.search.start_cost import StartCost, start_seconds
from ratchet.tasks import Task, TaskError, load, names

TASK = load("optimizer")
PATIENT = b"wall_seconds = 60", b"wall_seconds = 600"  # the secret training takes most of a minute
START = TASK.start["optimizer.py"]
BENCH = Path(__file__).parents[1] / "bench"
SPIN = "sum(range(60_000_000))"


def candidate(text: str) -> Candidate:
    return Candidate(files={"optimizer.py": text}, idea="", proposer="test")


def seeds(data: int, count: int = 2) -> list[Seed]:
    return [Seed(train=n + 1, sealed=n + 100, data=data) for n in range(count)]


def scores(sandbox: Sandbox, data: int, task: Task = TASK) -> list[float | None]:
    program = Candidate(files=task.start, idea="", proposer="test")
    return [trial.score for trial in measure(program, task, sandbox, seeds(data), "glance")]


# Data that cannot be rebuilt


def test_the_data_of_a_run_follow_from_its_secret_and_those_of_older_runs_are_published() -> None:
    keys = Keys.fresh("steer", "5" * 32)
    assert keys.data == Keys.fresh("another", "5" * 32).data != 0
    assert keys.data != Keys.fresh("steer", "6" * 32).data
    assert {seed.data for seed in draw(keys, "search/1", 9)} == {keys.data}
    assert Keys.of("k", "s").data == 0
    assert Config(task="bowl", key="k").keys.data == 0
    assert Seed.model_validate({"train": 1, "sealed": 2}).data == 0


@pytest.mark.parametrize("name", ["optimizer", "schedule", "policy_objective"])
def test_equal_seeds_with_other_data_give_other_scores(name: str, process_sandbox: Sandbox) -> None:
    task = short(name)
    one, again, other = (scores(process_sandbox, data, task) for data in (7, 7, 8))
    assert one == again
    assert not {*one} & {*other}


def test_a_probe_is_the_same_whatever_the_data(process_sandbox: Sandbox) -> None:
    for name in ("optimizer", "policy_objective"):
        task = load(name)
        start = Candidate(files=task.start, idea="", proposer="test")
        shown = {probe(start, task.keyed(data), process_sandbox).reply for data in (0, 7)}
        assert len(shown) == 1


def test_seeds_of_different_data_are_not_measured_in_one_job(process_sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="measure them apart"):
        measure(candidate(START), TASK, process_sandbox, [*seeds(1), *seeds(2)])


@pytest.mark.parametrize("name", names())
def test_only_trusted_code_can_import_the_number_that_draws_the_data(name: str) -> None:
    task = load(name).keyed(12345)
    assert task.digest == load(name).digest
    for program in (task.trainer, task.grader):
        assert b"12345" in program.files["data_key.py"]
        assert not program.guest or "data_key.py" not in program.shown
        assert not any(b"12345" in program.files[shown] for shown in program.shown)


def test_a_task_whose_trainer_holds_the_candidate_keeps_the_published_data() -> None:
    files = {name: data for name, data in TASK.files.items() if name != "guest.py"}
    assert b"12345" not in Task(files, 12345).trainer.files["data_key.py"]


@pytest.mark.parametrize("data", [-1, 2**63, 1.5, "7", True, None])
def test_what_is_no_number_of_data_is_refused(data: object) -> None:
    with pytest.raises(TaskError, match="draws a task's data"):
        TASK.keyed(data)  # type: ignore[arg-type]


def test_a_candidate_that_asks_for_the_number_finds_none(process_sandbox: Sandbox) -> None:
    result = probe(candidate("import data_key\n" + START), TASK.keyed(7), process_sandbox)
    assert result.status == "candidate_error"
    assert "No module named 'data_key'" in result.log


def test_the_glyphs_of_a_run_are_ten_others_and_as_many_as_there_are_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCH.parent / "tasks" / "library"))
    spec = importlib.util.find_spec("pools")
    assert spec is not None
    assert spec.loader is not None
    pools = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pools)
    shapes = {data: pools.drawn_glyphs(data) for data in range(1, 6)}
    texts = [str(glyph.tolist()) for glyphs in shapes.values() for glyph in glyphs]
    published = {str(glyph.tolist()) for glyph in pools.published()}
    assert len({*texts}) > 45
    assert not published & {*texts}
    assert pools.drawn_glyphs(3).equal(shapes[3])


def test_a_run_does_not_read_what_was_measured_on_other_data(tmp_path: Path) -> None:
    with_data, without = Seed(train=1, sealed=2, data=5), Seed(train=1, sealed=2)
    archive = Archive(tmp_path / "a.db", create=True)
    trial = Trial(seed=without, status="ok", score=1.0)
    archive.add_trials("env", "task", "program", "dev", [trial])
    assert archive.trials("env", "task", "program", "dev", [without]) == {without: trial}
    assert not archive.trials("env", "task", "program", "dev", [with_data])


def test_an_archive_opens_the_task_of_a_run_with_the_data_of_that_run(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.db", create=True)
    archive.start_run("new", TASK, {"task": "bowl", "key": "k", "secret": "s", "data": 9})
    archive.start_run("old", TASK, {"task": "bowl", "key": "k"})
    assert [archive.task(run).data for run in ("new", "old")] == [9, 0]


# CPU time


@pytest.mark.parametrize(
    "text",
    [
        f"DATA = {SPIN}\n{START}",
        f"while True:\n    try:\n        {SPIN}\n    except BaseException:\n        pass\n{START}",
        START.replace("    state = {}\n", f"    {SPIN}\n    state = {{}}\n"),
    ],
    ids=["at import", "and catches everything", "in init"],
)
def test_training_before_the_first_step_is_ended(text: str, isolated_sandbox: Sandbox) -> None:
    trials = measure(candidate(text), TASK, isolated_sandbox, seeds(0), "glance")
    assert {trial.status for trial in trials} == {"candidate_error"}
    assert "more than 0.3 s of CPU time" in trials[0].log


def test_a_guest_that_uses_up_its_cpu_time_is_ended_by_the_kernel(
    isolated_sandbox: Sandbox,
) -> None:
    host = b"def answer(message, memory):\n    while True: pass\n"
    trusted = b"def run(request, guest): return guest.ask(request)\n"
    program = Program({"host.py": host, "trusted.py": trusted}, "trusted", "host", ["host.py"])
    limits = Limits(wall_seconds=60, guest_cpu_seconds=1)
    result = isolated_sandbox.run(Job(program, b"", {"a.py": b""}, limits))
    assert (result.status, result.log) == (
        "timeout",
        "the candidate used up the 1 s of its CPU time",
    )


def test_a_job_that_takes_many_times_the_start_is_ended_and_told_both_figures() -> None:
    from ratchet.sandbox import Result

    asked: list[Limits] = []

    def run(job: Job) -> Result:
        asked.append(job.limits)
        return Result("timeout", log="the candidate used up the 20 s", cpu_seconds=18)

    box = SimpleNamespace(run=run)
    trials = measure(candidate(START), TASK, box, seeds(0), start_seconds=2.0)
    assert asked[0].guest_cpu_seconds == 20.0
    assert "may use 20.0 s" in trials[0].log
    assert "takes 2.0 s" in trials[0].log


def test_where_the_time_of_the_start_is_unknown_the_limits_of_the_task_hold() -> None:
    assert TASK.limits_for(0.0) == TASK.limits
    assert TASK.limits_for(0.01).guest_cpu_seconds == 5.0  # a busy machine must end no honest job


def test_the_time_allowed_follows_the_seeds_of_a_job_and_the_part_that_does_not() -> None:
    trials = tuple(Trial(seed=seed, status="ok", score=1.0, seconds=0.1) for seed in seeds(0, 32))
    cost = StartCost.of(Evaluation(stream="search/common", trials=trials), 32)
    assert [round(cost.job(count), 2) for count in (1, 4, 8, 16, 32)] == [0.8, 0.8, 0.8, 1.6, 3.2]
    assert start_seconds({"dev": cost}, "glance", 32) == start_seconds({"dev": cost}, "dev", 32) > 0
    assert start_seconds({"dev": cost}, "transfer", 32) == 0.0


# Data in the source


def hiding() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("hidden_data", BENCH / "hidden_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {form: files["optimizer.py"] for _, form, files in module.hiding()}


@pytest.mark.parametrize("form", [form for form in hiding() if "glyphs" not in form])
def test_data_in_any_form_are_counted(form: str) -> None:
    assert any("look like data" in words for words in audit({"a.py": hiding()[form]}, TASK).refused)


@pytest.mark.parametrize("name", names())
def test_no_shipped_program_comes_near_the_bound_on_data(name: str) -> None:
    task = load(name)
    for files in (task.start, *task.baselines.values()):
        assert not any("look like data" in words for words in audit(files, task).refused)
        if name in ("optimizer", "schedule", "policy_objective"):
            assert sum(map(carried, files.values())) < MOST_CODE / 2


def test_a_long_docstring_of_prose_is_not_taken_for_data() -> None:
    prose = " ".join(f"{word} of the gradient is scaled" for word in ("mean", "norm", "sign")) * 8
    assert not audit({"a.py": f'"""{prose}"""\n{START}'}, TASK).refused


@given(st.text(max_size=300))
def test_the_measure_of_data_takes_any_text(text: str) -> None:
    assert carried(text) >= 0


@pytest.mark.slow
def test_the_known_secret_training_gains_on_published_data_alone(process_sandbox: Sandbox) -> None:
    spec = importlib.util.spec_from_file_location("secret_training", BENCH / "secret_training.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    late = dict(module.programs())["at the first step"]
    patient = {**TASK.files, "task.toml": TASK.files["task.toml"].replace(*PATIENT)}
    gains = {}
    for data in (0, 7):
        own, start = (
            measure(candidate(text), Task(patient), process_sandbox, seeds(data))
            for text in (late, START)
        )
        gains[data] = sum(
            (b.score or 0.0) - (a.score or 0.0) for a, b in zip(own, start, strict=True)
        )
    assert gains[0] > 0.3
    assert gains[7] < 0.0
