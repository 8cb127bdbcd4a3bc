"""Candidates that bring an architecture predict in a process that has inputs and no labels."""

from pathlib import Path

import pytest

from ratchet.evals import Candidate, Seed, Trial, measure
from ratchet.sandbox import Sandbox
from ratchet.tasks import load

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
