"""Open sandboxes, and run small candidates in them, as several test files do."""

import functools
import time
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path

import pytest

from ratchet.sandbox import Job, Limits, Program, Result, Sandbox, SandboxError

ISOLATED = [
    pytest.param("namespace", marks=pytest.mark.namespace),
    pytest.param("docker", marks=pytest.mark.docker),
]
BACKENDS = ["process", *ISOLATED]
SOON = 2.0

GUEST = b"""
def answer(message, memory):
    space = {"request": message, "memory": memory}
    exec(compile(open("candidate.py").read(), "candidate.py", "exec"), space)
    return space.get("answer", b"")
"""
HOST = Program({"host.py": GUEST}, guest="host")
TRUSTED = b"""
def run(request, guest):
    space = {"request": request, "guest": guest}
    exec(request, space)
    return space.get("answer", b"")
"""
BOTH = Program({"host.py": GUEST, "trusted.py": TRUSTED}, "trusted", "host", ["host.py"])

# A job that carries a name by which it is found, whatever else it turns into.
NAMED = """
import ctypes, os, signal, sys, time
ctypes.CDLL(None).prctl(15, request[:15], 0, 0, 0)
for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)
def stay():
    while True: time.sleep(1)
"""
STUBBORN = {
    "ignores SIGTERM": "while True: pass",
    "forks": "for _ in range(4):\n    if os.fork() == 0: stay()\nwhile True: pass",
    "daemonises": """
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: stay()
        os._exit(0)
while True: pass""",
    "forks where it can": """
for _ in range(4):
    try:
        if os.fork() == 0: stay()
    except OSError: pass
while True: pass""",
    "becomes another program": """
try: os.execv(sys.executable, [sys.executable, "-c", "while True: pass", request.decode()])
except OSError: pass
while True: pass""",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)",
    "stops the runner": """
try: os.kill(os.getppid(), signal.SIGSTOP)
except OSError: pass
while True: pass""",
    "hides in threads": """
import threading
for _ in range(9): threading.Thread(target=stay).start()
while True: pass""",
    "holds memory": "kept = bytearray(os.urandom(1)) * (200 << 20)\nwhile True: pass",
    "floods": "while True: os.write(2, b'x' * 65536)",
    "sends the trainer half an answer": """
for end in range(3, 9):
    try: os.write(end, bytes(3))
    except OSError: pass
while True: pass""",
}


def opened(name: str) -> Sandbox:
    if name != "process" and (reason := unusable(name)):
        pytest.skip(reason)
    backend: Sandbox = import_module(f"ratchet.sandbox.{name}").create(workers=2)
    return backend


@functools.cache
def unusable(name: str) -> str:
    """Why a backend cannot run here, if it cannot."""
    try:
        with closing(import_module(f"ratchet.sandbox.{name}").create(1)) as backend:
            backend.run(Job(Program({"p.py": b"def run(request, guest): return b''"}, "p"), b""))
    except SandboxError as error:
        if "does not hold" in str(error) or "self-check" in str(error):
            raise  # a wall that fell is a failure, not a reason to skip
        return str(error)
    return ""


def attempt(
    sandbox: Sandbox, code: str, request: bytes = b"", limits: Limits | None = None, **files: bytes
) -> Result:
    sources = {"candidate.py": code.encode(), **files}
    return sandbox.run(Job(HOST, request, sources, limits or Limits(wall_seconds=20)))


def running(mark: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_bytes()
            if mark.encode() in command or (folder / "comm").read_text().strip() == mark[:15]:
                found.append(int(folder.name))
    return found


def gone(mark: str) -> bool:
    end = time.monotonic() + SOON
    while running(mark) and time.monotonic() < end:
        time.sleep(0.02)
    return not running(mark)
