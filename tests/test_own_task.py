"""A task of one's own: three files become one, and a candidate cannot get at its score."""

import importlib.util
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import ModuleType

import numpy
import pytest
from conftest import Ratchet
from hypothesis import given
from hypothesis import strategies as st
from stand_ins.own_task import METRIC, SCORE, TRAIN

from ratchet.archive import Archive
from ratchet.evals import Candidate, Keys, Rule, Seed, Trial, measure, probe
from ratchet.evals.calibration import HEAVIEST
from ratchet.sandbox import Sandbox
from ratchet.search.lab import Lab
from ratchet.search.studies.known import calibrated
from ratchet.tasks import Task, TaskError, load
from ratchet.tasks.written import written

KINDS = """
import torch

KINDS = [
    torch.arange(6).reshape(2, 3).to(dtype)
    for dtype in (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
    + (torch.float16, torch.bfloat16, torch.float32, torch.float64)
] + [torch.tensor(1.5), torch.zeros(0, 3)]
"""
SEEDS = [Seed(train=n, sealed=2**62 + n, data=9) for n in range(3)]

Make = Callable[..., Task]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Load a task from a folder with these files; the usual ones are there too."""

    def made(toml: str = METRIC, /, **files: str | None) -> Task:
        usual = {"train": TRAIN, "score": SCORE, **files}
        folder = tmp_path / "my-task"
        folder.mkdir(exist_ok=True)
        (folder / "task.toml").write_text(toml)
        for name, text in usual.items():
            (folder / f"{name}.py").unlink(missing_ok=True)
            if text is not None:
                (folder / f"{name}.py").write_text(text)
        return load(str(folder))

    return made


def candidate(files: Mapping[str, str]) -> Candidate:
    return Candidate(files=files, idea="", proposer="test")


def scored(sandbox: Sandbox, task: Task, text: str = "") -> tuple[Trial, ...]:
    files = {"train.py": text} if text else task.start
    return measure(candidate(files), task, sandbox, SEEDS)


def test_three_files_make_a_task_with_defaults_for_all_but_the_metric(make: Make) -> None:
    task = make()
    assert (task.name, task.level, task.metric.unit) == ("my_task", "sealed", "error")
    assert task.manifest.editable == ("train.py",)
    assert task.manifest.workloads.dev == ("my_task",)
    assert task.manifest.workloads.transfer == ()
    assert "train(data)" in task.manifest.statement
    assert task.start == {"train.py": TRAIN}


def test_the_limits_of_a_run_are_those_of_one_trial(make: Make) -> None:
    dear = make(METRIC + "run = { seconds = 40, memory_mb = 300, cpus = 2 }")
    assert (dear.limits.wall_seconds, dear.limits.memory_mb, dear.limits.cpus) == (40, 300, 2)
    assert dear.manifest.limits.seeds_per_job == 1
    assert dear.grading.wall_seconds == 40
    assert make(METRIC + "run = { seconds = 4 }").manifest.limits.seeds_per_job == 15


def test_an_archived_task_needs_neither_its_folder_nor_the_kit(
    make: Make, isolated_sandbox: Sandbox
) -> None:
    task = make()
    again = Task(task.files)
    assert again.digest == task.digest
    scores = [[trial.score for trial in scored(isolated_sandbox, t)] for t in (task, again)]
    assert scores[0] == scores[1]


def test_what_scores_a_task_is_part_of_its_digest(make: Make) -> None:
    digest = make().digest
    assert make(score=SCORE + "# changed\n").digest != digest
    assert make(METRIC + "run = { seconds = 5 }").digest != digest
    assert make(train=TRAIN + "# changed\n").digest == digest


def test_a_seed_scores_the_same_alone_and_beside_others(
    make: Make, isolated_sandbox: Sandbox
) -> None:
    task = make()
    together = [trial.score for trial in scored(isolated_sandbox, task)]
    alone = measure(candidate(task.start), task, isolated_sandbox, SEEDS[1:2])
    assert len({*together}) == 3
    assert alone[0].score == together[1]


def test_programs_are_written_as_people_write_them(make: Make, isolated_sandbox: Sandbox) -> None:
    files = written("sealed", None).files
    assert "optimizer.step()" in files["train.py"]
    text = files["train.py"].replace("STEPS = 150", "STEPS = 5")
    first, second, _ = scored(isolated_sandbox, make(train=text, score=files["score.py"]))
    assert first.score is not None
    assert second.score is not None
    assert first.score != second.score
    task = make(train=text, score=files["score.py"])
    other = text.replace("RATE = 0.01", "RATE = 0.02")
    probed = [
        probe(candidate({"train.py": text}), task, isolated_sandbox).reply
        for text in (text, text, other)
    ]
    assert probed[0] == probed[1] != probed[2]
    assert probed[0]


def test_tensors_cross_with_dtype_and_shape(make: Make, isolated_sandbox: Sandbox) -> None:
    train = """
import torch


def train(data):
    return {"kinds": [kind.t() for kind in data], "luck": torch.rand(1)}


def predict(weights, inputs):
    return tuple(kind.t() for kind in weights["kinds"]), weights["luck"]
"""
    score = (
        KINDS
        + """

def training(seed):
    return KINDS


def score(predict, seed):
    kinds, luck = predict(None)
    for one, other in zip(KINDS, kinds, strict=True):
        assert one.dtype == other.dtype and torch.equal(one, other)
    return luck
"""
    )
    scores = [trial.score for trial in scored(isolated_sandbox, make(train=train, score=score))]
    assert None not in scores
    assert len({*scores}) == 3  # what a program draws follows the seed, too


def test_a_candidate_finds_neither_score_nor_seeds(make: Make, isolated_sandbox: Sandbox) -> None:
    spy = """
def look():
    import gc, os, sys
    for name in ("score", "kit_score", "data_key", "trainer", "grader"):
        try:
            __import__(name)
        except ImportError:
            continue
        raise ValueError("found " + name)
    for number in gc.get_objects():
        if isinstance(number, dict) and {"sealed", "seeds"} & {*map(str, number)}:
            raise ValueError("found the seeds")
    if "score.py" in os.listdir("."):
        raise ValueError("found score.py")
"""
    text = TRAIN.replace("    line = Line()\n", "    look()\n    line = Line()\n")
    text = text.replace("    return [", "    look()\n    return [")
    trials = scored(isolated_sandbox, make(), text + spy)
    assert [trial.status for trial in trials] == ["ok"] * 3, trials[0].log


WRONG = {
    "no function": (TRAIN.replace("def predict", "def guess"), "must define a function predict()"),
    "an error": (TRAIN.replace("line = Line()", "line = None"), "train() raised AttributeError"),
    "its line": (TRAIN.replace("line = Line()", "line = 1 / 0"), "(train.py, line 14)"),
    "no program": ("def train(data:\n", "SyntaxError"),
    "a function for weights": (TRAIN.replace("line.slope}", "train}"), "['slope'] is a function"),
    "an object for a prediction": (
        TRAIN.replace("return [weights", "return Line() or [weights"), "the value is a Line"),
    "a wrong shape": (TRAIN.replace("for x in inputs]", "for x in inputs[1:]]"), "zip()"),
    "nothing": (TRAIN.replace("    return [", "    [", 1), "raised TypeError"),
    "an end": (TRAIN.replace("line = Line()", "__import__('os')._exit(0)"), ""),
    "another module": ("import nothing_like_it\n" + TRAIN, "No module named 'nothing_like_it'"),
    "no memory": (TRAIN.replace("line = Line()", "line = bytearray(1 << 40)"), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_a_candidate_does_wrong_is_a_reason(
    make: Make, isolated_sandbox: Sandbox, name: str
) -> None:
    text, reason = WRONG[name]
    trials = scored(isolated_sandbox, make(), text)
    assert all(trial.score is None for trial in trials)
    assert {trial.status for trial in trials} != {"ok"}
    assert reason in trials[0].log


@pytest.mark.parametrize("value", ["float('nan')", "float('inf')", "-1e400"])
def test_a_score_that_is_no_finite_number_is_none(
    make: Make, isolated_sandbox: Sandbox, value: str
) -> None:
    trials = scored(isolated_sandbox, make(), TRAIN.replace('weights["slope"] *', f"{value} *"))
    assert {trial.status for trial in trials} == {"diverged"}


BROKEN = {
    "no score": (SCORE.replace("def score", "def mark"), "must define a function score()"),
    "an error": (SCORE.replace("range(5)", "range(1 / 0)"), "ZeroDivisionError"),
    "no number": (
        SCORE.replace("return sum", "return str"),
        "returned a str, not a number",
    ),
    "no module": ("import nothing_like_it\n" + SCORE, "score.py does not import"),
    "a seed that numpy refuses": (
        SCORE.replace("    rng = r", "    import numpy\n    numpy.random.seed(2**40)\n    rng = r"),
        "use numpy.random.default_rng(seed)",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_with_score_py_is_said(
    make: Make, isolated_sandbox: Sandbox, name: str
) -> None:
    text, reason = BROKEN[name]
    trials = scored(isolated_sandbox, make(score=text))
    assert all(trial.score is None for trial in trials)
    assert reason in trials[0].log


def test_one_score_may_be_given_for_each_workload(make: Make, isolated_sandbox: Sandbox) -> None:
    toml = METRIC + 'workloads = { dev = ["near", "far"], transfer = ["beyond"] }'
    score = SCORE.replace("return sum", "value = sum")
    task = make(toml, score=score + '    return {"near": value, "far": 2 * value, "beyond": 3.0}\n')
    for trial in scored(isolated_sandbox, task):
        assert trial.scores["far"] == pytest.approx(2 * (trial.scores["near"] or 0))
    unseen = measure(candidate(task.start), task, isolated_sandbox, SEEDS, "transfer")
    assert [trial.score for trial in unseen] == [3.0] * 3


def test_data_may_be_drawn_with_the_secret_of_the_run(
    make: Make, isolated_sandbox: Sandbox
) -> None:
    task = make(score=SCORE + "\n\nfrom data_key import DATA\n\nscore = lambda predict, seed: DATA")
    assert [trial.score for trial in scored(isolated_sandbox, task)] == [9.0] * 3


REFUSED = {
    "no metric": ("run = { seconds = 5 }", "lacks a [metric]: add metric = {"),
    "a metric without a goal": ('metric = { name = "error" }', "metric.goal: Field required"),
    "another goal": ('metric = { name = "error", goal = "low" }', "metric.goal"),
    "a misspelt key": (METRIC + "titel = 'x'", "did you mean title?"),
    "a misspelt key of the run": (METRIC + "run = { second = 5 }", "did you mean seconds?"),
    "no time": (METRIC + "run = { seconds = 0 }", "run.seconds"),
    "too little memory": (METRIC + "run = { memory_mb = 5 }", "run.memory_mb"),
    "another level": (METRIC + 'level = "trusted"', "level is none of counted, sealed"),
    "a file that is not there": (METRIC + 'editable = ["model.py"]', "the task lacks model.py"),
    "no TOML": ("metric = {", "task.toml is not TOML"),
    "a reading of a task that is scored": (
        'level = "sealed"\nmetric = { name = "e", goal = "min", read = "m.json:e" }',
        "metric.read is for a script that reports",
    ),
    "no reading": (
        METRIC.replace(" }", ', read = "metrics" }'),
        "'metrics' is not like metrics.json:val_loss",
    ),
    "two readings": (
        METRIC.replace(" }", ', read = "m.json:e", match = "e (.*)" }'),
        "give one of read and match",
    ),
    "a pattern that is none": (METRIC.replace(" }", ', match = "(" }'), "no regular expression"),
    "a pattern without a group": (METRIC.replace(" }", ', match = "e" }'), "one group"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_task_is_one_sentence_with_the_mend(make: Make, name: str) -> None:
    toml, reason = REFUSED[name]
    with pytest.raises(TaskError) as caught:
        make(toml)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_task_that_nothing_scores_says_how_to_score_it(make: Make) -> None:
    with pytest.raises(TaskError, match=r"has no score\.py"):
        make(score=None)
    with pytest.raises(TaskError, match=r"score\.py, line 1"):
        make(score="def score(:")


# What crosses the wall


def kit(name: str) -> ModuleType:
    path = Path(__file__).parent.parent / "tasks/kit" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WIRE = kit("kit_wire")
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_values_cross_unchanged(value: object) -> None:
    back = WIRE.unpack(WIRE.pack(value))
    assert back == value
    assert repr(back) == repr(value)


@pytest.mark.parametrize("dtype", sorted({*WIRE.WIDTHS} - {"bfloat16"}))
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_arrays_cross_with_dtype_and_shape(dtype: str, shape: tuple[int, ...]) -> None:
    array = numpy.ones(shape, dtype).T
    back = WIRE.unpack(WIRE.pack([array]))[0]
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert (back == array).all()


@given(st.binary(max_size=60), VALUES)
def test_bytes_of_a_hostile_candidate_make_values_or_are_refused(
    noise: bytes, value: object
) -> None:
    message = WIRE.pack(value)
    for hostile in (noise, message + noise, message[: len(noise)], noise + message):
        with suppress(WIRE.Malformed):
            WIRE.unpack(hostile)


HOSTILE = [
    b'{"a":["torch","float32",[-1]]}',
    b'{"a":["torch","float32",[1e9]]}',
    b'{"a":["torch","float32",[true]]}',
    b'{"a":["torch","load",[1]]}',
    b'{"a":["os","system",[1]]}',
    b'{"a":["numpy","object",[1]]}',
    b'{"a":["torch","float32",[1099511627775,1099511627775]]}',
    b'{"d":[[["k"],1]]}',
    b'{"d":[[1,2,3]]}',
    b'{"l":{"l":[]}}',
    b'{"x":[]}',
    b"[" * 100_000,
    b'{"l":[' * 1000 + b"]}" * 1000,
    b"1" * 5000,
    b'{"a":["torch","bool",[1]]}\x02',
]


@pytest.mark.parametrize("head", HOSTILE, ids=range(len(HOSTILE)))
def test_heads_that_ask_for_more_than_data_are_refused(head: bytes) -> None:
    head, body = (head[:-1], head[-1:]) if head[-1:] == b"\x02" else (head, b"")
    with pytest.raises(WIRE.Malformed):
        WIRE.unpack(len(head).to_bytes(4, "big") + head + body)


# What a task leaves to a calibration


def test_a_calibration_sets_what_a_failed_seed_counts_as_and_what_is_worth_claiming(
    make: Make, isolated_sandbox: Sandbox, tmp_path: Path
) -> None:
    task = make()
    with closing(Archive(tmp_path / "a.db", create=True)) as archive:
        lab = Lab(task, isolated_sandbox, archive)
        keys = Keys.fresh()
        calibration = calibrated(lab, archive, Rule(), keys, seeds=8)
        again = Lab(task, isolated_sandbox, archive)
        calibrated(again, archive, Rule(), keys, seeds=8)
    metric = lab.task.metric
    assert again.task.metric == metric
    assert lab.task.digest == task.digest
    assert calibration.usual is not None
    assert metric.worst > calibration.usual + 3 * calibration.noise
    assert 0 < metric.minimum_gain < calibration.spread
    assert Task(lab.task.files).metric == metric
    weight = calibration.failure_weight(metric)
    assert weight is not None
    assert weight < HEAVIEST


def test_keys_that_a_task_names_stay_as_they_are(make: Make) -> None:
    task = make(METRIC.replace(" }", ", worst = 7.0, minimum_gain = 0.5 }"))
    assert task.settled(3.0, 0.1) is task
    assert (task.metric.worst, task.metric.minimum_gain) == (7.0, 0.5)


# The command line


def test_a_folder_is_named_with_or_without_a_slash(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = make().digest
    monkeypatch.chdir(tmp_path)
    assert {load(name).digest for name in ("my-task", "my-task/", "./my-task")} == {digest}
    monkeypatch.chdir("my-task")
    assert load(".").name == "my_task"


def test_a_script_that_is_no_task_says_how_to_make_one(
    make: Make, ratchet: Ratchet, tmp_path: Path
) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab/train.py").write_text(TRAIN)
    script = ratchet("search", "lab/train.py")
    folder = ratchet("search", "lab")
    assert (script.returncode, folder.returncode) == (2, 2)
    assert "`ratchet new FOLDER --script lab/train.py` makes one of it" in script.stderr
    assert "`ratchet new lab` writes one" in folder.stderr
