"""Control problems in pure torch, stepped for all seeds and episodes at once, and the network.

Every state is one float tensor `[..., fields]` whose leading axes are seeds and parallel episodes,
so that a thousand environments cost little more than one. All randomness is handed in as noise.
Import this before torch.
"""

import os
from dataclasses import dataclass, replace

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # autograd starts a thread for each GPU; forks lose it

import torch
from data_key import DATA
from torch import Tensor

HIDDEN = 32


@dataclass(frozen=True)
class CartPole:
    """Balance a pole on a cart (Barto, Sutton and Anderson, 1983), with Gymnasium's constants.

    One point of reward per step; an episode is cut off, not terminated, after `limit` steps.
    """

    gravity: float = 9.8
    length: float = 0.5
    force: float = 10.0
    limit: int = 500
    observation: int = 4
    actions: int = 2
    noise: int = 4
    random_return: float = 22.2  # what random actions earn on average

    @property
    def best_return(self) -> float:
        """The largest return there is."""
        return float(self.limit)

    def reset(self, uniform: Tensor) -> Tensor:
        """First states from uniform noise `[..., 4]`: position, velocity, angle, spin, time."""
        return torch.nn.functional.pad((uniform - 0.5) * 0.1, (0, 1))

    def observe(self, state: Tensor) -> Tensor:
        """What the policy sees."""
        return state[..., :4]

    def step(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Advance by 0.02 s; returns state, reward, terminated and truncated."""
        x, speed, angle, spin, time = state.unbind(-1)
        push = (action * 2 - 1) * self.force
        cos, sin = angle.cos(), angle.sin()
        thrust = (push + 0.1 * self.length * spin * spin * sin) / 1.1
        inertia = self.length * (4 / 3 - 0.1 / 1.1 * cos * cos)
        twist = (self.gravity * sin - cos * thrust) / inertia
        drift = thrust - 0.1 / 1.1 * self.length * twist * cos
        after = torch.stack(
            (
                x + 0.02 * speed,
                speed + 0.02 * drift,
                angle + 0.02 * spin,
                spin + 0.02 * twist,
                time + 1,
            ),
            dim=-1,
        )
        fallen = (after[..., 0].abs() > 2.4) | (after[..., 2].abs() > 0.20943951)
        late = after[..., 4] >= self.limit
        return after, torch.ones_like(x), fallen, late & ~fallen


@dataclass(frozen=True)
class Catch:
    """Catch a falling ball with a paddle (Mnih et al., 2014; the version of bsuite, 2020).

    The reward comes with the last step alone: +1 for a ball that was caught and -1 for a miss.
    """

    rows: int = 10
    columns: int = 5
    actions: int = 3
    noise: int = 1
    best_return: float = 1.0
    random_return: float = -0.6  # what random actions earn on average

    @property
    def observation(self) -> int:
        """The size of the flattened board."""
        return self.rows * self.columns

    @property
    def limit(self) -> int:
        """The length of every episode."""
        return self.rows - 1

    def reset(self, uniform: Tensor) -> Tensor:
        """First states from uniform noise `[..., 1]`: the ball's column and row, the paddle."""
        ball = (uniform * self.columns).floor().clamp(max=self.columns - 1)
        return torch.cat(
            (ball, torch.zeros_like(ball), torch.full_like(ball, self.columns // 2)), dim=-1
        )

    def observe(self, state: Tensor) -> Tensor:
        """What the policy sees: the board, with a one where the ball or the paddle is."""
        column, row, paddle = state.unbind(-1)
        cells = torch.arange(self.observation, dtype=state.dtype)
        ball = (row * self.columns + column)[..., None] == cells
        foot = ((self.rows - 1) * self.columns + paddle)[..., None] == cells
        return (ball | foot).to(state.dtype)

    def step(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Move the paddle by -1, 0 or 1 and drop the ball by a row."""
        column, row, paddle = state.unbind(-1)
        paddle = (paddle + action - 1).clamp(0, self.columns - 1)
        after = torch.stack((column, row + 1, paddle), dim=-1)
        done = after[..., 1] >= self.rows - 1
        reward = torch.where(done, (paddle == column) * 2.0 - 1.0, 0.0)
        return after, reward, done, torch.zeros_like(done)


Environment = CartPole | Catch


@dataclass(frozen=True)
class Workload:
    """An environment and how the fixed learner trains on it.

    Each of `updates` takes `horizon` steps in `copies` of the environment and then learns from them
    for `epochs`. The budget is small on purpose: a policy that has converged cannot tell objectives
    apart.
    """

    environment: Environment
    horizon: int
    updates: int = 24
    copies: int = 16
    epochs: int = 16
    minibatches: int = 2
    learning_rate: float = 1e-2
    checkpoints: int = 8

    @property
    def policy_size(self) -> int:
        """How many parameters the policy has."""
        return network_size(self.environment.observation, self.environment.actions)


CARTPOLE = Workload(CartPole(), horizon=32)
CATCH = Workload(Catch(), horizon=9, minibatches=1)

WORKLOADS = {
    # development: what a search sees
    "catch": CATCH,
    "cartpole": CARTPOLE,
    "cartpole_few": replace(CARTPOLE, epochs=4, minibatches=4),
    # transfer: other sizes, physics, learning rates and numbers of epochs
    "catch_wide": replace(CATCH, environment=Catch(7, 7, random_return=-0.72), horizon=6),
    "catch_fast": replace(CATCH, learning_rate=3e-2, epochs=8),
    "cartpole_heavy": replace(CARTPOLE, environment=CartPole(gravity=20.0, random_return=19.9)),
    "cartpole_weak": replace(
        CARTPOLE, environment=CartPole(force=5.0, random_return=29.3), epochs=8
    ),
    "cartpole_slow": replace(CARTPOLE, epochs=32, minibatches=1, learning_rate=5e-3),
}


def network_size(inputs: int, outputs: int) -> int:
    """How many parameters a network with one hidden layer has."""
    return (inputs + 1) * HIDDEN + (HIDDEN + 1) * outputs


def first(inputs: int, outputs: int, scale: float, source: torch.Generator) -> Tensor:
    """First parameters of one network: zero biases, normal weights, the last ones times `scale`."""
    return torch.cat(
        (
            torch.randn(inputs * HIDDEN, generator=source) * (2 / inputs) ** 0.5,
            torch.zeros(HIDDEN),
            torch.randn(HIDDEN * outputs, generator=source) * scale / HIDDEN**0.5,
            torch.zeros(outputs),
        )
    )


def network(parameters: Tensor, x: Tensor, outputs: int) -> Tensor:
    """One hidden tanh layer for each of `[S, P]` parameters, on inputs `[S, B, inputs]`."""
    inputs = x.shape[-1]
    sizes = (inputs * HIDDEN, HIDDEN, HIDDEN * outputs, outputs)
    first, bias, second, offset = parameters.split(sizes, dim=1)
    count = len(parameters)
    hidden = torch.baddbmm(bias.view(count, 1, -1), x, first.view(count, inputs, HIDDEN)).tanh()
    return torch.baddbmm(
        offset.view(count, 1, outputs), hidden, second.view(count, HIDDEN, outputs)
    )


def generator(seed: int, stream: int, data: int = DATA) -> torch.Generator:
    """An independent stream of random numbers for one seed, and for each number `data`."""
    mixed = seed * 0x9E3779B97F4A7C15 + stream * 0xBF58476D1CE4E5B9 + 1
    mixed = (mixed + data * 0x94D049BB133111EB) % 2**63
    return torch.Generator().manual_seed(mixed)


def gumbel(shape: tuple[int, ...], source: torch.Generator) -> Tensor:
    """Noise that turns an argmax of logits into a sample from them."""
    uniform = torch.rand(shape, generator=source)
    return -(-uniform.clamp_min(1e-20).log()).clamp_min(1e-20).log()
