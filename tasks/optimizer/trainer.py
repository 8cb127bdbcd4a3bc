"""Train the task's workloads, taking the steps that the candidate's update rule asks for.

The candidate runs in another process, `guest.py`. What is here is trusted: it alone has the seeds,
the data and the gradients, so a run takes the steps it is given and no more, and the reply holds
the parameters that came of them. The grader scores those elsewhere.
"""

import json

import torch
from pools import generator
from shared import add, copy, tensors
from workloads import Workload, pack, pair, workload

WARM = ("glyph_mlp", "autoencoder", "teacher", "char_mlp")
PROBE_KINDS = {"w": "matrix", "b": "bias", "e": "embed", "s": "scale", "c": "conv", "h": "head"}
PROBE_SHAPES = {"w": (6, 4), "b": (4,), "e": (5, 3), "s": (3,), "c": (9, 2), "h": (4, 3)}
PROBE_STEPS = 8
# Root mean squares as on the development workloads at the start of a run: so a step on the tiny
# tensors is about as large, next to another rule's, as it will be in training.
PROBE_SIZE, PROBE_GRADIENT = 0.15, 0.01

Params = dict[str, torch.Tensor]
Constants = dict[str, list[float]]  # values of the candidate's constants, one for each seed


class Rule:
    """The candidate's update rule, asked through its guest."""

    def __init__(
        self, guest, kinds: dict[str, str], params: Params, total: int, constants: Constants
    ) -> None:
        """Begin a run of `total` steps from `params`, stacked over the seeds."""
        self._guest = guest
        shapes = {name: p.shape for name, p in params.items()}
        self._outward, self._inward = (tensors(guest.memory, place, shapes) for place in (0, 1))
        copy(self._outward, params)
        own = {name: list(shape[1:]) for name, shape in shapes.items()}
        seeds = len(next(iter(params.values())))
        settings = {"constants": constants} if constants else {}
        asked = {"shapes": own, "kinds": kinds, "seeds": seeds, "total": total}
        self._ask({**asked, **settings})

    def update(self, step: int, grads: Params) -> Params:
        """What to add to the parameters after these gradients."""
        copy(self._outward, grads)
        self._ask({"step": step})
        return self._inward

    def readout(self) -> Params:
        """The parameters to evaluate."""
        self._ask({})
        return {name: tensor.clone() for name, tensor in self._inward.items()}

    def _ask(self, message: dict[str, object]) -> None:
        self._guest.ask(json.dumps(message).encode())


@torch.no_grad()
def train(guest, each: Workload, seeds: list[int], constants: Constants) -> Params:
    """Final parameters, stacked over the seeds."""
    params = each.init(seeds)
    stream = each.stream(seeds)
    rule = Rule(guest, each.kinds, params, each.steps, constants)
    for step in range(each.steps):
        with torch.enable_grad():
            grads, _ = each.gradients(params, stream.batch(step))
        params = add(params, rule.update(step, grads))
    return rule.readout()


@torch.no_grad()
def probe(guest, seed: int, constants: Constants) -> bytes:
    """Behaviour on tiny tensors: the parameters after each of a few steps, and the readout."""
    shape = {name: (2, *dims) for name, dims in PROBE_SHAPES.items()}
    g = generator(seed, "probe", 0)
    params = {name: PROBE_SIZE * torch.randn(dims, generator=g) for name, dims in shape.items()}
    rule = Rule(guest, PROBE_KINDS, params, PROBE_STEPS, constants)
    seen = []
    for step in range(PROBE_STEPS):
        slopes = {n: p / PROBE_SIZE + torch.randn(p.shape, generator=g) for n, p in params.items()}
        grads = {name: PROBE_GRADIENT / 2**0.5 * slope for name, slope in slopes.items()}
        params = add(params, rule.update(step, grads))
        seen.append(pack(params, 2))
    return b"".join([*seen, pack(rule.readout(), 2)])


def warm() -> None:
    """Build the example pools and run every kernel of the development workloads once."""
    for name in WARM:
        each = workload(name)
        params = each.init([1, 2])
        grads, _ = each.gradients(params, each.stream([1, 2]).batch(0))
        pack({name: p + grads[name] for name, p in params.items()}, 2)


def run(request: bytes, guest) -> bytes:
    """Train every workload asked for, or probe; the reply is raw parameters."""
    asked = json.loads(request)
    if "probe" in asked:
        return probe(guest, asked["probe"], asked.get("constants", {}))
    seeds = asked["seeds"]
    constants = {name: pair(values) for name, values in asked.get("constants", {}).items()}
    finals = [train(guest, workload(name), pair(seeds), constants) for name in asked["workloads"]]
    return b"".join(pack(params, len(seeds)) for params in finals)
