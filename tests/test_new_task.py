"""A folder or a script becomes a task, and a check says what it is, or what to mend."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Ratchet
from stand_ins.own_task import METRIC, REPORTED, SCORE, SCRIPT, TRAIN

from ratchet.sandbox import Sandbox
from ratchet.search.plan import Plan
from ratchet.search.studies.check import TaskCheck, check
from ratchet.tasks import Task, TaskError, load
from ratchet.tasks.written import written

PRINTS = """
import argparse, random

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=1)
rng = random.Random(parser.parse_args().seed)
print("begin", 1)
print(f"final accuracy: {rng.random():.4f}")
"""
SAVES = """
import json

result = dict(steps=10, val_loss=0.5)
with open("out/m.json", "w") as file:
    json.dump(result, file)
"""
QUIET = "import random\nprint(random.random())\n"

Put = Callable[..., Task]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def made(**files: str) -> Task:
        usual = {"task_toml": METRIC, "train_py": TRAIN, "score_py": SCORE, **files}
        (tmp_path / "own").mkdir(exist_ok=True)
        for name, text in usual.items():
            (tmp_path / "own" / name.replace("_", ".")).write_text(text)
        return load(str(tmp_path / "own"))

    return made


def checked(sandbox: Sandbox, task: Task) -> TaskCheck:
    return check(task, (), sandbox, Plan(5.0, 2, 1), lambda words: None)


@pytest.mark.parametrize("level", ["sealed", "answered", "reported"])
def test_a_new_task_can_be_loaded_at_once(level: Any, tmp_path: Path) -> None:
    for name, text in written(level, None).files.items():
        (tmp_path / name).write_text(text)
    task = load(str(tmp_path))
    assert task.level == level
    assert "#" in (tmp_path / "task.toml").read_text()


def test_new_writes_and_check_runs_it(ratchet: Ratchet, isolated_sandbox: Sandbox) -> None:
    done = ratchet("new", "tours", "--level", "answered")
    assert done.returncode == 0, done.stderr
    assert "ratchet check tours" in done.stdout
    seen = ratchet("check", "tours", "--json", "--sandbox", isolated_sandbox.name)
    assert seen.returncode == 0, seen.stderr
    record = json.loads(seen.stdout)
    assert (record["level"], record["repeats"], record["exact"]) == ("answered", True, False)
    assert record["noise"] > 0
    assert "can find gains of" in record["forecast"]
    again = ratchet("new", "tours")
    assert again.returncode == 2
    assert "has a task.toml already" in again.stderr


SCRIPTS = {
    "saved": (SCRIPT, "loss", 'read = "metrics.json:val.loss"', "min", 0),
    "saved by name": (SAVES, "val_loss", 'read = "out/m.json:val_loss"', "min", 1),
    "printed": (PRINTS, "accuracy", "match = '", "max", 0),
    "neither": (QUIET, "score", "match = '^score", "max", 2),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_becomes_a_task_that_reads_what_it_states(name: str, tmp_path: Path) -> None:
    text, metric, where, goal, todo = SCRIPTS[name]
    script = tmp_path / "mine.py"
    script.write_text(text)
    task = written(None, script)
    assert where in task.files["task.toml"]
    assert len(task.remarks) == 1 + todo
    for file, content in task.files.items():
        (tmp_path / file).write_text(content)
    loaded = load(str(tmp_path))
    assert loaded.level == "reported"
    assert (loaded.metric.name, loaded.metric.goal) == (metric, goal)
    assert loaded.start == {"train.py": text}


def test_a_script_that_trains_and_predicts_is_sealed(tmp_path: Path, ratchet: Ratchet) -> None:
    (tmp_path / "mine.py").write_text(TRAIN)
    (tmp_path / "other.py").write_text(QUIET)
    done = ratchet("new", "lab", "--script", "mine.py")
    assert "put your own data and score into score.py" in done.stdout
    assert load(str(tmp_path / "lab")).level == "sealed"
    refused = ratchet("new", "lab2", "--script", "other.py", "--level", "sealed")
    assert refused.returncode == 2
    assert "has no train(data) and predict(weights, inputs)" in refused.stderr
    (tmp_path / "lab3").mkdir()
    (tmp_path / "lab3/train.py").write_text(PRINTS)
    assert ratchet("new", "lab3").returncode == 0
    assert load(str(tmp_path / "lab3")).level == "reported"


def test_a_check_says_cost_noise_and_memory(put: Put, isolated_sandbox: Sandbox) -> None:
    much = TRAIN.replace("    line = Line()", "    much = bytearray(90 << 20)\n    line = Line()")
    seen = checked(isolated_sandbox, put(train_py=much))
    assert (seen.level, seen.repeats, seen.exact, len(seen.scores)) == ("sealed", True, False, 4)
    assert seen.memory is not None
    assert 85 < seen.memory < 200
    assert seen.cpu_seconds > 0
    assert "16 to 256 pairs" in seen.regime


def test_a_check_finds_tasks_without_noise_and_scores_without_repetition(
    put: Put, isolated_sandbox: Sandbox
) -> None:
    fixed = SCORE.replace("random.Random(seed", "random.Random(0 * seed")
    assert checked(isolated_sandbox, put(score_py=fixed)).exact
    timed = "import time\n" + TRAIN.replace("line.slope}", "line.slope + time.time()}")
    seen = checked(isolated_sandbox, put(train_py=timed))
    assert not seen.repeats
    assert not seen.exact


SLOW = METRIC + "run = { seconds = 1 }"
BAD: dict[str, tuple[dict[str, str], str, str]] = {
    "a missing function": (
        {"train_py": TRAIN.replace("def predict", "def guess")},
        "train.py must define a function predict()",
        "mend train.py or score.py",
    ),
    "a wrong shape": (
        {"train_py": TRAIN.replace("for x in inputs]", "for x in inputs[1:]]")},
        "raised ValueError in line 12",
        "mend train.py or score.py",
    ),
    "a score that is no number": (
        {"score_py": SCORE.replace("return sum", "return float('nan') * sum")},
        "its seed ended with diverged",
        "its score is NaN or infinite",
    ),
    "too little time": (
        {"task_toml": SLOW, "train_py": TRAIN.replace("line = Line()", "while 1: pass")},
        "ended with timeout",
        "under [run] in task.toml, such as seconds = 120",
    ),
    "too little memory": (
        {
            "task_toml": METRIC + "run = { memory_mb = 64 }",
            "train_py": TRAIN.replace("line = Line()", "line = bytearray(500 << 20)"),
        },
        "ended with oom",
        "such as memory_mb = 4096",
    ),
    "an absent file": (
        {"train_py": TRAIN.replace("line = Line()", "open('data.bin')")},
        "No such file or directory: 'data.bin'",
        "mend train.py or score.py",
    ),
    "a script without a number": (
        {"task_toml": REPORTED, "train_py": "pass"},
        "train.py wrote no file metrics.json",
        "mend train.py and see that it runs",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_task_is_one_sentence_with_the_mend(
    put: Put, isolated_sandbox: Sandbox, name: str
) -> None:
    files, cause, mend = BAD[name]
    with pytest.raises(TaskError) as caught:
        checked(isolated_sandbox, put(**files))
    said = str(caught.value)
    assert cause in said
    assert mend in said
    assert "\n" not in said
    assert "kit_" not in said


def test_a_start_that_the_audit_refuses_is_never_run(put: Put, ratchet: Ratchet) -> None:
    put(train_py="import ctypes\n" + TRAIN)
    done = ratchet("check", "own", "--sandbox", "nowhere")
    assert done.returncode == 2
    assert "the audit refuses the start" in done.stderr
