"""Load the candidate's module from the working directory and refuse it with one clear sentence.

Everything wrong with a candidate is a `CandidateError`: the box reports it as the candidate's
fault, with this message as the last line of the log.
"""

import importlib.util
import os
import sys
from types import ModuleType


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
    try:
        spec.loader.exec_module(module)
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
