"""Hold the candidate's update rule, and answer the trainer, which has the data and the gradients.

The trainer asks with a line of JSON: first for the state of a new run, then for the updates of each
step, at last for the parameters to evaluate. Tensors lie in shared memory. Seeds are stacked; the
candidate's functions see one seed and run under `torch.func.vmap`, or one seed at a time where vmap
cannot follow them, each seed with a module of its own. So a seed's result does not depend on the
seeds beside it. This process never learns the seeds, the data or the loss.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType, ModuleType

import torch
from candidate import CandidateError, attempt, load, setup, still
from lanes import Lanes
from plain import stack as stacked
from shared import add, copy, tensors
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

STATE_LIMIT = 4  # times the parameters' memory
STATE_SLACK = 4096  # bytes per seed, for counters and other scalars
WARM_SHAPES = {"w": (2, 64, 32), "b": (2, 32), "e": (2, 24, 16), "h": (2, 32, 10)}

Params = dict[str, Tensor]
Make = Callable[[], ModuleType | type]


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
        self, make: Make, kinds: Mapping[str, str], seeds: int, total: int, lanes: Lanes
    ) -> None:
        """Bind the candidate to a run of `total` steps, for so many seeds at once.

        `make` loads its module: once for all seeds, or once for each. `lanes` has values of its
        constants for each of the seeds, if these differ.
        """
        self.make, self.modules = make, [make()]
        self.kinds = MappingProxyType(dict(kinds))
        self.seeds, self.total = seeds, total
        self.path, self.lanes = "vmap", lanes

    def context(self, step: int) -> Context:
        """The context of one step."""
        return Context(step, self.total, step / self.total, self.kinds)

    def init(self, params: Params) -> object:
        """The state before the first step."""
        state = self._call("init", lambda m, p: m.init(p, dict(self.kinds)), -1, params)
        self._check_state(state, params)
        return state

    def update(
        self, grads: Params, state: object, params: Params, ctx: Context
    ) -> tuple[Params, object]:
        """What to add to the parameters, and the next state."""
        result = self._call(
            "update",
            lambda m, g, s, p: m.update(g, s, p, ctx),
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
        if not hasattr(self.modules[0], "readout"):
            return params
        found = self._call("readout", lambda m, p, s: m.readout(p, s, ctx), ctx.step, params, state)
        check_tree("readout", found, params)
        return {name: found[name] for name in params}  # in our order, whatever the candidate's

    def _call(self, what: str, function: Callable, step: int, *trees: object) -> object:
        """Call under vmap; from the first step that vmap cannot follow, one seed at a time.

        What makes the first state is to take no longer than getting ready may.
        """
        bounded = setup if what == "init" else call
        if self.path == "vmap":
            still(step)
            try:
                mapped = partial(self.lanes.map, function, self.modules[0])
                return bounded(stacked, mapped, *copies(trees))
            except MemoryError:
                raise
            except Exception as error:
                reason = str(error).strip().partition("\n")[0][:200]
                if self.lanes.constants:
                    raise CandidateError(f"its constants cannot be stacked: {reason}") from error
                self.path = "loop"
                said = f"path=loop: vmap could not run {what}: {type(error).__name__}: {reason}"
                print(said, file=sys.stderr)
                # Nothing that all seeds have been through together may reach the calls of one.
                self.modules = [self.make() for _ in range(self.seeds)]
        results = []
        for i, module in enumerate(self.modules):
            still(step)  # no seed may shift the random numbers that another one draws
            own = tree_map(lambda t, i=i: t[i].clone(), trees)
            results.append(attempt(what, bounded, function, module, *own))
        return stack(what, results)

    def _check_state(self, state: object, params: Params) -> None:
        leaves, _ = tree_flatten(state)
        held = sum(leaf.numel() * leaf.element_size() for leaf in leaves)
        allowed = STATE_LIMIT * sum(p.numel() * p.element_size() for p in params.values())
        if held > allowed + STATE_SLACK * self.seeds:
            raise CandidateError(
                f"the state takes {held} bytes: more than {STATE_LIMIT} times the parameters"
            )


def call(function: Callable, *arguments: object) -> object:
    """Call without a bound."""
    return function(*arguments)


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


class Run:
    """One training run as the candidate lives through it."""

    def __init__(self, make: Make, asked: dict, memory: memoryview) -> None:
        """Copy the first parameters out of shared memory and make the first state."""
        shapes = {name: (asked["seeds"], *shape) for name, shape in asked["shapes"].items()}
        self.inward, self.outward = (tensors(memory, place, shapes) for place in (0, 1))
        lanes = Lanes(asked.get("constants", {}))
        self.rule = Rule(make, asked["kinds"], asked["seeds"], asked["total"], lanes)
        self.params = copies(self.inward)
        self.state = self.rule.init(self.params)

    def step(self, number: int) -> None:
        """From gradients to updates."""
        context = self.rule.context(number)
        updates, self.state = self.rule.update(self.inward, self.state, self.params, context)
        self.params = add(self.params, updates)
        copy(self.outward, updates)

    def finish(self) -> None:
        """The parameters to evaluate."""
        context = self.rule.context(self.rule.total)
        copy(self.outward, self.rule.readout(self.params, self.state, context))


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


runs: list[Run] = []


def candidates() -> ModuleType:
    """The candidate's module, loaded anew: nothing is in it but what its own text puts there."""
    return load("optimizer.py", ("init", "update"), stacks=True)


@torch.no_grad()
def answer(message: bytes, memory: memoryview) -> bytes:
    """Start a run, take a step of it, or finish it."""
    asked = json.loads(message)
    if "shapes" in asked:
        runs[:] = [Run(candidates, asked, memory)]
    elif "step" in asked:
        runs[0].step(asked["step"])
    else:
        runs[0].finish()
    return b""


@torch.no_grad()
def warm() -> None:
    """Run every kernel that most rules use once."""
    shapes = {name: list(shape[1:]) for name, shape in WARM_SHAPES.items()}
    asked = {"shapes": shapes, "kinds": dict.fromkeys(shapes, "matrix"), "seeds": 2, "total": 2}
    run = Run(lambda: Plain, asked, memoryview(bytearray(1 << 20)))
    run.step(0)
    run.step(1)
    run.finish()
