"""Procedural data for the workloads: nothing is downloaded and every example follows from seeds.

A problem gives `stream(seeds, steps, batch)`, the whole training stream laid out `[T, S, B, ...]`,
`validation(seeds, sealed, count)`, and `loss(outputs, targets) -> [S]`. Training data follow from
`seeds` alone; validation data from `sealed`, plus whatever defines the problem instance itself (the
teacher's weights), which follows from `seeds`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from pools import draw, glyph_pool, pool_picks, sealed_picks, text_pool, text_table
from torch import Tensor

Batch = tuple[Tensor, Tensor]


class Problem:
    """A family of data sets, one instance for each seed."""

    def stream(self, seeds: Sequence[int], steps: int, batch: int) -> Batch:
        """Inputs and targets `[T, S, B, ...]` of a whole training run."""
        raise NotImplementedError

    def validation(self, seeds: Sequence[int], sealed: Sequence[int], count: int) -> Batch:
        """Inputs and targets `[S, count, ...]` that no training stream contains."""
        raise NotImplementedError

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of each seed, `[S]`."""
        raise NotImplementedError

    def validation_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What the grader scores; the training loss unless a cleaner measure is known."""
        return self.loss(outputs, targets)


@dataclass(frozen=True)
class Glyphs(Problem):
    """Ten hand-drawn glyphs on 10x10 pixels, each example moved, turned, sheared and noised.

    `noisy_labels` is the share of training labels replaced by random ones.
    """

    jitter: float = 1.0
    noise: float = 0.2
    noisy_labels: float = 0.0

    def stream(self, seeds: Sequence[int], steps: int, batch: int) -> Batch:
        """Draws from a pool so large that a run sees hardly any image twice."""
        images, _, labels = glyph_pool("training", self.jitter, self.noise)
        pick = pool_picks(seeds, steps, batch)
        targets = labels[pick]
        if self.noisy_labels:
            flip = draw(seeds, "flip", lambda g: torch.rand((steps, batch), generator=g))
            wrong = draw(seeds, "wrong", lambda g: torch.randint(10, (steps, batch), generator=g))
            replaced = (flip < self.noisy_labels).transpose(0, 1)
            targets = torch.where(replaced, wrong.transpose(0, 1), targets)
        return images[pick], targets

    def validation(self, seeds: Sequence[int], sealed: Sequence[int], count: int) -> Batch:
        """Draws from a second pool, always with clean labels."""
        images, _, labels = glyph_pool("validation", self.jitter, self.noise)
        pick = sealed_picks(sealed, count)
        return images[pick], labels[pick]

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy in nats."""
        return cross_entropy(outputs, targets)


@dataclass(frozen=True)
class Denoising(Problem):
    """The glyph images with noise as inputs, without it as targets (Vincent et al. 2008)."""

    jitter: float = 1.0
    noise: float = 0.2

    def stream(self, seeds: Sequence[int], steps: int, batch: int) -> Batch:
        """Noisy and clean images."""
        images, clean, _ = glyph_pool("training", self.jitter, self.noise)
        pick = pool_picks(seeds, steps, batch)
        return images[pick], clean[pick]

    def validation(self, seeds: Sequence[int], sealed: Sequence[int], count: int) -> Batch:
        """Noisy and clean images of the second pool."""
        images, clean, _ = glyph_pool("validation", self.jitter, self.noise)
        pick = sealed_picks(sealed, count)
        return images[pick], clean[pick]

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error."""
        return squared_error(outputs, targets)


@dataclass(frozen=True)
class Teacher(Problem):
    """Regression on a random tanh network of one hidden layer; every seed has its own teacher.

    Inputs are Gaussian with covariance eigenvalues `i ** -decay` in a random basis.
    """

    inputs: int = 16
    outputs: int = 4
    hidden: int = 24
    decay: float = 1.0
    label_noise: float = 0.05

    def stream(self, seeds: Sequence[int], steps: int, batch: int) -> Batch:
        """Fresh examples at every step."""
        x, y = self._examples(seeds, seeds, "examples", steps * batch)
        noise = draw(
            seeds, "label noise", lambda g: torch.randn((steps * batch, self.outputs), generator=g)
        )
        y = y + self.label_noise * noise

        def by_step(t: Tensor) -> Tensor:
            return t.reshape(len(seeds), steps, batch, -1).transpose(0, 1).contiguous()

        return by_step(x), by_step(y)

    def validation(self, seeds: Sequence[int], sealed: Sequence[int], count: int) -> Batch:
        """Fresh examples without label noise."""
        return self._examples(seeds, sealed, "sealed", count)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error."""
        return squared_error(outputs, targets)

    def _examples(
        self, seeds: Sequence[int], drawn: Sequence[int], purpose: str, count: int
    ) -> Batch:
        d, h = self.inputs, self.hidden
        spectrum = torch.arange(1, d + 1) ** (-self.decay / 2)
        basis = draw(seeds, "basis", lambda g: torch.linalg.qr(torch.randn(d, d, generator=g))[0])
        first = draw(seeds, "teacher", lambda g: torch.randn(d, h, generator=g)) * 1.5
        second = draw(seeds, "teacher head", lambda g: torch.randn(h, self.outputs, generator=g))
        z = draw(drawn, purpose, lambda g: torch.randn(count, d, generator=g))
        x = z * spectrum @ basis
        return x, torch.tanh(x @ first) @ second / math.sqrt(h)


@dataclass(frozen=True)
class Text(Problem):
    """Windows of a second-order Markov text whose conditional distribution is known exactly.

    Training loss is cross-entropy; validation loss is the excess over the text's entropy, the
    divergence from the true distribution to the model's, so that its optimum is zero.
    """

    vocabulary: int = 24
    context: int = 4
    language: str = "first"

    def stream(self, seeds: Sequence[int], steps: int, batch: int) -> Batch:
        """Windows and the symbol that follows."""
        windows = text_pool("training", self.vocabulary, self.context, self.language)
        windows = windows[pool_picks(seeds, steps, batch)]
        return windows[..., :-1].contiguous(), windows[..., -1].contiguous()

    def validation(self, seeds: Sequence[int], sealed: Sequence[int], count: int) -> Batch:
        """Windows and the true distribution of the symbol that follows."""
        windows = text_pool("validation", self.vocabulary, self.context, self.language)
        windows = windows[sealed_picks(sealed, count)]
        table = text_table(self.vocabulary, self.language)
        return windows[..., :-1].contiguous(), table[windows[..., -3], windows[..., -2]]

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy in nats."""
        return cross_entropy(outputs, targets)

    def validation_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean divergence from the true conditional distribution, in nats."""
        return (targets * (targets.log() - outputs.log_softmax(-1))).sum(-1).mean(-1)


@dataclass(frozen=True)
class Quadratic(Problem):
    """Half the squared norm of `A (X - optimum) B` for one matrix X, with a jittered optimum.

    The singular values of A and B fall geometrically to `1 / sqrt(condition)`, so `condition` is
    the curvature ratio within each side and its square the ratio overall.
    """

    side: int = 16
    condition: float = 100.0
    noise: float = 0.3

    def stream(self, seeds: Sequence[int], steps: int, batch: int) -> Batch:
        """Inputs are the jittered optima `[T, S, side, side]`; targets hold A and B."""
        k = self.side
        jitter = draw(seeds, "examples", lambda g: torch.randn(steps, batch, k, k, generator=g))
        optimum, sides = self.validation(seeds, seeds, 0)
        noisy = optimum + self.noise * jitter.mean(2).transpose(0, 1)
        return noisy, sides.expand(steps, *sides.shape)

    def validation(self, seeds: Sequence[int], sealed: Sequence[int], count: int) -> Batch:
        """The instance itself, whatever the count: the loss is known, so nothing is sampled."""
        k = self.side
        values = self.condition ** (-0.5 * torch.linspace(0, 1, k))

        def side(g: torch.Generator) -> Tensor:
            return torch.linalg.qr(torch.randn(2, k, k, generator=g))[0] * values[:, None]

        optimum = draw(seeds, "optimum", lambda g: torch.randn(k, k, generator=g))
        return optimum, draw(seeds, "curvature", side)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean over entries of the squared, curved distance."""
        curved = targets[:, 0] @ outputs @ targets[:, 1].transpose(-1, -2)
        return 0.5 * curved.square().mean((-1, -2))


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of each seed."""
    seeds, batch, classes = logits.shape
    each = F.cross_entropy(logits.reshape(-1, classes), targets.reshape(-1), reduction="none")
    return each.reshape(seeds, batch).mean(1)


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error of each seed."""
    return (outputs - targets).square().mean((1, 2))
