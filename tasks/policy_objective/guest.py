"""Hold the candidate's objective, and tell the trainer its slopes on each minibatch.

The trainer alone has the environments, the seeds and the networks. It lays a minibatch of four
tensors `[S, B]` into shared memory and gets back the objective's values and its slopes along the
log ratio and the entropy, which is all that a step needs.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType

import candidate
import plain
import torch
from lanes import Lanes
from shared import tensor
from torch import Tensor

TENSORS = 4  # log ratio, advantage, log probability before, entropy


@dataclass(frozen=True)
class Context:
    """Where in training an objective is called."""

    epoch: int
    epochs: int
    step: int
    total: int

    @property
    def progress(self) -> float:
        """The part of training that is over, from 0 to just under 1."""
        return self.step / self.total


class Objective:
    """The candidate's objective, mapped over seeds.

    If it cannot be mapped it is called seed by seed, with a module of its own for each seed.
    """

    def __init__(self, make: Callable[[], ModuleType | type], lanes: Lanes) -> None:
        """Take what loads the candidate's module, and values of its constants if seeds differ."""
        self._make, self._modules, self._lanes = make, [make()], lanes
        self._mapped, self._calls = True, 0

    def __call__(self, batch: tuple[Tensor, ...], context: Context) -> Tensor:
        """The objective `[S, B]` of a batch whose tensors are all `[S, B]`."""
        self._calls += 1
        if self._mapped:
            copies = [tensor.clone() for tensor in batch]  # a call that fails may have changed them
            mapped = partial(self._lanes.map, partial(self._single, context), self._modules[0])
            try:
                return plain.stack(mapped, *copies)
            except MemoryError:
                raise
            except Exception as error:
                reason = str(error).strip().partition("\n")[0][:200]
                if self._lanes.constants:
                    why = f"its constants cannot be stacked: {reason}"
                    raise candidate.CandidateError(why) from error
                self._mapped = False
                print(f"path=loop: vmap could not run objective(): {reason}")
                # Nothing that all seeds have been through together may reach the calls of one.
                self._modules = [self._make() for _ in batch[0]]
        rows = zip(self._modules, zip(*batch, strict=True), strict=True)
        return torch.stack(
            [self._single(context, own, *(t.clone() for t in row)) for own, row in rows]
        )

    def _single(
        self, context: Context, module: ModuleType, log_ratio: Tensor, *others: Tensor
    ) -> Tensor:
        candidate.still(self._calls)  # no seed may shift the random numbers of another
        value = candidate.attempt("objective()", module.objective, log_ratio, *others, context)
        if not isinstance(value, Tensor):
            raise candidate.CandidateError(
                f"objective() returned {type(value).__name__}, not a tensor"
            )
        if value.shape != log_ratio.shape or value.dtype != log_ratio.dtype:
            raise candidate.CandidateError(
                f"objective() returned {value.dtype} of shape {list(value.shape)}, "
                f"not {log_ratio.dtype} of shape {list(log_ratio.shape)}"
            )
        return value


class Usual:
    """An objective with nothing in it but the operations most of them use."""

    @staticmethod
    def objective(log_ratio: Tensor, adv: Tensor, *others: object) -> Tensor:
        """Much like a clipped ratio."""
        ratio = log_ratio.exp()
        return torch.where(adv > 0, torch.minimum(ratio * adv, ratio.clamp(max=1.2) * adv), ratio)


objectives: list[Objective] = []


def loaded() -> ModuleType:
    """The candidate's module, loaded anew."""
    return candidate.load("objective.py", ("objective",), stacks=True)


def slopes(
    objective: Objective, batch: tuple[Tensor, ...], context: Context
) -> tuple[Tensor, Tensor, Tensor]:
    """The objective `[S, B]` and the slopes of its sum along the log ratio and the entropy."""
    log_ratio, advantage, before, entropy = batch
    leaves = (log_ratio.requires_grad_(), entropy.requires_grad_())
    value = objective((leaves[0], advantage, before, leaves[1]), context)
    if not value.requires_grad:
        return value, torch.zeros_like(value), torch.zeros_like(value)
    along = torch.autograd.grad(value.sum(), leaves, materialize_grads=True)
    # Up to torch 2.6 a slope that was filled in with zeros asks for a gradient itself.
    return value.detach(), *(slope.detach() for slope in along)


def answer(message: bytes, memory: memoryview) -> bytes:
    """Slopes for the minibatch that lies in memory."""
    asked = json.loads(message)
    if asked["new"]:
        objectives[:] = [Objective(loaded, Lanes(asked.get("constants", {})))]
    shape = (TENSORS, *asked["shape"])
    batch = tensor(memory, 0, shape).clone().unbind()
    found = slopes(objectives[0], batch, Context(*asked["context"]))
    torch.stack(found, out=tensor(memory, 1, shape)[: len(found)])
    return b""


def warm() -> None:
    """Load what torch loads lazily, so that jobs are born with it."""

    batch = tuple(torch.rand(2, 8) for _ in range(TENSORS))
    slopes(Objective(lambda: Usual, Lanes()), batch, Context(0, 1, 0, 1))
