"""Hold the candidate, away from data, seeds and scores: train, predict, answer calls, or report."""

import contextlib
import hashlib
import json

import kit_program as program
import kit_wire as wire
from kit_settings import FILES

current: dict[str, object] = {}
before: list[int] = []  # bytes that were mapped before the candidate came


def answer(message, memory):
    """What the candidate makes of one question: a word, a line end, and values."""
    before[:] = before[:1] or [mapped("VmSize")]
    word, _, body = message.partition(b"\n")
    return QUESTIONS[word.decode()](body)


def begin(body):
    """Load the candidate anew."""
    current.clear()
    current["module"] = program.load(int(body))
    return b""


def text(body):
    """A digest of the candidate's files, where it is not to be run."""
    digest = hashlib.sha256()
    for name in FILES:
        with open(name, "rb") as file:
            digest.update(file.read() + b"\0")
    return digest.digest()


def train(body):
    """What `train(data)` returns."""
    return called("train", wire.unpack(body))


def keep(body):
    """Hold the weights that were handed over."""
    try:
        current["weights"] = wire.unpack(body)
    except wire.Malformed as error:
        raise program.CandidateError(f"train() handed over no values: {error}") from None
    return b""


def predict(body):
    """What `predict(weights, inputs)` returns."""
    return called("predict", current["weights"], wire.unpack(body))


def ask(body):
    """What a function of the candidate's returns."""
    name, values = wire.unpack(body)
    return called(name, *values)


def report(body):
    """The number that a script states."""
    asked = json.loads(body)
    printed = program.report(asked["seed"], asked["argv"], asked["env"])
    return wire.pack(program.number_in(printed, asked["read"], asked["match"]))


def memory(body):
    """How many megabytes the candidate had at most, as its limit counts them."""
    return b"%d" % max(0, (mapped("VmPeak") - before[0]) >> 20)


def mapped(name):
    """A size of this process in bytes, by the kernel's name; 0 where it does not say."""
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        for row in file:
            if row.startswith(name + ":"):
                return int(row.split()[1]) << 10
    return 0


def called(name, *values):
    """The packed result of one of the candidate's functions."""
    function = program.function(current["module"], name)
    value = program.call(f"{name}()", function, *values)
    try:
        return wire.pack(value)
    except MemoryError:
        raise
    except Exception as error:  # a candidate's own types may raise anything
        why = str(error) if isinstance(error, wire.Unsendable) else repr(error)
        raise program.CandidateError(f"what {name}() returns cannot be used: {why}") from None


QUESTIONS = {f.__name__: f for f in (begin, text, train, keep, predict, ask, report, memory)}
