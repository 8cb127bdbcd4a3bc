"""Programs that cheat on a task of one's own: none scores better than the honest one.

The audit is left out, as in the corpus of `ratchet doctor --attack`. The truth is a line of slope
2, which the honest program learns with an error. A program that gets at anything answers by it.
"""

from pathlib import Path

import pytest
from stand_ins.own_task import METRIC, SCORE, TRAIN

from ratchet.evals import Candidate, Seed, Trial, measure
from ratchet.sandbox import Sandbox
from ratchet.tasks import Task, load

LIMITED = METRIC + "run = { seconds = 3, memory_mb = 256 }"
SEED = Seed(train=7, sealed=2**62 + 7)
ANSWERED = """
import random


def score(call, seed):
    xs = [random.Random(seed + n).gauss(0, 1) for n in range(5)]
    ys = [call("guess", x) for x in xs]
    return sum((y - 2 * x) ** 2 for x, y in zip(xs, ys, strict=True))
"""
GUESS = "def guess(x):\n    return 1.5 * x\n"
EVERYWHERE = """
def hidden(words):
    import gc, sys
    for frame in sys._current_frames().values():
        while frame:
            if words & {*frame.f_locals, *frame.f_globals}:
                return True
            frame = frame.f_back
    return any(isinstance(o, dict) and words & {k for k in o if isinstance(k, str)}
               for o in gc.get_objects() if o is not globals())
"""
MEMORY = """
def memory():
    import sys
    frame = sys._getframe()
    while frame:
        if isinstance(frame.f_locals.get("memory"), memoryview):
            return frame.f_locals["memory"]
        frame = frame.f_back
"""
FORGED = """
def forge():
    import json, os, struct
    head = json.dumps({"l": [{"l": []}]}).encode()
    body = struct.pack(">I", len(head)) + head
    for fd in range(3, 64):
        for number in range(1, 9):
            try:
                os.write(fd, struct.pack(">II", number, len(body)) + body)
            except OSError:
                break
"""
KILL = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
PACK = "import kit_wire; kit_wire.pack = lambda value: "

# What is put before the line that trains, before the one that predicts, and at the top.
EXPLOITS: dict[str, tuple[str, str, str]] = {
    "a pickle for weights": (
        "return type('P', (), {'__reduce__': lambda self: (print, ('owned',))})()", "", ""),
    "a pickle in place of the packed weights": (
        "import pickle; " + PACK + "pickle.dumps({'slope': 2.0})", "", ""),
    "a pickle in place of a prediction": ("", "import pickle; " + PACK + "pickle.dumps([0.0])", ""),
    "a number that equals everything": (
        "", "return [type('N', (float,), {'__sub__': lambda s, o: 0.0})(1) for x in inputs]", ""),
    "a list that is another one each time": (
        "", "return type('L', (list,), {'__iter__': lambda s: iter([0.0])})(inputs)", ""),
    "a dict that lies": ("", "return type('D', (dict,), {'items': lambda s: 1 / 0})(a=1)", ""),
    "an array of objects": ("", "import numpy; return numpy.array([print] * 5)", ""),
    "an array that subtracts to nothing": (
        "", "import numpy; return numpy.zeros(5).view(type('A', (numpy.ndarray,), "
        "{'__sub__': lambda s, o: 0 * s}))", ""),
    "a head that names another module": (
        "", PACK + "b'\\0\\0\\0\\x18' + b'{\"a\":[\"os\",\"system\",[]]}'", ""),
    "an array that is larger than it says": (
        "", PACK + "b'\\0\\0\\0\\x23' + b'{\"a\":[\"numpy\",\"float64\",[9999999]]}'", ""),
    "an endless list": ("", "return [0.0] * 50_000_000", ""),
    "a huge answer": ("", "return 'x' * (200 << 20)", ""),
    "an answer nested without end": (
        "", "x = []\n    for _ in range(9999):\n        x = [x]\n    return x", ""),
    "an answer that holds itself": ("", "x = []; x.append(x); return x", ""),
    "no numbers at all": ("", "return [None] * 5", ""),
    "numbers that are none": ("", "return [float('nan')] * 5", ""),
    "endless numbers": ("", "return [float('-inf')] * 5", ""),
    "whole numbers without end": ("", "return [-(10 ** 5000)] * 5", ""),
    "fewer answers than questions": ("", "return []", ""),
    "words in place of numbers": ("", "return ['\\x1b[31m0'] * 5", ""),
    "a forged frame while training": ("forge()", "", FORGED),
    "a forged frame while predicting": ("", "forge()", FORGED),
    "an exit that looks like success": ("", "import os; os._exit(0)", ""),
    "the end of its parent": (KILL, KILL, ""),
    "a prediction that never ends": ("", "while True: pass", ""),
    "memory without end": ("", "x = [b'x' * (1 << 20) for _ in range(4000)]", ""),
    "the scorer's module": ("", "import score; weights = {'slope': 2.0}", ""),
    "the scorer's seeds": (
        "", "weights = {'slope': 2.0} if hidden({'sealed', 'asked'}) else weights", EVERYWHERE),
    "the trainer's seeds": (
        "line = Line()\n    line.slope = 2.0\n    if hidden({'seeds', 'probe'}): "
        "return {'slope': 2.0}", "", EVERYWHERE),
    "the secret that draws data": ("", "from data_key import DATA; weights = {'slope': 2.0}", ""),
    "a file left for its predictor": (
        "open('found', 'w').write('2.0')",
        "import os; weights = {'slope': 2.0} if os.path.exists('found') else weights", ""),
    "another program for its predictor": (
        "open('train.py', 'w').write('def predict(w, i): return [2 * x for x in i]')", "", ""),
    "a word in the shared memory": (
        "memory()[:4] = b'mine'",
        "weights = {'slope': 2.0} if bytes(memory()[:4]) == b'mine' else weights", MEMORY),
    "an answer written into the shared memory": ("", "memory()[:] = bytes(len(memory()))", MEMORY),
    "a thread that goes on": (
        "import threading, time; threading.Thread(target=time.sleep, args=(99,)).start()", "", ""),
    "what it prints": ("print('{\"scores\": {\"own\": [0.0]}}')", "print('{\"scores\": {}}')", ""),
    "the smoke test told from a trial": (
        "import random; state = random.random()", "import random; state = random.random()", ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return task(tmp_path_factory.mktemp("sealed"), SCORE, TRAIN)


@pytest.fixture(scope="module")
def honest(own: Task, isolated_sandbox: Sandbox) -> float:
    score = scored(isolated_sandbox, own, TRAIN).score
    assert score is not None
    assert score > 0
    return score


def task(folder: Path, score: str, train: str) -> Task:
    for name, text in (("task.toml", LIMITED), ("train.py", train), ("score.py", score)):
        (folder / name).write_text(text)
    return load(str(folder))


def scored(sandbox: Sandbox, task: Task, text: str) -> Trial:
    candidate = Candidate(files={"train.py": text}, idea="", proposer="test")
    (trial,) = measure(candidate, task, sandbox, [SEED])
    return trial


@pytest.mark.parametrize("name", EXPLOITS)
def test_a_cheat_gains_nothing(
    own: Task, honest: float, isolated_sandbox: Sandbox, name: str
) -> None:
    train, predict, top = EXPLOITS[name]
    text = TRAIN.replace("    line = Line()\n", f"    {train or 'pass'}\n    line = Line()\n")
    text = text.replace("    return [weights", f"    {predict or 'pass'}\n    return [weights")
    trial = scored(isolated_sandbox, own, text + top)
    assert trial.score is None or trial.score >= honest, trial
    assert scored(isolated_sandbox, own, TRAIN).score == honest


ANSWERS = {
    "a pickle": "import pickle, kit_wire; kit_wire.pack = lambda v: pickle.dumps(v); return 0",
    "a number that equals everything": (
        "return type('N', (float,), {'__sub__': lambda s, o: 0.0})(1)"),
    "a function": "return guess",
    "a generator": "yield 2 * x",
    "a huge answer": "return 'x' * (200 << 20)",
    "text for a number": "return '0'",
    "nothing": "return None",
    "the scorer's module": "import score; return 2 * x",
    "the end of the process": "import os; os._exit(0)",
    "a forged frame": FORGED.replace("\n", "\n    ") + "\n    forge(); return 1.5 * x",
    "another answer each time": "seen.append(x); return 1.5 * x + len(seen)",
    "an answer by who asks": "import sys; return (1.5 if 'score' not in sys.modules else 2) * x",
}  # fmt: skip


def test_an_answer_that_cheats_gains_nothing(tmp_path: Path, isolated_sandbox: Sandbox) -> None:
    answered = task(tmp_path, ANSWERED, GUESS)
    assert answered.level == "answered"
    honest = scored(isolated_sandbox, answered, GUESS).score
    assert honest is not None
    for name, body in ANSWERS.items():
        trial = scored(isolated_sandbox, answered, f"seen = []\n\ndef guess(x):\n    {body}\n")
        assert trial.score is None or trial.score >= honest, name
    assert scored(isolated_sandbox, answered, GUESS).score == honest
