"""Load the candidate's module from the working directory and refuse it with one clear sentence.

Everything wrong with a candidate is a `CandidateError`: the box reports it as the candidate's
fault, with this message as the last line of the log. One that takes long to get ready, by its CPU
time, is ended at once: loading is no time to train.

A module is loaded anew for each run, and by a guest that calls seed by seed for each seed, so that
nothing in it outlives the calls of one. Random numbers are the same for every load. Where seeds are
stacked, `load(..., stacks=True)` makes a module that cannot see the stack: see `plain.py`.
"""

import ast
import importlib
import importlib.util
import os
import signal
import sys
import time
from types import ModuleType

from allowance import SETUP_SECONDS

# Modules with a random state that all of a process share, and how it is set.
SEEDS = {
    "numpy": lambda numpy, number: numpy.random.seed(number % 2**32),
    "random": lambda random, number: random.seed(number),
    "torch": lambda torch, number: torch.default_generator.manual_seed(number),
}
sources: dict[str, ModuleType] = {}  # those that the candidate imports


class CandidateError(Exception):
    """The candidate broke the task's interface; the message names how."""


def load(filename: str, required: tuple[str, ...], stacks: bool = False) -> ModuleType:
    """Import `filename` from here and check that it defines every `required` callable."""
    path = os.path.abspath(filename)
    if not os.path.isfile(path):
        raise CandidateError(f"the candidate has no file {filename}")
    name = "candidate_" + filename.removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses in the candidate look themselves up there
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(), path)
        if stacks:
            import plain

            tree = plain.guarded(tree, module)
        ready(tree)
        still()
        setup(exec, compile(tree, path, "exec"), module.__dict__)
    except Exception as error:
        raise CandidateError(
            f"{filename} does not import: {type(error).__name__}: {error}"
        ) from error
    for function in required:
        if not callable(getattr(module, function, None)):
            raise CandidateError(f"{filename} must define a function {function}()")
    return module


def ready(tree: ast.Module) -> None:
    """Note what a candidate may draw random numbers from, and import it: it seeds itself then."""
    for node in ast.walk(tree):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in {name.partition(".")[0] for name in names}.intersection(SEEDS):
            sources[name] = importlib.import_module(name)


def still(number: int = 0) -> None:
    """Set every random state that the candidate could draw from to a constant."""
    for name, source in sources.items():
        SEEDS[name](source, number)


def attempt(what: str, function, *arguments):
    """Call the candidate's `function`; whatever it raises becomes a CandidateError about `what`."""
    try:
        return function(*arguments)
    except (CandidateError, MemoryError):
        raise
    except Exception as error:
        if "memory" in str(error):
            raise  # the box tells an allocation that failed from other faults by its text
        raise CandidateError(f"{what} raised {type(error).__name__}: {error}") from error


def setup(function, *arguments):
    """Call what gets the candidate ready for a run, within SETUP_SECONDS of CPU time.

    What takes longer ends the process: the candidate can catch no exception for it. While a
    library's code runs Python is not asked, so time is also taken afterwards.
    """
    began = time.process_time()
    before = signal.signal(signal.SIGPROF, _end)
    signal.setitimer(signal.ITIMER_PROF, SETUP_SECONDS)
    try:
        return function(*arguments)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        if time.process_time() - began > SETUP_SECONDS:
            _end(0, None)


def _end(number: int, frame: object) -> None:
    sys.stdout.flush()
    reason = f"the candidate takes more than {SETUP_SECONDS:g} s of CPU time to get ready"
    os.write(2, f"{reason}: do the work of a run in its steps\n".encode())
    os._exit(1)
