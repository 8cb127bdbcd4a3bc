"""Predict with the candidate's architecture: weights and inputs come in, predictions go out."""

from candidate import load
from shared import tensor


def answer(message, memory):
    """Predictions `[64, 32]` in place of the inputs."""
    model = load("model.py", ("fit", "predict"))
    inputs, weights = tensor(memory, 0, (64, 32)), tensor(memory, 32, (64,))
    inputs.copy_(model.predict(weights.clone(), inputs.clone()))
    return b""
