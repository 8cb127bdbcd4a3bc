"""The candidate's side: load its files as Python would, and call its functions.

Everything wrong with a candidate is a `CandidateError`, whose message is the last line of the log.
"""

import contextlib
import importlib
import importlib.util
import io
import json
import os
import re
import runpy
import sys
import traceback
from types import ModuleType

from kit_settings import ENTRY, FILES, MODULES, THREADS


class CandidateError(Exception):
    """The candidate broke the task's interface, or raised an error; the message names which."""


def warm(training: bool = False) -> None:
    """Import what programs of this task import, once for all jobs.

    For `training` also what the first step of an optimizer of torch imports, which takes seconds.
    """
    names = [*MODULES, *(["torch._dynamo"] if training and "torch" in MODULES else [])]
    names += ["numpy.random"] if MODULES else []  # torch brings numpy, and not this
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def seed(number: int) -> None:
    """Set every random state that a program usually draws from."""
    if random := sys.modules.get("random"):
        random.seed(number)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(number % 2**32)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(number)
        torch.set_num_threads(THREADS)


def load(number: int) -> ModuleType:
    """The candidate's module, as if none was loaded before; its random numbers follow `number`."""
    warm()
    import random  # noqa: F401  seeded below, whoever imports it first

    folder = os.getcwd()
    sys.path[:] = [folder, *(path for path in sys.path if path != folder)]
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)
    importlib.invalidate_caches()
    seed(number)
    module = call(ENTRY, importlib.import_module, ENTRY.removesuffix(".py"))
    seed(number)  # also of what only the candidate has imported
    return module


def function(module: ModuleType, name: str):
    """One function of the candidate's; raises CandidateError if it has none of that name."""
    if not callable(value := getattr(module, name, None)):
        raise CandidateError(f"{ENTRY} must define a function {name}()")
    return value


def call(what: str, function, *arguments):
    """Call the candidate's code; what it raises becomes a CandidateError with its line."""
    try:
        return function(*arguments)
    except (CandidateError, MemoryError):
        raise
    except Exception as error:
        if "memory" in str(error):
            raise  # the box tells an allocation that failed from other faults by its text
        why = f"{what} raised {type(error).__name__}: {error}{_at(error)}"
        raise CandidateError(why) from error


def _at(error: Exception) -> str:
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _own(frame.filename)]
    return f" ({os.path.basename(own[-1].filename)}, line {own[-1].lineno})" if own else ""


def _own(path: str) -> bool:
    return os.path.basename(path) in FILES


def report(number: int, arguments: list[str], environment: dict[str, str]) -> str:
    """Run the candidate as a script; returns what it printed."""
    warm()
    import random  # noqa: F401

    seed(number)
    sys.path[:] = [os.getcwd(), *sys.path]
    sys.argv = [ENTRY, *arguments]
    os.environ.update(environment)
    printed = _Tee()
    with contextlib.redirect_stdout(printed):
        try:
            call(ENTRY, lambda: runpy.run_path(ENTRY, run_name="__main__"))
        except SystemExit as error:
            if error.code not in (None, 0):
                raise CandidateError(f"{ENTRY} left with exit code {error.code}") from None
    return printed.getvalue()


class _Tee(io.StringIO):
    """Keeps what is printed, and prints it."""

    def write(self, text: str) -> int:
        sys.__stdout__.write(text)
        return super().write(text)


def number_in(printed: str, read: str, match: str) -> float:
    """The number that a script printed or saved; raises CandidateError if there is none."""
    if match:
        matches = re.findall(match, printed, re.MULTILINE)
        if not matches:
            raise CandidateError(f"{ENTRY} printed nothing that matches {match!r}")
        value = matches[-1]
        where = f"the output of {ENTRY}"
    else:
        name, _, path = read.partition(":")
        value, where = _saved(name, path), read
    try:
        return float(value)
    except (TypeError, ValueError):
        raise CandidateError(f"{where} holds {str(value)[:60]!r}, which is no number") from None


def _saved(name: str, path: str) -> object:
    try:
        with open(name, encoding="utf-8") as file:
            value = json.load(file)
    except OSError:
        raise CandidateError(f"{ENTRY} wrote no file {name}") from None
    except ValueError:
        raise CandidateError(f"{name} is no JSON") from None
    for key in filter(None, path.split(".")):
        if not isinstance(value, dict) or key not in value:
            raise CandidateError(f"{name} has no key {key}")
        value = value[key]
    return value
