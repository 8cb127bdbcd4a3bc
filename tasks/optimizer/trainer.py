"""Train the task's workloads with the candidate's update rule and hand back the final parameters.

The trainer runs beside the candidate, so nothing it says about itself is believed: the artefact is
parameters alone, and the grader scores them elsewhere. Seeds are stacked; the candidate's functions
see one seed and run under `torch.func.vmap`, or one seed at a time where vmap cannot follow them.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType, ModuleType

import torch
from candidate import CandidateError, attempt, load
from pools import generator
from torch import Tensor
from torch.func import vmap
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten
from workloads import Workload, pack, pair, workload

WARM = ("glyph_mlp", "autoencoder", "teacher", "char_mlp")
STATE_LIMIT = 4  # times the parameters' memory
STATE_SLACK = 4096  # bytes per seed, for counters and other scalars
PROBE_KINDS = {"w": "matrix", "b": "bias", "e": "embed", "s": "scale", "c": "conv", "h": "head"}
PROBE_SHAPES = {"w": (6, 4), "b": (4,), "e": (5, 3), "s": (3,), "c": (9, 2), "h": (4, 3)}
PROBE_STEPS = 8

Params = dict[str, Tensor]


@dataclass(frozen=True)
class Context:
    """What the candidate knows besides tensors: where in the run it is, what each tensor is for."""

    step: int
    total: int
    progress: float
    kinds: Mapping[str, str]


class Rule:
    """The candidate's rule, applied to stacked seeds and checked on the way out."""

    def __init__(
        self, module: ModuleType | type, kinds: Mapping[str, str], seeds: list[int]
    ) -> None:
        """Bind the candidate to one workload's parameters."""
        self.module = module
        self.kinds = MappingProxyType(dict(kinds))
        self.seeds = seeds
        self.path = "vmap"

    def context(self, step: int, total: int) -> Context:
        """The context of one step."""
        return Context(step, total, step / total, self.kinds)

    def init(self, params: Params) -> object:
        """The state before the first step."""
        state = self._call("init", lambda p: self.module.init(p, dict(self.kinds)), -1, params)
        self._check_state(state, params)
        return state

    def update(
        self, grads: Params, state: object, params: Params, ctx: Context
    ) -> tuple[Params, object]:
        """What to add to the parameters, and the next state."""
        result = self._call(
            "update",
            lambda g, s, p: self.module.update(g, s, p, ctx),
            ctx.step,
            grads,
            state,
            params,
        )
        if not isinstance(result, tuple) or len(result) != 2:
            raise CandidateError("update must return a tuple (updates, state)")
        updates, state = result
        check_tree("update", updates, params)
        self._check_state(state, params)
        return updates, state

    def readout(self, params: Params, state: object, ctx: Context) -> Params:
        """The parameters to evaluate: the last ones, unless the candidate says otherwise."""
        if not hasattr(self.module, "readout"):
            return params
        found = self._call(
            "readout", lambda p, s: self.module.readout(p, s, ctx), ctx.step, params, state
        )
        check_tree("readout", found, params)
        return {name: found[name] for name in params}  # in our order, whatever the candidate's

    def _call(self, what: str, function: Callable, step: int, *trees: object) -> object:
        """Call under vmap; from the first step that vmap cannot follow, one seed at a time."""
        if self.path == "vmap":
            try:
                return vmap(function)(*copies(trees))
            except MemoryError:
                raise
            except Exception as error:
                self.path = "loop"
                reason = str(error).strip().partition("\n")[0][:200]
                said = f"path=loop: vmap could not run {what}: {type(error).__name__}: {reason}"
                print(said, file=sys.stderr)
        results = []
        for i, seed in enumerate(self.seeds):
            torch.manual_seed(seed + step)
            own = tree_map(lambda t, i=i: t[i].clone(), trees)
            results.append(attempt(what, function, *own))
        return stack(what, results)

    def _check_state(self, state: object, params: Params) -> None:
        leaves, _ = tree_flatten(state)
        held = sum(leaf.numel() * leaf.element_size() for leaf in leaves)
        allowed = STATE_LIMIT * sum(p.numel() * p.element_size() for p in params.values())
        if held > allowed + STATE_SLACK * len(self.seeds):
            raise CandidateError(
                f"the state takes {held} bytes: more than {STATE_LIMIT} times the parameters"
            )


def copies(trees: object) -> object:
    """The same trees of new tensors, so that writing into them changes nothing of ours."""
    return tree_map(lambda t: t.clone(), trees)


def stack(what: str, results: list[object]) -> object:
    """One tree of stacked tensors from one tree for each seed."""
    flat = [tree_flatten(result) for result in results]
    spec = flat[0][1]
    if any(other != spec for _, other in flat):
        raise CandidateError(f"{what} returned trees of different structure for different seeds")
    for leaf in flat[0][0]:
        if not isinstance(leaf, Tensor):
            raise CandidateError(f"{what} returned a {type(leaf).__name__} where a tensor belongs")
    columns = zip(*(leaves for leaves, _ in flat), strict=True)
    return tree_unflatten([attempt(what, torch.stack, column) for column in columns], spec)


def check_tree(what: str, found: object, params: Params) -> None:
    """Refuse anything but a dict with the parameters' names, shapes and dtype."""
    if not isinstance(found, dict) or found.keys() != params.keys():
        raise CandidateError(f"{what} must return a dict with the keys {', '.join(params)}")
    for name, p in params.items():
        value = found[name]
        if not isinstance(value, Tensor):
            raise CandidateError(
                f"{what} returned a {type(value).__name__} for {name}: not a tensor"
            )
        if value.shape != p.shape or value.dtype != p.dtype:
            raise CandidateError(
                f"{what} returned {tuple(value.shape[1:])} {value.dtype} for {name}: "
                f"expected {tuple(p.shape[1:])} {p.dtype}"
            )


@torch.no_grad()
def train(module: ModuleType | type, workload: Workload, seeds: list[int]) -> Params:
    """Final parameters, stacked over the seeds."""
    params = workload.init(seeds)
    stream = workload.stream(seeds)
    rule = Rule(module, workload.kinds, seeds)
    state = rule.init(params)
    for step in range(workload.steps):
        with torch.enable_grad():
            grads, _ = workload.gradients(params, stream.batch(step))
        updates, state = rule.update(grads, state, params, rule.context(step, workload.steps))
        params = {name: p + updates[name] for name, p in params.items()}
    return rule.readout(params, state, rule.context(workload.steps, workload.steps))


@torch.no_grad()
def probe(module: ModuleType | type, seed: int) -> bytes:
    """Behaviour on tiny tensors: the parameters after each of a few steps, and the readout."""
    seeds = [seed, seed + 1]
    shape = {name: (len(seeds), *dims) for name, dims in PROBE_SHAPES.items()}
    g = generator(seed, "probe")
    params = {name: torch.randn(dims, generator=g) for name, dims in shape.items()}
    rule = Rule(module, PROBE_KINDS, seeds)
    state = rule.init(params)
    seen = []
    for step in range(PROBE_STEPS):
        grads = {n: p + torch.randn(p.shape, generator=g) for n, p in params.items()}
        updates, state = rule.update(grads, state, params, rule.context(step, PROBE_STEPS))
        params = {name: p + updates[name] for name, p in params.items()}
        seen.append(pack(params, len(seeds)))
    last = rule.readout(params, state, rule.context(PROBE_STEPS, PROBE_STEPS))
    return b"".join([*seen, pack(last, len(seeds))])


class Plain:
    """A rule with nothing in it but the operations most rules use, to load their kernels."""

    @staticmethod
    def init(params: Params, kinds: Mapping[str, str]) -> object:
        """Two moments for each tensor."""
        return {
            name: {"m": torch.zeros_like(p), "v": torch.zeros_like(p)} for name, p in params.items()
        }

    @staticmethod
    def update(grads: Params, state: dict, params: Params, ctx: Context) -> tuple[Params, object]:
        """Adam without its corrections."""
        updates, new_state = {}, {}
        for name, grad in grads.items():
            m = 0.9 * state[name]["m"] + 0.1 * grad
            v = 0.9 * state[name]["v"] + 0.1 * grad.square()
            unit = m / (m.norm() + m.abs().mean() + 1e-8)
            turned = unit @ unit.mT @ unit if unit.ndim == 2 else unit.sign()
            updates[name] = -1e-3 * torch.where(m > 0, m / (v.sqrt() + 1e-8), turned)
            new_state[name] = {"m": m, "v": v}
        return updates, new_state


def warm() -> None:
    """Build the example pools and run every kernel of the development workloads once."""
    for name in WARM:
        train(Plain, replace(workload(name), steps=2), [1, 2])
    probe(Plain, 1)


def run(request: bytes, workspace: str) -> bytes:
    """Train every workload asked for, or probe; the reply is raw parameters."""
    asked = json.loads(request)
    module = load(workspace, "optimizer.py", required=("init", "update"))
    if "probe" in asked:
        return probe(module, asked["probe"])
    seeds = asked["seeds"]
    finals = [train(module, workload(name), pair(seeds)) for name in asked["workloads"]]
    return b"".join(pack(params, len(seeds)) for params in finals)
