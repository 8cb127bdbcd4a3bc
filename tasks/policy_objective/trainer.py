"""Train actor-critic agents with the candidate's policy objective, all seeds of a job at once.

Everything but the objective is fixed: rollouts, generalised advantage estimation (Schulman et al.,
arXiv:1506.02438), advantage normalisation, gradient clipping and Adam. The reply holds the policy's
parameters at evenly spread checkpoints as float32 `[seeds, checkpoints, parameters]` per workload.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import control
import torch
from shared import tensor
from torch import Tensor

Ask = Callable[[tuple[Tensor, ...], tuple[int, ...]], tuple[Tensor, ...]]

DISCOUNT, TRACE, VALUE_WEIGHT, MAX_NORM = 0.99, 0.95, 0.5, 0.5


class Objective:
    """The candidate's objective in one run, asked through its guest."""

    def __init__(self, guest, constants: Mapping[str, Sequence[float]] = {}) -> None:
        """Ask `guest`, which lives in another process and loads the candidate for each run.

        `constants` are values of the candidate's constants for each of the seeds, if these differ.
        """
        self._guest, self._new = guest, True
        self._settings = {"constants": constants} if constants else {}

    def __call__(self, batch: tuple[Tensor, ...], context: tuple[int, ...]) -> tuple[Tensor, ...]:
        """Values of the objective `[S, B]`, and its slopes along log ratio and entropy.

        `context` is epoch, epochs, step and total.
        """
        shape = batch[0].shape
        torch.stack(batch, out=tensor(self._guest.memory, 0, (len(batch), *shape)))
        asked = {"shape": list(shape), "context": context, "new": self._new}
        if self._new:
            asked |= self._settings
        self._new = False
        self._guest.ask(json.dumps(asked).encode())
        told = tensor(self._guest.memory, 1, (len(batch), *shape)).clone()
        return told[0], told[1], told[2]


class Learner:
    """Policies and value functions of all seeds as one tensor of parameters, with Adam's state."""

    def __init__(self, workload: control.Workload, seeds: list[int]) -> None:
        """Draw first parameters, for a policy that is nearly uniform."""
        environment = workload.environment
        self.actions, self._rate, self._steps = environment.actions, workload.learning_rate, 0
        sources = [control.generator(seed, 1) for seed in seeds]
        nets = [(environment.actions, 0.01), (1, 1.0)]
        self.parameters = torch.stack(
            [
                torch.cat([control.first(environment.observation, *net, source) for net in nets])
                for source in sources
            ]
        ).requires_grad_()
        self._sizes = [workload.policy_size, self.parameters.shape[1] - workload.policy_size]
        self._mean = torch.zeros_like(self.parameters)
        self._square = torch.zeros_like(self.parameters)

    def policy(self) -> Tensor:
        """The policies' parameters `[S, P]`."""
        return self.parameters.split(self._sizes, dim=1)[0]

    def logits(self, seen: Tensor) -> Tensor:
        """Action preferences `[S, B, A]`."""
        return control.network(self.policy(), seen, self.actions)

    def values(self, seen: Tensor) -> Tensor:
        """Estimated returns `[S, B]`."""
        return control.network(self.parameters.split(self._sizes, dim=1)[1], seen, 1)[..., 0]

    def descend(self, loss: Tensor) -> None:
        """One step of Adam on the gradient, clipped for each seed by itself."""
        (gradient,) = torch.autograd.grad(loss, self.parameters)
        norm = gradient.square().sum(1, keepdim=True).sqrt()
        gradient = gradient * (MAX_NORM / (norm + 1e-6)).clamp(max=1.0)
        self._steps += 1
        self._mean.lerp_(gradient, 0.1)
        self._square.lerp_(gradient.square(), 0.001)
        rate = self._rate / (1 - 0.9**self._steps)
        scale = (1 - 0.999**self._steps) ** 0.5
        with torch.no_grad():
            self.parameters -= rate * self._mean / (self._square.sqrt() / scale + 1e-5)


def warm() -> None:
    """Load what torch loads lazily, so that jobs are born with it."""

    def plain(batch: tuple[Tensor, ...], context: tuple[int, ...]) -> tuple[Tensor, ...]:
        return batch[:3]

    for name in ("catch", "cartpole"):
        train(replace(control.WORKLOADS[name], updates=1, epochs=1), [1, 2], plain)


def run(request: bytes, guest) -> bytes:
    """Train the asked seeds on the asked workloads, or show how the objective behaves."""
    asked = json.loads(request)
    if "probe" in asked:
        return probe(Objective(guest, asked.get("constants", {})), asked["probe"])
    seeds = asked["seeds"]
    times = 1 if len(seeds) > 1 else 2  # torch rounds a batch of one differently
    constants = {name: values * times for name, values in asked.get("constants", {}).items()}
    policies = [
        train(control.WORKLOADS[name], seeds * times, Objective(guest, constants))[: len(seeds)]
        for name in asked["workloads"]
    ]
    return b"".join(policy.numpy().astype("<f4").tobytes() for policy in policies)


def probe(objective: Objective, seed: int) -> bytes:
    """The objective and its slopes on small random batches at four moments of training."""
    source = control.generator(seed, 0, 0)
    shown = []
    for epoch, step in ((0, 0), (3, 0), (0, 5), (3, 9)):
        noise = torch.randn(3, 2, 16, generator=source)
        chance = torch.rand(2, 16, generator=source) * 0.9 + 0.05
        entropy = torch.rand(2, 16, generator=source)
        batch = (noise[0] * 0.4, noise[1], chance.log(), entropy)
        shown.append(torch.stack(objective(batch, (epoch, 4, step, 10))))
    return torch.stack(shown).numpy().astype("<f4").tobytes()


def train(workload: control.Workload, seeds: list[int], objective: Ask) -> Tensor:
    """Train one agent per seed; returns their policies `[S, checkpoints, P]`."""
    learner = Learner(workload, seeds)
    sources = [control.generator(seed, 2) for seed in seeds]
    order = torch.Generator().manual_seed(0)  # of minibatches: the same for all seeds
    state, kept = None, []
    for update in range(workload.updates):
        state, batch = rollout(workload, learner, sources, state)
        improve(workload, learner, batch, objective, update, order)
        done = (update + 1) * workload.checkpoints // workload.updates
        if done > len(kept):
            kept.append(learner.policy().detach().clone())
    return torch.stack(kept, dim=1)


@torch.no_grad()
def rollout(workload, learner, sources, state):
    """Act for a while in every copy of the environment; returns its state and what to learn from.

    The batch is observations, actions, advantages and value targets, each `[S, T * copies, ...]`.
    """
    world, length, copies = workload.environment, workload.horizon, workload.copies
    starts = torch.stack(
        [torch.rand(length + 1, copies, world.noise, generator=source) for source in sources], dim=1
    )
    noise = torch.stack(
        [control.gumbel((length, copies, world.actions), source) for source in sources], dim=1
    )
    fresh = world.reset(starts)
    state = fresh[length] if state is None else state
    policy, record = learner.policy(), []
    for t in range(length):
        seen = world.observe(state)
        action = (control.network(policy, seen, world.actions) + noise[t]).argmax(-1)
        after, reward, ended, cut = world.step(state, action)
        record.append((seen, action, reward, world.observe(after), ended, ended | cut))
        state = torch.where(record[-1][-1][..., None], fresh[t], after)
    seen, action, reward, then, ended, over = (
        torch.stack(x, dim=1) for x in zip(*record, strict=True)
    )
    value = learner.values(seen.flatten(1, 2)).view(reward.shape)
    bootstrap = learner.values(then.flatten(1, 2)).view(reward.shape) * ~ended
    advantage = estimate(reward + DISCOUNT * bootstrap - value, over)
    target = advantage + value
    return state, tuple(x.flatten(1, 2) for x in (seen, action, advantage, target))


def estimate(error: Tensor, over: Tensor) -> Tensor:
    """Generalised advantages from temporal-difference errors `[S, T, N]`."""
    carry = DISCOUNT * TRACE * (~over)
    advantage = error.clone()
    for t in reversed(range(error.shape[1] - 1)):
        advantage[:, t] += carry[:, t] * advantage[:, t + 1]
    return advantage


def improve(workload, learner, batch, objective, update, order):
    """Several epochs of minibatch ascent on the objective of one batch."""
    seen, action, advantage, target = batch
    advantage = advantage - advantage.mean(1, keepdim=True)
    advantage = advantage / (advantage.square().mean(1, keepdim=True).sqrt() + 1e-8)
    with torch.no_grad():
        before = learner.logits(seen).log_softmax(-1).gather(2, action[..., None])[..., 0]
    for epoch in range(workload.epochs):
        context = (epoch, workload.epochs, update, workload.updates)
        shuffled = torch.randperm(seen.shape[1], generator=order)
        for rows in shuffled.chunk(workload.minibatches):
            part = [x.index_select(1, rows) for x in (seen, action, advantage, target, before)]
            learner.descend(surrogate(learner, part, objective, context))


def surrogate(learner, part, objective, context):
    """The loss of a minibatch, summed over seeds: each seed's gradient is its own."""
    seen, action, advantage, target, before = part
    logp = learner.logits(seen).log_softmax(-1)
    entropy = -(logp.exp() * logp).sum(-1)
    log_ratio = logp.gather(2, action[..., None])[..., 0] - before
    batch = tuple(each.detach() for each in (log_ratio, advantage, before, entropy))
    _, along_log_ratio, along_entropy = objective(batch, context)
    gain = along_log_ratio * log_ratio + along_entropy * entropy  # the same slope as the objective
    misfit = (learner.values(seen) - target).square()
    return (VALUE_WEIGHT * misfit - gain).mean(1).sum()
