"""Training runs of fixed length, each repeated at five base learning rates.

A run is a workload with a fixed optimizer. Its budget includes the choice of the base learning
rate: every seed is trained at all `rates` of the run, as stacked replicas, and the grader picks.
Import this before torch.
"""

import math
from dataclasses import dataclass
from typing import Literal

from workloads import Workload  # isort: skip  (before torch)

from models import MLP, CharMLP
from problems import Denoising, Glyphs, Teacher, Text


@dataclass(frozen=True)
class Run:
    """A workload, the optimizer that trains it, and the middle of the grid of learning rates."""

    workload: Workload
    optimizer: Literal["adam", "sgd"]
    middle: float

    @property
    def rates(self) -> tuple[float, ...]:
        """The base learning rates, a factor of two apart."""
        return tuple(self.middle * 2.0**power for power in (-2, -1, 0, 1, 2))

    @property
    def parameters(self) -> int:
        """How many numbers describe one replica, rounded up to whole vector registers."""
        return -(-sum(math.prod(shape) for shape in self.workload.shapes.values()) // 64) * 64


AUTOENCODER = MLP((100, 32, 12, 32, 100), "tanh")
STUDENT = MLP((16, 48, 48, 4))
READER = MLP((100, 48, 10))

RUNS = {
    # development: what a search sees
    "autoencoder_short": Run(Workload(Denoising(), AUTOENCODER, 40, 32, 512, -2.84), "adam", 2e-2),
    "autoencoder_long": Run(Workload(Denoising(), AUTOENCODER, 200, 32, 2048, -3.20), "adam", 2e-2),
    "teacher_long": Run(Workload(Teacher(), STUDENT, 200, 32, 2048, -2.25), "adam", 3e-2),
    "glyph_noisy_sgd": Run(
        Workload(Glyphs(noisy_labels=0.2), READER, 200, 32, 2048, -0.28), "sgd", 0.2
    ),
    # transfer: four times the horizon, the other optimizer, other models
    "autoencoder_very_long": Run(
        Workload(Denoising(), AUTOENCODER, 800, 32, 2048, -3.23), "adam", 2e-2
    ),
    "teacher_sgd": Run(Workload(Teacher(), STUDENT, 160, 32, 2048, -2.09), "sgd", 0.2),
    "glyph_adam": Run(
        Workload(Glyphs(), MLP((100, 32, 32, 10), "tanh"), 100, 32, 2048, -0.39), "adam", 1e-2
    ),
    "char_adam": Run(Workload(Text(), CharMLP(24, 4, 16, 48), 300, 32, 2048, -1.01), "adam", 1e-2),
}
