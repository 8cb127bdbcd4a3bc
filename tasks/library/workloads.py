"""The workload library: small training problems, trained for many seeds at once.

    problem = workload("glyph_mlp")
    params = problem.init(seeds)                    # {name: Tensor[S, ...]}, one slice per seed
    stream = problem.stream(seeds)                  # every batch of the run, from the seeds alone
    for step in range(problem.steps):
        grads, losses = problem.gradients(params, stream.batch(step))    # losses: Tensor[S]
        ...
    scores = problem.validation(params, seeds, sealed)    # Tensor[S], from the sealed seeds

Parameters carry the seed axis in front; `shapes` and `kinds` describe one seed. A kind is one of
`matrix, bias, embed, head, conv, scale`. The problem of a seed (its teacher, its initial
parameters, its batches) follows from that seed alone, and each seed's numbers are bitwise the same
whichever other seeds are trained beside it, so results can be cached per seed. Always stack at
least two seeds, `pair(seeds)`: a stack of one takes other kernels. A program's `warm()` should run
each development workload for a step or two, so that pools of examples exist and kernels are loaded
before the first job forks. A task that uses this lists in its task.toml

    library = ["candidate.py", "models.py", "pools.py", "problems.py", "workloads.py"]
"""

import ctypes
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from models import MLP, CharMLP, Conv, Matrix, Model, Params, Rescaled, Transformer
from pools import generator
from problems import Batch, Denoising, Glyphs, Problem, Quadratic, Teacher, Text
from torch import Tensor

# The engine of autograd starts a thread for every GPU it finds, and a fork does not keep threads.
os.environ["CUDA_VISIBLE_DEVICES"] = ""

BEST = 1e-9  # a loss below this is a perfect fit, and its logarithm means nothing
WORST = 2.0  # no workload counts as worse than this
CHUNK = 512  # validation examples that are scored at a time


@dataclass(frozen=True)
class Stream:
    """The training batches of one run."""

    inputs: Tensor
    targets: Tensor

    def batch(self, step: int) -> Batch:
        """Inputs and targets `[S, B, ...]` of one step."""
        return self.inputs[step], self.targets[step]


@dataclass(frozen=True)
class Workload:
    """A problem, a model and a budget: `steps` updates on batches of `batch_size` examples.

    A seed is scored on `examples` of its own, a multiple of `CHUNK`: as many as make their part of
    a gain's noise small for less than a tenth of the training time (bench/grader_noise.py). `usual`
    is the log loss that the task's starting program comes to on published data. A score is the log
    loss less that, so that scores near 0 are usual on every workload. `enough` is a loss so small
    that less of it hardly counts: it is added before the logarithm, which has no end else.
    """

    problem: Problem
    model: Model
    steps: int
    batch_size: int = 64
    examples: int = 4096
    usual: float = 0.0
    enough: float = 0.0

    @cached_property
    def kinds(self) -> dict[str, str]:
        """What each parameter is for, in the order of the artefact."""
        return {name: kind for name, (kind, _) in self.model.tensors().items()}

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter of one seed."""
        return {name: shape for name, (_, shape) in self.model.tensors().items()}

    def init(self, seeds: Sequence[int]) -> Params:
        """Initial parameters, stacked over the seeds."""
        each = [self.model.init(generator(seed, "init")) for seed in seeds]
        return {name: torch.stack([params[name] for params in each]) for name in self.shapes}

    def stream(self, seeds: Sequence[int]) -> Stream:
        """All training batches of the seeds."""
        return Stream(*self.problem.stream(seeds, self.steps, self.batch_size))

    def loss(self, params: Params, batch: Batch) -> Tensor:
        """Training loss of each seed on its own batch, `[S]`."""
        inputs, targets = batch
        return self.problem.loss(self.model.forward(params, inputs), targets)

    def gradients(self, params: Params, batch: Batch) -> tuple[Params, Tensor]:
        """Gradient of each seed's training loss, and the losses."""
        leaves = {name: p.detach().requires_grad_() for name, p in params.items()}
        losses = self.loss(leaves, batch)
        grads = torch.autograd.grad(losses.sum(), list(leaves.values()))
        return dict(zip(leaves, grads, strict=True)), losses.detach()

    @torch.no_grad()
    def validation(self, params: Params, seeds: Sequence[int], sealed: Sequence[int]) -> Tensor:
        """Validation loss of each seed, `[S]`; not finite where the parameters are not."""
        return self.losses(params, self.problem.validation(seeds, sealed, self.examples))

    def score(self, loss: Tensor) -> Tensor:
        """Scores `[S]` of validation losses, in float64."""
        return loss.double().clamp(min=BEST).add(self.enough).log().sub(self.usual).clamp(max=WORST)

    def losses(self, params: Params, data: Batch) -> Tensor:
        """Validation loss of each seed on its own `data`, `[S]`; a chunk at a time fits a cache."""
        chunks = zip(*(each.split(CHUNK, 1) for each in data), strict=True)
        losses = [
            self.problem.validation_loss(self.model.forward(params, inputs), targets)
            for inputs, targets in chunks
        ]
        total = losses[0]
        for more in losses[1:]:  # one after another: mean() rounds by how many seeds there are
            total = total + more
        return total / len(losses)


GLYPH_MLP = MLP((100, 64, 32, 10))
AUTOENCODER = MLP((100, 64, 32, 64, 100), "tanh")
STUDENT = MLP((16, 64, 64, 4))
CHAR_MLP = CharMLP(vocabulary=24, context=4, width=16, hidden=64)

WORKLOADS = {
    # development: what a search sees
    "glyph_mlp": Workload(Glyphs(), GLYPH_MLP, steps=120, examples=8192, usual=-1.23),
    "autoencoder": Workload(Denoising(), AUTOENCODER, steps=100, usual=-3.56),
    "teacher": Workload(Teacher(), STUDENT, steps=120, examples=2048, usual=-2.36),
    "char_mlp": Workload(Text(), CHAR_MLP, steps=120, usual=-1.01),
    # further: they steer a search; smaller, shallower or deeper, with other batches and more noise
    "glyph_linear": Workload(Glyphs(jitter=0.6), MLP((100, 10)), 80, batch_size=16, usual=-0.93),
    "glyph_flipped_labels": Workload(
        Glyphs(noise=0.4, noisy_labels=0.15),
        MLP((100, 40, 40, 10), "tanh"),
        100,
        batch_size=24,
        usual=0.35,
    ),
    "glyph_wide": Workload(Glyphs(noise=0.5), MLP((100, 96, 10)), 60, usual=0.32),
    "teacher_noise": Workload(
        Teacher(inputs=24, hidden=12, decay=0.25, label_noise=0.4),
        MLP((24, 96, 4)),
        120,
        batch_size=32,
        examples=2048,
        usual=-1.36,
    ),
    "teacher_tanh": Workload(
        Teacher(), MLP((16, 48, 4), "tanh"), 160, batch_size=8, examples=2048, usual=-2.13
    ),
    "denoising_linear": Workload(
        Denoising(), MLP((100, 100)), 80, batch_size=32, examples=2048, usual=-3.86
    ),
    "autoencoder_deep": Workload(
        Denoising(noise=0.3), MLP((100, 48, 16, 48, 100)), 100, 32, 2048, usual=-2.72
    ),
    "char_short": Workload(
        Text(context=3, language="third"), CharMLP(24, 3, 12, 48), 160, 32, 2048, usual=-0.92
    ),
    # transfer: other architectures, batch sizes, horizons, noise and parametrisations
    "glyph_deep_tanh": Workload(
        Glyphs(), MLP((100, 48, 48, 48, 48, 48, 10), "tanh"), 150, examples=8192, usual=-0.54
    ),
    "glyph_conv": Workload(
        Glyphs(jitter=1.2), Conv(10, (12, 24), 10), 150, examples=2048, usual=-0.08
    ),
    "glyph_noisy_labels": Workload(
        Glyphs(noisy_labels=0.3), MLP((100, 80, 10)), 150, examples=8192, usual=-0.28
    ),
    "autoencoder_small_batch": Workload(
        Denoising(jitter=0.8), AUTOENCODER, 200, batch_size=16, usual=-3.59
    ),
    "teacher_long": Workload(
        Teacher(decay=0.5, label_noise=0.2), STUDENT, 480, examples=2048, usual=-2.41
    ),
    "teacher_parameters_large": Workload(
        Teacher(inputs=12), Rescaled(MLP((12, 64, 48, 4)), 0.1), 150, examples=2048, usual=-2.03
    ),
    "teacher_parameters_small": Workload(
        Teacher(inputs=12), Rescaled(MLP((12, 64, 48, 4)), 10.0), 150, examples=2048, usual=-0.89
    ),
    "text_transformer": Workload(
        Text(context=8, language="second"), Transformer(24, 8, 32), 200, 32, 2048, usual=-1.0
    ),
    "quadratic": Workload(Quadratic(), Matrix(16), 120, 1, usual=-5.99, enough=1e-3),
}


def workload(name: str) -> Workload:
    """The workload of that name."""
    if name not in WORKLOADS:
        raise KeyError(f"no workload {name!r}: use one of {', '.join(WORKLOADS)}")
    return WORKLOADS[name]


def pair(seeds: Sequence[int]) -> list[int]:
    """The seeds, twice if there is only one: a stack of one is computed by other kernels."""
    return list(seeds) * (2 if len(seeds) == 1 else 1)


def pack(params: Params, seeds: int) -> bytes:
    """The first `seeds` slices of every tensor, as little-endian float32: the artefact's layout."""
    chosen = [tensor[:seeds].detach().float().contiguous() for tensor in params.values()]
    return b"".join(ctypes.string_at(t.data_ptr(), t.nbytes) for t in chosen)


def unpack(each: Workload, seeds: int, data: bytearray, start: int) -> tuple[Params, int]:
    """The parameters that `pack` wrote at `start`, and where they end."""
    params = {}
    for name, shape in each.shapes.items():
        count = seeds * math.prod(shape)
        flat = torch.frombuffer(data, dtype=torch.float32, count=count, offset=start)
        params[name] = flat.reshape(seeds, *shape)
        start += 4 * count
    return params, start


def packed_size(each: Workload, seeds: int) -> int:
    """Bytes of one workload's packed parameters."""
    return 4 * seeds * sum(math.prod(shape) for shape in each.shapes.values())
