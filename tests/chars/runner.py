"""Run many small programs, each in a fork of one process that has loaded torch.

Reads a JSON list of sources from standard input, and writes a list with "ok" or the fault of each.
A program that defines `train` and `predict` is asked for both; any other has to leave a finite
`val_loss`, printed or in metrics.json.
"""

import contextlib
import io
import json
import math
import os
import pickle
import re
import signal
import sys
import tempfile
from pathlib import Path

import torch
import torch.utils.data

SECONDS = 20


def asked(space):
    """Train and predict, as a task of the sealed level does."""
    generator = torch.Generator().manual_seed(3)
    text = torch.randint(8, (200,), generator=generator)
    weights = space["train"]({"text": text})
    weights = {name: value.clone() for name, value in weights.items()}
    logits = space["predict"](weights, {"x": text[:64].view(4, 16)})["logits"]
    assert logits.shape == (4, 16, 16), f"logits of shape {tuple(logits.shape)}"
    assert logits.isfinite().all(), "logits that are not finite"


def run(source):
    """Run one program; raises what it raises, and AssertionError for a wrong reply."""
    space = {"__name__": "__main__", "__file__": "train.py"}
    printed = io.StringIO()
    sys.argv = ["train.py"]
    sys.modules["__main__"].__dict__.update(space)
    with contextlib.redirect_stdout(printed):
        exec(compile(source, "train.py", "exec"), space)
        if "predict" in space:
            return asked(space)
    text = printed.getvalue()
    if Path("metrics.json").exists():
        text = Path("metrics.json").read_text()
    match = re.search(r'val_loss"?: ([-\w.]+)', text)
    assert match, "no val_loss"
    assert math.isfinite(float(match[1])), "a val_loss that is not finite"
    return None


def forked(source):
    """The word for one program, run in a fork."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with tempfile.TemporaryDirectory() as folder, os.fdopen(writing, "wb") as pipe:
            os.chdir(folder)
            signal.alarm(SECONDS)
            torch.set_num_threads(1)
            try:
                run(source)
                word = "ok"
            except BaseException as error:
                word = f"{type(error).__name__}: {error}"
            pickle.dump(word, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(data) if data else "died"


def warm():
    """Load what a first step of an optimizer loads; no backward, whose threads a fork loses."""
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.zeros(2)
    torch.optim.AdamW([weight]).step()


if __name__ == "__main__":
    torch.set_num_threads(1)
    warm()
    json.dump([forked(source) for source in json.load(sys.stdin)], sys.stdout)
