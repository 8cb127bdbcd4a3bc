"""Run a program that a search has found: one function, called once a step, that keeps a state.

Nothing it does wrong is raised: the trusted side gets a remark in place of an answer, and goes on
with the next program.
"""

import ast
import builtins
import signal
import struct
from collections.abc import Callable

import torch
from shared import tensor
from torch import Tensor
from vocabulary import BUILTINS, MODULES, VALUES

STEP_SECONDS = 1.0  # of CPU time, for one step of a program
SHAPE = struct.Struct("<dII")  # progress, rows and columns
# All else may lead on to the rest of Python: to a clock, to random numbers of the system, to what
# other programs left. Programs of one hour could share their luck there.
NAMES = VALUES.union(*(path.split(".") for path in MODULES))
OWN = {name: getattr(builtins, name) for name in (*BUILTINS, "__import__")}
programs: list["Stepper"] = []


class Refused(Exception):
    """The program broke its interface; the message names how."""


class TooSlow(BaseException):
    """A call has used up its CPU time; not an Exception, so that nobody catches it by chance."""


def limited(seconds: float, function: Callable, *arguments: object) -> object:
    """Call a function; raises TooSlow in it after so many seconds of CPU time."""
    signal.signal(signal.SIGVTALRM, _stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 0.1)  # again, should it go on all the same
    try:
        return function(*arguments)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _stop(number: int, frame: object) -> None:
    raise TooSlow


def read(text: str) -> ast.Module:
    """The syntax of a program; raises Refused where it takes more than torch, math and Python."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            _imported(node)
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            raise Refused(f"may not assign to .{node.attr}")
        for name in _taken(node):
            if name.removesuffix("_") not in NAMES:
                raise Refused(f"may not use {name}: it is not on the list of what programs may use")
    return tree


def _imported(node: ast.Import | ast.ImportFrom) -> None:
    """Raise Refused unless a statement imports from torch or math."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    else:
        names = [node.module or "" if not node.level else ""]
    for name in names:
        if name not in MODULES:
            raise Refused(f"may import {', '.join(MODULES)} only, not {name or 'a file'}")


def _taken(node: ast.AST) -> list[str]:
    """The names by which a piece of syntax takes something from elsewhere."""
    if isinstance(node, ast.ImportFrom):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.MatchClass):
        return node.kwd_attrs
    hidden = isinstance(node, ast.Name) and node.id.startswith("__")
    return [node.id] if hidden else []


class Stepper:
    """One function of a source text, and its state."""

    def __init__(self, text: str, function: str) -> None:
        """Execute `text`; raises Refused where it may not or cannot be, or lacks the function."""
        space: dict[str, object] = {"__name__": "rule", "__builtins__": OWN}
        torch.default_generator.manual_seed(0)
        try:
            limited(STEP_SECONDS, lambda: exec(compile(read(text), "rule.py", "exec"), space))
        except TooSlow:
            raise Refused("takes too long to load") from None
        except Refused:
            raise
        except Exception as error:
            raise Refused(f"does not run: {type(error).__name__}: {error}") from error
        self.function, self.name, self.state = space.get(function), function, {}
        if not callable(self.function):
            raise Refused(f"must define a function {function}()")

    def step(self, x: Tensor, progress: float) -> Tensor:
        """What the function makes of `x` `[B, D]`, in the same shape; raises Refused."""
        try:
            found = limited(STEP_SECONDS, self.function, x.clone(), self.state, progress)
        except TooSlow:
            raise Refused(f"{self.name}() takes longer than {STEP_SECONDS:g} s") from None
        except Exception as error:
            raise Refused(f"{self.name}() raised {type(error).__name__}: {error}") from error
        if not isinstance(found, tuple) or len(found) != 2:
            raise Refused(f"{self.name}() must return a tuple of two: a tensor and the state")
        value, self.state = found
        if not isinstance(value, Tensor) or value.shape != x.shape or value.dtype != x.dtype:
            raise Refused(f"{self.name}() must return a {x.dtype} of shape {list(x.shape)}")
        return value


@torch.no_grad()
def answer(message: bytes, memory: memoryview) -> bytes:
    """Serve the trusted side: load a program, or take a step of it. A remark says what failed."""
    try:
        if message[:1] == b"r":
            function, _, text = message[1:].decode().partition("\n")
            programs[:] = [Stepper(text, function)]
        else:
            progress, *shape = SHAPE.unpack(message[1:])
            shared = tensor(memory, 0, shape)
            shared.copy_(programs[0].step(shared, progress))
    except Refused as refused:
        return str(refused).encode(errors="replace")[:500] or b"failed"
    return b""


class Remote:
    """The trusted side's view of a program that a guest runs."""

    def __init__(self, guest, text: str, function: str) -> None:
        """Have `guest` load it; raises Refused with the guest's remark."""
        self._guest = guest
        self._ask(b"r" + f"{function}\n{text}".encode(errors="replace"))

    def __call__(self, x: Tensor, progress: float) -> Tensor:
        """One step, as `Stepper.step`."""
        shared = tensor(self._guest.memory, 0, x.shape)
        shared.copy_(x)
        self._ask(b"s" + SHAPE.pack(progress, *x.shape))
        return shared.clone()

    def _ask(self, message: bytes) -> None:
        if remark := self._guest.ask(message):
            raise Refused(remark[:500].decode(errors="replace"))
