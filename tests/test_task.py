"""How a task is divided: trainer, guest, grader, and a predictor that has no labels."""

from pathlib import Path

import pytest
from conftest import BOWL

from ratchet.evals import Candidate, Seed, Trial, measure
from ratchet.sandbox import Sandbox
from ratchet.tasks import Task, load

TASK = load(str(Path(__file__).parent / "sequence"))
SEEDS = [Seed(train=n, sealed=n + 100) for n in range(2)]
FIT = "def fit(sequences): return sequences.new_ones(1)\n"


def scored(sandbox: Sandbox, text: str) -> tuple[Trial, ...]:
    candidate = Candidate(files={"model.py": text}, idea="", proposer="test")
    return measure(candidate, TASK, sandbox, SEEDS)


def test_a_fitted_predictor_beats_the_last_value(process_sandbox: Sandbox) -> None:
    fitted = scored(process_sandbox, TASK.start["model.py"])
    last = scored(process_sandbox, TASK.baselines["last"]["model.py"])
    for ours, theirs in zip(fitted, last, strict=True):
        assert ours.score is not None
        assert theirs.score is not None
        assert 0.8 < ours.score < theirs.score


@pytest.mark.parametrize(
    ("predict", "reason"),
    [
        ("return inputs.roll(-1, 1)", "looks ahead"),
        ("return inputs - inputs.mean(1, keepdim=True)", "looks ahead"),
        ("return 1 / 0", "ZeroDivisionError"),
        ("import os; os._exit(0)", "candidate_error while predicting"),
        ("return weights", "candidate_error while predicting"),
    ],
)
def test_a_predictor_that_looks_ahead_or_fails_is_invalid(
    process_sandbox: Sandbox, predict: str, reason: str
) -> None:
    trials = scored(process_sandbox, f"{FIT}def predict(weights, inputs):\n    {predict}\n")
    assert {trial.status for trial in trials} == {"invalid_output"}
    assert reason in trials[0].log


def test_labels_and_seeds_are_not_in_the_predictors_process(process_sandbox: Sandbox) -> None:
    spy = """
def predict(weights, inputs):
    import gc, torch
    for each in gc.get_objects():
        if isinstance(each, torch.Tensor) and each.shape == (64, 33):
            raise ValueError("found the labels")
        if isinstance(each, dict) and "sealed" in each:
            raise ValueError("found the seeds")
    try:
        import grader
    except ImportError:
        return inputs
    raise ValueError("found the grader")
"""
    assert {trial.status for trial in scored(process_sandbox, FIT + spy)} == {"ok"}


BESIDE = b"""
import importlib.util, json, struct

def run(request, workspace):
    spec = importlib.util.spec_from_file_location("step", f"{workspace}/step.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    asked = json.loads(request)
    count = len(asked["workloads"]) * len(asked["seeds"]) * 10
    return struct.pack(f"<{count}f", *[module.step(1.0, 1.0, 0.5)] * count)
"""


def test_a_task_without_a_guest_has_its_trainer_beside_the_candidate(
    process_sandbox: Sandbox,
) -> None:
    files = {**load(BOWL).files, "trainer.py": BESIDE}
    with_guest, without = Task(files), Task({n: d for n, d in files.items() if n != "guest.py"})
    assert with_guest.digest != without.digest
    trials = measure(
        Candidate(files=without.start, idea="", proposer=""), without, process_sandbox, SEEDS
    )
    assert {trial.status for trial in trials} == {"ok"}
