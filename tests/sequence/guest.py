"""Fit the candidate's weights."""

import torch
from candidate import load
from shared import tensor

WEIGHTS = 64


def answer(message, memory):
    """Weights of the candidate's making, for the sequences in memory."""
    model = load("model.py", ("fit", "predict"))
    weights = torch.zeros(WEIGHTS)
    found = model.fit(tensor(memory, 0, (64, 32)).clone())
    weights[: len(found)] = found
    tensor(memory, 0, (WEIGHTS,)).copy_(weights)
    return b""
