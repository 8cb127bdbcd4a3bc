"""The trusted side: call the user's score.py, and let it ask the candidate.

Only trusted processes can import this. What is wrong with score.py, or with what a candidate hands
it, is a sentence.
"""

import contextlib
import hashlib
import importlib
import json
import math
import os
import random
import sys
import traceback

import kit_wire as wire
from kit_settings import MODULES

NUMBERS = (int, float)


class Broken(Exception):
    """The user's score.py cannot be used; the message says why."""


class Invalid(Exception):
    """What a candidate answers cannot be scored; the message says why."""


def warm() -> None:
    """Import what score.py imports, once for all jobs; what fails is said when it is needed."""
    for name in (*MODULES, *(["numpy.random"] if MODULES else []), "score"):
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def say_memory(guest) -> None:
    """Print how much memory the candidate took, for whoever looks at the log of a smoke test."""
    print(f"peak memory {int(guest.ask(b'memory' + bytes([10])))} MB", flush=True)


def luck(seed: int, purpose: str) -> int:
    """The number that the candidate's own random numbers follow; nothing leads back to `seed`."""
    return int.from_bytes(hashlib.sha256(f"{purpose} {seed}".encode()).digest()[:8], "big") >> 1


def begin(guest, seed: int, purpose: str) -> None:
    """Have the guest load the candidate."""
    guest.ask(b"begin\n%d" % luck(seed, purpose))


class Asker:
    """Puts questions to the candidate for score.py. What the box raises meanwhile is kept."""

    def __init__(self, guest) -> None:
        """Ask this guest, to which the candidate was loaded."""
        self._guest, self.failure, self.answers = guest, None, hashlib.sha256()

    def predict(self, inputs: object) -> object:
        """The candidate's `predict(weights, inputs)`; tensors stay tensors, arrays arrays."""
        return self._asked("predict", inputs)

    def call(self, name: str, *values: object) -> object:
        """What the candidate's function `name` returns for these values."""
        return self._asked("ask", [str(name), list(values)])

    def _asked(self, word: str, values: object) -> object:
        message = word.encode() + b"\n" + wire.pack(values)
        try:
            answer = self._guest.ask(message)
            self.answers.update(answer)
            return wire.unpack(answer)
        except wire.Malformed as error:
            self.failure = Invalid(f"the candidate answered no values: {error}")
        except Exception as error:
            self.failure = error  # the box knows what it means, whatever score.py makes of it
        raise self.failure


def function(name: str):
    """A function of score.py; raises Broken if it has none."""
    if not has(name):
        raise Broken(f"score.py must define a function {name}()")
    return getattr(sys.modules["score"], name)


def has(name: str) -> bool:
    """Whether score.py has a function; raises Broken if it cannot be imported."""
    try:
        module = importlib.import_module("score")
    except Exception as error:
        raise Broken(f"score.py does not import: it {_said(error)}") from error
    return callable(getattr(module, name, None))


def training(seed: int, tiny: bool = False) -> bytes:
    """The packed data that the candidate learns from; raises Broken.

    It is what `tiny(seed)` of score.py makes where `tiny` data will do, and there is that function.
    """
    name = "tiny" if tiny and has("tiny") else "training"
    make = function(name)
    still(seed)
    try:
        return wire.pack(make(seed))
    except Exception as error:
        raise Broken(f"{name}() of score.py {_said(error)}") from error


def scores(ask, asker: Asker, seed: int, workloads: list[str]) -> dict[str, float | None]:
    """What score.py says, by workload; None where that is no finite number.

    Raises Invalid, and what the box raised while the candidate was asked.
    """
    score = function("score")
    still(seed)
    try:
        value = score(ask, seed)
    except Exception as error:
        if asker.failure is not None:
            raise asker.failure from error
        raise Invalid(f"score() of score.py {_said(error)}") from error
    if asker.failure is not None:
        raise asker.failure
    return _by_workload(value, workloads)


def _by_workload(value: object, workloads: list[str]) -> dict[str, float | None]:
    if not isinstance(value, dict):
        if len(workloads) > 1:
            raise Broken("score() of score.py must return a dict of a number for each workload")
        value = {workloads[0]: value}
    if lacking := [name for name in workloads if name not in value]:
        raise Broken(f"score() of score.py returned no number for the workload {lacking[0]}")
    return {name: _number(value[name]) for name in workloads}


def _number(value: object) -> float | None:
    """A finite number, of whatever library, or None for one that is not finite."""
    if hasattr(value, "item") and getattr(value, "shape", None) in ((), (1,)):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, NUMBERS):
        raise Broken(f"score() of score.py returned a {type(value).__name__}, not a number")
    return float(value) if math.isfinite(value) else None


def graded(request: bytes, score) -> bytes:
    """The grader's reply: `score(artefact, sealed seed, workloads)` for every seed in its turn."""
    line, _, artefact = request.partition(b"\n")
    asked = json.loads(line)
    rows = {name: [] for name in asked["workloads"]}
    try:
        for part, sealed in zip(parts(artefact), asked["sealed"], strict=True):
            for name, value in score(part, sealed, asked["workloads"]).items():
                rows[name].append(value)
    except (Invalid, Broken) as error:
        return json.dumps({"invalid": str(error)[:500]}).encode()
    return json.dumps({"scores": rows}).encode()


def whole(artefacts: list[bytes]) -> bytes:
    """One artefact of those of several seeds."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in artefacts)


def parts(artefact: bytes) -> list[bytes]:
    """The artefacts of several seeds out of one."""
    single, at = [], 0
    while at < len(artefact):
        size = int.from_bytes(artefact[at : at + 8], "big")
        single.append(artefact[at + 8 : at + 8 + size])
        at += 8 + size
    return single


def still(seed: int) -> None:
    """Let code that draws from the libraries' own random states follow the seed too."""
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed % 2**32)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


def _said(error: BaseException) -> str:
    """An error in words, with the line of the user's file in which it arose."""
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith("score.py")]
    own = [f for f in own if not os.path.basename(f.filename).startswith("kit_")]
    where = f" in line {own[-1].lineno}" if own else ""
    text = str(error)
    if "Seed must be between 0 and 2**32" in text:
        text += ": use numpy.random.default_rng(seed), which takes seeds of 63 bits"
    return f"raised {type(error).__name__}{where}: {text}"
