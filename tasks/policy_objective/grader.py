"""Score policies: the area under the learning curve of the return, from sealed episodes.

A return is normalised so that random actions score 0 and the best possible policy scores 1. Every
checkpoint plays the same sealed first states with the same sealed action noise.
"""

import json

import control
import torch
from torch import Tensor

EPISODES = {"CartPole": 16, "Catch": 64}


def warm() -> None:
    """Load what torch loads lazily, so that jobs are born with it."""
    torch.baddbmm(torch.ones(1, 1, 2), torch.ones(1, 2, 2), torch.ones(1, 2, 2)).tanh()


def run(request: bytes, guest) -> bytes:
    """Score the policies that follow the first line of the request."""
    line, artefact = request.split(b"\n", 1)
    asked = json.loads(line)
    count = len(asked["seeds"])
    workloads = [control.WORKLOADS[name] for name in asked["workloads"]]
    sizes = [count * each.checkpoints * each.policy_size for each in workloads]
    if len(artefact) != 4 * sum(sizes):
        return _reply(invalid=f"the artefact has {len(artefact)} bytes, not {4 * sum(sizes)}")
    flat = torch.frombuffer(bytearray(artefact), dtype=torch.float32).split(sizes)
    scores = {
        name: score(each, part.view(count, each.checkpoints, -1), asked["sealed"])
        for name, each, part in zip(asked["workloads"], workloads, flat, strict=True)
    }
    return _reply(scores=scores)


@torch.no_grad()
def score(workload: control.Workload, policies: Tensor, sealed: list[int]) -> list[float | None]:
    """The mean normalised return over checkpoints, for each seed; None for one that diverged."""
    world = workload.environment
    usable = policies.isfinite().flatten(1).all(1).tolist()
    returns = play(world, policies.nan_to_num(0.0, 0.0, 0.0), sealed).mean((1, 2))
    span = world.best_return - world.random_return
    normal = (returns.double() - world.random_return) / span
    return [value if good else None for value, good in zip(normal.tolist(), usable, strict=True)]


def play(world: control.Environment, policies: Tensor, sealed: list[int]) -> Tensor:
    """Returns `[S, K, episodes]` of one episode each."""
    seeds, points = policies.shape[:2]
    episodes = EPISODES[type(world).__name__]
    starts, noise = [], []
    for seed in sealed:
        source = control.generator(seed, 3)
        starts.append(torch.rand(episodes, world.noise, generator=source))
        noise.append(control.gumbel((world.limit, episodes, world.actions), source))
    state = world.reset(torch.stack(starts)).repeat_interleave(points, 0)
    drawn = torch.stack(noise, dim=1)
    flat = policies.flatten(0, 1)
    total = torch.zeros(seeds * points, episodes)
    alive = torch.ones(seeds * points, episodes)
    for t in range(world.limit):
        logits = control.network(flat, world.observe(state), world.actions)
        action = (logits + drawn[t].repeat_interleave(points, 0)).argmax(-1)
        state, reward, ended, cut = world.step(state, action)
        total += alive * reward
        alive *= ~(ended | cut)
        if t % 32 == 31 and not alive.any():
            break
    return total.view(seeds, points, episodes)


def _reply(**content: object) -> bytes:
    return json.dumps(content).encode()
