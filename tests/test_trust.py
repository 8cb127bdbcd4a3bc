"""Levels of trust: what each measures, and that a program's own word is never called confirmed."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from conftest import BOWL, Ratchet
from stand_ins.own_task import REPORTED, SCRIPT

from ratchet.evals import Candidate, Seed, Trial, measure
from ratchet.sandbox import Sandbox
from ratchet.tasks import TRUST, Task, load, trust_line

MATCHED = REPORTED.replace('read = "metrics.json:val.loss"', "match = '^loss (\\S+)'")
TOUR = """
def tour(points):
    return sorted(range(len(points)), key=lambda i: points[i][0])
"""
LENGTH = """
import math, random


def score(call, seed):
    rng = random.Random(seed)
    points = [(rng.random(), rng.random()) for _ in range(9)]
    order = call("tour", points)
    if sorted(order) != list(range(9)):
        raise ValueError("that is no tour of all points")
    return sum(math.dist(points[a], points[b]) for a, b in zip(order, order[1:] + order[:1]))
"""
ANSWERED = 'metric = { name = "length", goal = "min" }\neditable = ["tour.py"]\n'
SEEDS = [Seed(train=n, sealed=2**62 + n) for n in range(3)]

Write = Callable[[Mapping[str, str]], Task]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(files: Mapping[str, str]) -> Task:
        (tmp_path / "own").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / "own" / name).write_text(text)
        return load(str(tmp_path / "own"))

    return written


def scored(sandbox: Sandbox, task: Task, text: str = "") -> tuple[Trial, ...]:
    files = {name: text or start for name, start in task.start.items()}
    candidate = Candidate(files=files, idea="", proposer="test")
    return measure(candidate, task, sandbox, SEEDS)


@pytest.mark.parametrize("toml", [REPORTED, MATCHED])
def test_a_script_reports_its_number_in_a_file_or_in_print(
    write: Write, isolated_sandbox: Sandbox, toml: str
) -> None:
    task = write({"task.toml": toml, "train.py": SCRIPT})
    assert task.level == "reported"
    scores = [trial.score for trial in scored(isolated_sandbox, task)]
    assert len({*scores}) == 3  # the seed was handed over
    assert all(score is not None and 0 < score < 9 for score in scores)


def test_seed_and_time_may_be_handed_over_by_the_environment(
    write: Write, isolated_sandbox: Sandbox
) -> None:
    toml = MATCHED.replace('argv = ["--seed", "{seed}"]', 'env = { A = "{seed}", B = "{seconds}" }')
    text = 'import os\nprint("loss", float(os.environ["A"]) + 1e12 * float(os.environ["B"]))\n'
    task = write({"task.toml": toml, "train.py": text})
    scores = [trial.score or 0 for trial in scored(isolated_sandbox, task)]
    assert len({*scores}) == 3
    assert all(2e13 <= score < 2e13 + 2**31 for score in scores)


SAID = {
    "an error": ("1 / 0", "train.py raised ZeroDivisionError: division by zero (train.py, line 1)"),
    "no file": ("pass", "train.py wrote no file metrics.json"),
    "another file": ("open('metrics.json', 'w').write('{')", "metrics.json is no JSON"),
    "another key": ("open('metrics.json', 'w').write('{}')", "metrics.json has no key val"),
    "text": (
        "open('metrics.json', 'w').write('{\"val\": {\"loss\": \"good\"}}')",
        "holds 'good', which is no number",
    ),
    "a failure": ("import sys; sys.exit(3)", "train.py left with exit code 3"),
}


@pytest.mark.parametrize("name", SAID)
def test_a_script_without_a_number_says_why(
    write: Write, isolated_sandbox: Sandbox, name: str
) -> None:
    text, reason = SAID[name]
    trials = scored(isolated_sandbox, write({"task.toml": REPORTED, "train.py": SCRIPT}), text)
    assert all(trial.score is None for trial in trials)
    assert reason in trials[0].log


def test_a_scorer_may_call_the_functions_of_a_program(
    write: Write, isolated_sandbox: Sandbox
) -> None:
    task = write({"task.toml": ANSWERED, "tour.py": TOUR, "score.py": LENGTH})
    assert task.level == "answered"
    assert all(2 < (trial.score or 0) < 9 for trial in scored(isolated_sandbox, task))
    lazy = scored(isolated_sandbox, task, "def tour(points):\n    return [0]\n")
    assert {trial.status for trial in lazy} == {"invalid_output"}
    assert "that is no tour of all points" in lazy[0].log
    without = scored(isolated_sandbox, task, "def trip(points):\n    return [0]\n")
    assert "tour.py must define a function tour()" in without[0].log


def test_what_a_program_reports_is_repeated_and_never_confirmed(
    write: Write, quick_ratchet: Ratchet
) -> None:
    write({"task.toml": REPORTED, "train.py": SCRIPT})
    words = ("--agent", "stand_ins.tweak", "--turns", "3", "--max-trials", "100", "--seed", "3")
    done = quick_ratchet("search", "own", *words, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith("trust: reported: the program states its own score")
    assert "lifts it to sealed" in " ".join(done.stdout.split())
    nodes = json.loads(quick_ratchet("tree", "--json").stdout)
    assert {node["level"] for node in nodes} == {"reported"}
    kept = [node for node in nodes if node["standing"] == "repeated"]
    assert kept
    assert "confirmed" not in {node["standing"] for node in nodes}
    assert "✔" not in done.stdout
    assert "repeated  reported" in done.stdout
    shown = quick_ratchet("show", kept[0]["node"]).stdout
    assert "by the program's own word, which nobody checks" in " ".join(shown.split())
    judged = json.loads(quick_ratchet("rejudge", "--json").stdout)
    assert "confirmed" not in {claim["before"] for claim in judged["claims"]}
    assert {claim["before"] for claim in judged["claims"]} >= {"repeated"}
    report = quick_ratchet("report").stdout
    assert "not confirmed; measured" in report
    assert "trust: reported" in report
    assert quick_ratchet("export", kept[0]["node"], "--to", "out").returncode == 0


def test_every_level_says_what_it_promises_and_what_would_lift_it() -> None:
    assert {*TRUST} == {"counted", "sealed", "answered", "reported"}
    for level, (promise, lift) in TRUST.items():
        assert promise in trust_line(level)
        assert bool(lift) == (level != "counted")
    assert load(BOWL).level == "counted"
