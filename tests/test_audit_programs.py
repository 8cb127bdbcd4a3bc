"""The audit level `program`: ordinary code passes, what hides or breaks walls does not."""

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest
from conftest import BOWL
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.evals import admit, audit, audit_start
from ratchet.sandbox import Sandbox
from ratchet.search.begin import begin
from ratchet.search.order import Order, SandboxChoice
from ratchet.tasks import Task, TaskError, load, names

HERE = Path(__file__).parent
SCRIPTS = (*sorted((HERE / "scripts").glob("*.py")), HERE / "chars" / "train.py")


def task(level: str, **files: str) -> Task:
    """The smallest task, at an audit level, with some of its files exchanged."""
    own = load(BOWL).files
    text = own["task.toml"] + f'\n[audit]\nlevel = "{level}"\n'.encode()
    changed = {path.replace("__", "/") + ".py": text.encode() for path, text in files.items()}
    return Task({**own, "task.toml": text, **changed})


PROGRAM, RULE = task("program"), task("rule")


def refused(source: str, at: Task = PROGRAM) -> tuple[str, ...]:
    return audit({"a.py": source}, at).refused


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_as_people_write_it_passes_where_the_task_says_program(script: Path) -> None:
    source = script.read_text()
    assert not refused(source)
    assert len(refused(source, RULE)) > 5


HIDDEN = r"""
x = 1  # \u202e
x = 1\n#\u200b
x = "\\x65\\x78\\x65\\x63"
x = "\\u0065\\u0078"
x = b"\\x2f\\x65\\x74\\x63"
x = "\\N{LATIN SMALL LETTER E}xec"
x = chr(101)
x = bytes([101, 118, 97, 108, 40, 49, 41, 46])
x = "".join(chr(c) for c in [101, 118, 97, 108, 40, 49, 41, 46])
x = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
x = bytes.fromhex("00ff")
import base64
import codecs
from binascii import unhexlify
x = (
"""
BREAKING = r"""
import ctypes
import subprocess
import subprocess as sp
from subprocess import run
import socket
import urllib.request
import requests
import multiprocessing as mp
import pickle
import marshal
import importlib
import builtins
import __main__
import trainer
from grader import score
from . import grader
eval("1")
exec("x = 1")
e = eval
exec(open("config.py").read())
compile("1", "", "eval")
__import__("os")
import os\nos.system("id")
import os as o\no.execv("/bin/sh", [])
from os import system
from os import execv as go
from os import fork
import os\nrun = os.popen
x = [os][0].popen("id")
import sys\nsys.modules["os"]
import sys\nsys._getframe()
import sys\nsys.settrace(None)
from sys import _getframe
().__class__.__bases__[0].__subclasses__()
f.__globals__["os"]
f.__code__
getattr(f, "__globals__")
__builtins__["eval"]
x.gi_frame.f_back
import inspect\ninspect.currentframe()
import gc\ngc.get_objects()
import torch\ntorch.ops.load_library("x.so")
import torch\ntorch.utils.cpp_extension.load("x", [])
from torch.utils.cpp_extension import load_inline
match x:\n    case str(__globals__=y):\n        pass
class A:\n    def __reduce__(self):\n        return eval, ("1",)
import types\ntypes.FunctionType(c, {})
"""


def lines(listed: str) -> list[str]:
    return [line.encode().decode("unicode_escape") for line in listed.split("\n")[1:-1]]


@pytest.mark.parametrize("source", lines(HIDDEN))
def test_what_hides_from_a_reader_is_refused(source: str) -> None:
    assert refused(source)


@pytest.mark.parametrize("source", lines(BREAKING))
def test_what_reaches_for_the_walls_is_refused(source: str) -> None:
    found = refused(source)
    assert found
    assert not any("is not Python" in sentence for sentence in found)


def test_the_modules_of_the_task_are_refused() -> None:
    own = load("optimizer")
    toml = own.files["task.toml"] + b'\n[audit]\nlevel = "program"\n'
    own = Task({**own.files, "task.toml": toml})
    assert refused("import problems\n", own) == ("a.py:1 imports problems, a module of the task's",)
    assert not refused("problems = 1\n", own)


def test_a_block_of_encoded_data_is_refused() -> None:
    block = base64.b64encode(bytes(range(100))).decode()
    assert refused(f"x = {block!r}\n") == ("a.py:1 holds a block of encoded data in a string",)
    assert refused(f'"""Say {block}."""\n')


def test_what_is_too_large_is_refused() -> None:
    assert any("20000 are the most" in why for why in refused("x = 1\n" * 4000))
    assert any("look like data" in why for why in refused(f"x = {list(range(3000))}\n"))
    words = "\n".join(f"name_{n * n * 7919 % 999_983} = {n * 31337 % 77_777}" for n in range(900))
    assert any("(compressed)" in why for why in refused(words[:19_900].rpartition("\n")[0]))


ORDINARY = r"""
if __name__ == "__main__": pass
class A(dict): pass
super().__init__()
self.x = 3
x.data.fill_(0)
async def f(): pass
compile = True
def forward(self, input): return input
def f(validation, trainer, guest): return validation
x = getattr(torch.optim, name)
print(type(x).__name__)
x = re.compile("a+")
model.eval()
pool.exec_time = 3
x = [64, 64, 128, 128, 256, 256, 512, 512]
x = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
x = "tab\\tand\\n"
from collections import namedtuple
import numpy as np
import math, random, json, argparse, functools
from pathlib import Path
"""


@pytest.mark.parametrize("source", lines(ORDINARY))
def test_what_ordinary_programs_do_is_not_refused(source: str) -> None:
    assert not refused(f"import torch, re\n{source}\n")


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("import os\nx = os.environ['SEED']", "environment"),
        ("import os\nx = os.getenv('SEED')", "environment"),
        ("open('a.txt')", "opens a file"),
        ("Path('a').write_text('b')", "writes a file"),
        ("import time", "reads the clock"),
        ("import threading", "starts threads"),
        ("import yaml", "need not be there"),
        ("from torch import *", "everything of torch"),
        ("import torch\ntorch.manual_seed(0)", "fixes random numbers"),
        ("import torch\ntorch.hub.load('a', 'b')", "network"),
        ("import torch\ntorch.relu = abs", "changes the module torch"),
        ("import torch.nn.functional as F\nF.relu = abs", "changes the module torch"),
        ("getattr(x, name)", "attribute by name"),
        ("try:\n    pass\nexcept BaseException:\n    pass", "every exception"),
        ("x = 'sealed'", "names sealed"),
        ("class A(metaclass=B): pass", "a type of its own"),
        ("а = 1", "another alphabet"),  # noqa: RUF001
        ("def f():\n    global x", "keeps state"),
    ],
)
def test_what_a_reader_should_know_of_is_shown(source: str, word: str) -> None:
    findings = audit({"a.py": source}, PROGRAM)
    assert not findings.refused
    assert any(word in flag for flag in findings.flags), findings.flags
    assert admit({"step.py": source}, PROGRAM).flags


def test_a_module_that_the_task_names_needs_no_remark() -> None:
    toml = PROGRAM.files["task.toml"] + b'imports = ["yaml", "pickle"]\n'
    own = Task({**PROGRAM.files, "task.toml": toml})
    findings = audit({"a.py": "import yaml\nimport pickle\npickle.loads(x)\n"}, own)
    assert not findings.refused
    assert not findings.flags


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_any_text_at_all_ends_in_findings(text: str) -> None:
    findings = audit({"a.py": text}, PROGRAM)
    assert all(len(line.splitlines()) == 1 for line in (*findings.refused, *findings.flags))


def test_a_workload_may_lend_its_name_to_a_variable_and_to_no_text() -> None:
    own = load("optimizer")
    name = own.manifest.workloads.dev[0]
    assert not refused(f"def {name}(x):\n    return x\n", own)
    assert refused(f"x = y[{name!r}]\n", own)


@pytest.mark.parametrize("name", [*names(), BOWL])
def test_the_starts_of_the_tasks_pass_at_both_levels(name: str) -> None:
    own = load(name)
    assert audit_start(own).refused == ()
    toml = own.files["task.toml"].decode().replace("[audit]", '[audit]\nlevel = "program"')
    if "[audit]" not in toml:
        toml += '\n[audit]\nlevel = "program"\n'
    assert audit_start(Task({**own.files, "task.toml": toml.encode()})).refused == ()


CLASSY = {"start__step": "class Step:\n    def __init__(self):\n        super().__init__()\n"}


def opened(path: Path, sandbox: Sandbox, folder: Mapping[str, bytes]) -> list[str]:
    """Begin a search on a folder with these files; what it says."""
    for name, data in folder.items():
        file = path / "own" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    said: list[str] = []
    order, choice = Order(task=f"{path}/own", agent="seed_only", turns=1), SandboxChoice("process")
    with begin(order, choice, str(path / "a.db"), said.append):
        return said


def test_a_refused_start_ends_a_search_before_anything_runs(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    own = task("rule", **CLASSY)
    with pytest.raises(TaskError, match=r"step\.py:1 defines a class.*level = \"program\""):
        opened(tmp_path, process_sandbox, own.files)
    assert not (tmp_path / "a.db").exists()
    audit_start(task("program", **CLASSY))
    with pytest.raises(TaskError, match="imports subprocess, which starts other processes"):
        audit_start(task("program", start__step="import subprocess\n"))
