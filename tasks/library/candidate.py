"""Load the candidate's module from the working directory and refuse it with one clear sentence.

Everything wrong with a candidate is a `CandidateError`: the box reports it as the candidate's
fault, with this message as the last line of the log. One that takes long to get ready, by its CPU
time, is ended at once: loading is no time to train.
"""

import importlib.util
import os
import signal
import sys
import time
from types import ModuleType

from allowance import SETUP_SECONDS

used: list[float] = [0.0]  # CPU seconds that the run at hand has taken to get ready


class CandidateError(Exception):
    """The candidate broke the task's interface; the message names how."""


def load(filename: str, required: tuple[str, ...]) -> ModuleType:
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
    used[0] = 0.0
    try:
        setup(spec.loader.exec_module, module)
    except Exception as error:
        raise CandidateError(
            f"{filename} does not import: {type(error).__name__}: {error}"
        ) from error
    for function in required:
        if not callable(getattr(module, function, None)):
            raise CandidateError(f"{filename} must define a function {function}()")
    return module


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
    """Call what gets the candidate ready for a run, within what is left of SETUP_SECONDS.

    All calls since the last `load` are counted together, by the CPU time of the process. What
    takes longer ends the process: the candidate can catch no exception for it. While a library's
    code runs Python is not asked, so time is also taken afterwards.
    """
    began = time.process_time()
    before = signal.signal(signal.SIGPROF, _end)
    signal.setitimer(signal.ITIMER_PROF, max(SETUP_SECONDS - used[0], 1e-6))
    try:
        return function(*arguments)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        used[0] += time.process_time() - began
        if used[0] > SETUP_SECONDS:
            _end(0, None)


def _end(number: int, frame: object) -> None:
    taken = "" if number else f" ({used[0]:.1f} s)"
    sys.stdout.flush()
    reason = f"the candidate takes more than {SETUP_SECONDS:g} s of CPU time{taken} to get ready"
    os.write(2, f"{reason}: do the work of a run in its steps\n".encode())
    os._exit(1)
