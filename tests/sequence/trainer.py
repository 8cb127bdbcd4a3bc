"""Let the candidate fit its weights on training sequences; the artefact is 64 numbers a seed."""

import json

import torch
from shared import tensor

DECAY = {"slow": 0.9, "fast": 0.5}
SHAPE, WEIGHTS = (64, 32), 64


def sequences(workload, seed):
    """Noisy recurrences `[64, 32]`."""
    source = torch.Generator().manual_seed(seed)
    x = [torch.randn(SHAPE[0], generator=source)]
    while len(x) < SHAPE[1]:
        x.append(DECAY[workload] * x[-1] + torch.randn(SHAPE[0], generator=source))
    return torch.stack(x, 1)


def run(request, guest):
    """The weights of every workload and seed."""
    asked = json.loads(request)
    if "probe" in asked:
        asked = {"workloads": ["slow"], "seeds": [asked["probe"]]}
    found = []
    for workload in asked["workloads"]:
        for seed in asked["seeds"]:
            tensor(guest.memory, 0, SHAPE).copy_(sequences(workload, seed))
            guest.ask(b"fit")
            found.append(bytes(guest.memory[: 4 * WEIGHTS]))
    return b"".join(found)
