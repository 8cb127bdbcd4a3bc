"""The audit: what it refuses however it is written, and that honest programs pass."""

import ast
import importlib
import types
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from random import Random

import pytest
from conftest import BOWL
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from no_effect import rewrite

from ratchet.agents.base import ProposalError
from ratchet.agents.evolver import evolve
from ratchet.evals import Candidate, audit
from ratchet.evals.audit.forbidden import FORBIDDEN_ATTRIBUTES
from ratchet.tasks import Task, load, names
from ratchet.tasks.library.vocabulary import MODULES, VALUES

FEW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

EXPRESSIONS = """
torch.inspect.currentframe()
torch.sys.modules
torch.os.system('id')
torch.\uff4f\uff53.environ
torch.builtins
torch.ctypes
torch.importlib.import_module
torch.functools.reduce
torch.serialization.io
torch.serialization.load
torch.multiprocessing
torch.func.os
torch.nn.functional.importlib
torch.nn.functional.warnings.sys
torch.utils.data
torch.hub.load
torch.jit.script
torch.load('x')
torch.save(1, 'x')
torch.from_file('x')
torch.package
torch.library.custom_op
torch.ops.aten
torch.compile
torch.cuda.Event
torch.autograd.Function
torch.profiler
torch.random.fork_rng()
torch.seed()
torch.manual_seed(1)
torch.initial_seed()
torch.get_rng_state()
torch.set_rng_state(0)
torch.Generator()
torch.default_generator
torch.set_num_threads(8)
torch.set_num_interop_threads(8)
torch.set_default_dtype(torch.float64)
torch.set_default_device('meta')
torch.use_deterministic_algorithms(False)
torch.set_grad_enabled(False)
torch.empty(10)
torch.as_strided(1, 2, 3)
torch._C
torch.nn.Module
torch.nn
torch
(torch, 1)[0].os
(lambda t: t.os)(torch)
(t := torch).os
[torch][0]
f'{torch.os}'
f'{1:{torch.sys}}'
max(0, key=torch.os.system)
math.__loader__
math
functional.os
zeros.__globals__
(1).__class__
().__class__.__mro__
type(x)
type(x).mro()
x.mro
object
super()
x.f_back
x.f_locals
x.f_globals
x.gi_frame
x.cr_frame
x.ag_frame
x.tb_frame
x.with_traceback(None)
(i for i in x).gi_frame
'{0.__class__}'.format(x)
'{}'.format(x)
'{x}'.format_map(x)
str.format
x.format
('__class__', 1)
getattr(x, 'a')
setattr(x, 'a', 1)
delattr(x, 'a')
hasattr(x, 'a')
vars()
vars(x)
dir(x)
globals()
locals()
eval('1')
exec('1')
compile('1', '', 'eval')
open('/etc/passwd')
input()
breakpoint()
help
exit()
quit
memoryview(x)
bytearray(9)
chr(95)
id(x)
__import__('os')
__builtins__
__builtins__['eval']
__name__
__file__
__loader__
__spec__
x.__dict__
x.__reduce__
x._private
x.grad_fn
x.grad_fn.next_functions
x.register_hook(print)
x.storage()
x.untyped_storage()
x.data_ptr()
x.set_(x)
x.numpy()
x.share_memory_()
x.apply_(abs)
x.random_()
x.normal_()
x.uniform_()
x.backward()
x.os
x.sys.modules
x.subprocess
x.socket
x.time
x.perf_counter
x.get_objects
sealed
sealed_seeds
validation_data
grader
guest.memory
trainer.run
x.trainer
x['sealed']
x['validation loss']
('grader.py', 1)
lambda a=torch.os: a
lambda a=open: a
{**globals()}
[open for _ in x]
x if open else x
not eval
x[open:1]
(yield open)
"""

STATEMENTS = r"""
import os
import os as math
import sys, math
import torch.multiprocessing
import torch.utils.data as data
import torch.nn as nn, os.path
import torch._dynamo
import inspect
import gc
import time
import random
import numpy
import __main__
from torch import sys
from torch import os as o
from torch import *
from torch import load
from torch import multiprocessing
from torch import _C
from torch import manual_seed
from torch import set_num_threads as f
from torch.nn import Module
from torch.nn.functional import warnings
from torch.utils import data
from torch.serialization import io
from math import *
from math import __loader__
from os import path
from . import trainer
from .grader import run
from trainer import run
from __main__ import x
t = torch
t = torch; t.os
math = 3
torch.zeros_like = abs
torch.nn.functional.relu = abs
x.data = 3
x.y += 1
del torch
del x.y
for torch in x: pass
for x.y in x: pass
with x as torch: pass
def torch(): pass
def f(torch): pass
def f(*, math=1): pass
def f(a=torch.os): pass
def f(a: torch.os): pass
def f() -> open: pass
def __getattr__(name): pass
global torch
global __builtins__
class A: pass
class A(torch.Tensor): pass
async def f(): pass
async def f(): await x
@torch.compile\ndef f(): pass
@open\ndef f(): pass
try:\n    pass\nexcept Exception as error:\n    error.__traceback__
try:\n    pass\nexcept Exception as error:\n    error.with_traceback(None)
try:\n    pass\nexcept BaseException:\n    pass
try:\n    pass\nexcept Exception as torch:\n    pass
match x:\n    case str(__class__=y):\n        pass
match x:\n    case str(f_back=y):\n        pass
match x:\n    case torch.os:\n        pass
match x:\n    case torch:\n        pass
match x:\n    case {'a': 1, **math}:\n        pass
match x:\n    case [*math]:\n        pass
raise SystemExit
raise KeyboardInterrupt
print(x, file=open)
x: torch.os = 1
x = y = torch.os
"""
BEFORE = (
    "import math\nimport torch\nimport torch.nn.functional as functional\n"
    "from torch import zeros\n\n\ndef update(x):\n"
)


def inside(code: str) -> str:
    """An honest program with these lines in a function of it."""
    lines = code.split("\\n")
    return BEFORE + "".join(f"    {line}\n" for line in lines) + "    return x\n"


def refused(source: str, task: Task | None = None) -> tuple[str, ...]:
    return audit({"a.py": source}, task).refused


@pytest.mark.parametrize("code", [*EXPRESSIONS.split("\n")[1:-1], *STATEMENTS.split("\n")[1:-1]])
def test_every_known_way_round_is_refused(code: str) -> None:
    found = refused(inside(code))
    assert found
    assert all("is not Python" not in each for each in found), "the case itself is broken"


@pytest.mark.parametrize("code", STATEMENTS.split("\n")[1:-1])
def test_it_is_refused_at_the_top_of_the_module_as_well(code: str) -> None:
    assert refused(BEFORE + "    return x\n\n\n" + code.replace("\\n", "\n") + "\n")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\r# y\rimport os\n", "invisible"),
        ("x = 1  # \u202e\n", "bidi"),
        ("x = 1\n#\u200b\n", "invisible"),
        ("x = '\x1b[2J'\n", "control"),
        ("# coding: unicode_escape\nx = 1  # \\u000aimport os\n", "encoding unicode_escape"),
        ("#\n# -*- coding: utf-7 -*-\n", "encoding utf-7"),
        ("x = 1\n" * 4000, "20000 are the most"),
        (f"x = {list(range(2000))}\n", "look like data"),
        (f"x = {'a' * 5000!r}\n", "look like data"),
        (f"x = {bytes(5000)!r}\n", "look like data"),
        ("x = (" + " ".join(["'abcdefgh'"] * 600) + ")\n", "look like data"),
        ("x = " + " + ".join(["'abcdefgh'"] * 600) + "\n", "more than 100 levels deep"),
        ("x = (\n", "is not Python"),
        ("x = \0\n", "is not Python"),
        ("x = " + "-" * 9000 + "1\n", "more than 100 levels deep"),
        ("import math\nfrom torch import nn as math\n", "calls both"),
    ],
)
def test_what_hides_in_the_text_is_refused(source: str, said: str) -> None:
    found = refused(source)
    assert any(said in each for each in found), found


HONEST = """
\"\"\"The trainer's sealed validation data may be spoken of here: nothing reads it.\"\"\"
from __future__ import annotations

import math as m

import torch
import torch.nn.functional as F
from torch import linalg, zeros_like
from torch.func import vmap

BETA = 0.9
SHAPES: dict[str, float] = dict(matrix=0.1)


def half(x: torch.Tensor, /, *rest: float, scale: float = m.pi) -> torch.Tensor:
    "Halve."
    with torch.no_grad():
        y = F.gelu(x) + torch.nn.functional.relu(x) + linalg.norm(x) + torch.linalg.det(x @ x.mT)
    y = torch.where(x > 0, y, zeros_like(x)).clamp(-1, 1).to(torch.float32)
    return vmap(lambda z: z.square().mean(dim=-1, keepdim=True))(y) * scale


def update(grads, state, params, ctx):
    new = {}
    for name, grad in sorted(grads.items(), key=lambda pair: pair[0]):
        old = state.get(name, {"m": zeros_like(grad)})
        *_, last = grad.shape or (1,)
        if not isinstance(grad, torch.Tensor) or ctx.kinds[name] in ("matrix", "conv"):
            raise ValueError(f"no tensor but {name!r} at {ctx.progress:.2f}")
        del last
        new[name] = {**old, "m": old["m"].lerp(grad, 1 - BETA)}
        new[name]["copy"] = grad.select(0, 0).trace() if (rank := grad.ndim) > 2 else rank
    match len(new):
        case 0:
            return {}, state
        case _:
            return {n: -s["m"] * m.sqrt(2) for n, s in new.items()}, new
"""


def test_an_honest_program_is_neither_refused_nor_flagged() -> None:
    for task in [task for task in map(load, names()) if "torch" in task.manifest.audit.imports]:
        found = audit({"a.py": HONEST}, task)
        assert not found.refused
        assert not found.flags


@cache
def honest() -> list[tuple[Task, Mapping[str, str]]]:
    """The start and the baselines of every task, with what the evolver makes of them."""
    found = []
    for name in (*names(), BOWL):
        task, rng = load(name), Random(name)
        pool = [
            Candidate(files=files, idea="", proposer="")
            for files in (task.start, *task.baselines.values())
        ]
        for _ in range(120 if "motifs.toml" in task.files else 0):
            try:
                pool.append(evolve(task, rng.choice(pool), pool[:8], rng))
            except ProposalError:
                continue
        found += [(task, each.files) for each in pool]
    return found


@cache
def changeable() -> list[tuple[Task, Mapping[str, str]]]:
    """Those of them whose expressions can be exchanged: inside of f-strings they cannot."""
    return [
        (task, files)
        for task, files in honest()
        if not any(
            isinstance(node, ast.JoinedStr)
            for text in files.values()
            for node in ast.walk(ast.parse(text))
        )
    ]


def test_starts_baselines_and_everything_the_evolver_offers_pass() -> None:
    assert len(honest()) > 300
    for task, files in honest():
        assert audit(files, task).refused == ()


def test_rewrites_without_effect_pass() -> None:
    rng = Random(0)
    for task, files in honest()[::3]:
        changed = {name: rewrite(text, rng) for name, text in files.items()}
        assert audit(changed, task).refused == ()


class Replace(ast.NodeTransformer):
    """Puts `bad` in the place of the `at`-th expression."""

    def __init__(self, at: int, bad: ast.expr) -> None:
        self.left, self.bad = at, bad

    def visit(self, node: ast.AST) -> ast.AST:
        loads = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        if isinstance(node, ast.expr) and not isinstance(node, ast.Starred) and loads:
            self.left -= 1
            if self.left == -1:
                return self.bad
        return self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node


BAD = (
    "open",
    "eval('1')",
    "torch.os",
    "x.__class__",
    "getattr(x, 'y')",
    "x.f_back",
    "'{}'.format(x)",
    "(torch, 1)",
    "sealed",
    "x.numpy()",
    "lambda y=type: y",
    "torch.manual_seed(0)",
)


@FEW
@given(st.data())
def test_one_bad_expression_anywhere_is_refused(data: st.DataObject) -> None:
    task, files = data.draw(st.sampled_from(changeable()))
    text = "import torch\n" + next(iter(files.values()))
    tree = ast.parse(text)
    count = sum(isinstance(node, ast.expr) for node in ast.walk(tree))
    bad = ast.parse(data.draw(st.sampled_from(BAD)), mode="eval").body
    change = Replace(data.draw(st.integers(0, count - 1)), bad)
    changed = ast.unparse(ast.fix_missing_locations(change.visit(tree)))
    if change.left < 0:
        assert refused(changed, task), changed


@FEW
@given(st.text(max_size=300))
def test_any_text_at_all_ends_in_findings(text: str) -> None:
    for each in (*audit({"a.py": text}).refused, *audit({"a.py": text}).flags):
        assert len(each.splitlines()) == 1


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print(x)", "prints"),
        ("x = torch.randn(3)", "random numbers (randn)"),
        ("global y", "keeps state in the module (y)"),
        ("def f(a=[]): pass", "default argument"),
        ("try:\\n    pass\\nexcept:\\n    pass", "catches every exception"),
    ],
)
def test_what_a_reader_should_know_of_is_flagged_and_not_refused(code: str, said: str) -> None:
    found = audit({"a.py": inside(code)})
    assert not found.refused
    assert any(said in each for each in found.flags), found


def test_the_names_of_a_task_are_refused_in_its_candidates_alone() -> None:
    source = "def f(x):\n    return x['glyph_conv']\n"
    assert refused(source, load("optimizer"))
    assert not refused(source, load("schedule"))
    for use in ("x = y.problems\n", "x = 'problems.py'\n"):
        assert refused(use, load("optimizer"))
        assert not refused(use, load("policy_objective"))
    assert not refused("problems = 1\n", load("optimizer"))


def test_a_task_says_what_may_be_imported() -> None:
    files = load(BOWL).files
    text = files["task.toml"] + b'\n[audit]\nimports = ["math", "numpy"]\n'
    task = Task({**files, "task.toml": text})
    assert not refused("import numpy as np\nx = np.zeros(3)\n", task)
    assert refused("import numpy as np\nx = np.os\n", task)
    assert refused("import numpy.ctypeslib\n", task)
    assert refused("import torch\n", task)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_what_is_allowed_is_there_and_is_no_module(module: str) -> None:
    held = importlib.import_module(module)
    for name in MODULES[module]:
        assert not isinstance(getattr(held, name), types.ModuleType), name
        assert name not in FORBIDDEN_ATTRIBUTES


def test_what_an_unread_program_may_ask_of_a_value_leads_to_no_module() -> None:
    assert not VALUES & FORBIDDEN_ATTRIBUTES
    modules = [importlib.import_module(name) for name in MODULES]
    torch = importlib.import_module("torch")
    values = [*modules, torch.ones(2, 2), torch.no_grad(), {}, [], set(), "", 1.0, settings]
    for _ in range(2):  # what the values lead to, and what that does
        values = [reached for value in values for reached in asked(value)]
        found = [value for value in values if isinstance(value, types.ModuleType)]
        assert not [module for module in found if module not in modules]


def asked(value: object) -> Iterator[object]:
    """What a value has under the words that it may be asked for."""
    for name in VALUES:
        with suppress(AttributeError, RuntimeError):  # of tensors of another kind
            yield getattr(value, name)
