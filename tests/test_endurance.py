"""A thousand trials, every fifth of them hostile: nothing is left and nothing has changed."""

import gc
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from stand_ins.boxes import HOST, ISOLATED, STUBBORN, attempt, opened

from ratchet.sandbox import Job, Limits, Result, Sandbox
from ratchet.sandbox.docker import Engine
from ratchet.sandbox.process import descendants

EVALUATIONS, HOSTILE, WORKERS = 1000, 5, 2
HONEST = """
import math, random
rng, x = random.Random(int(request)), 1.0
for _ in range(200): x = math.sin(x) + rng.gauss(0, 0.1)
answer = x.hex().encode()
"""
HEAD = "import os, signal, sys, threading, time\ndef stay():\n    while True: time.sleep(1)\n"
BOMBS = {
    **STUBBORN,
    "takes memory": "kept = bytearray(os.urandom(1)) * (4 << 30)",
    "takes memory in pieces": "kept = []\nwhile True: kept.append(bytearray(1 << 24))",
    "takes processes": "while True: os.fork()",
    "takes threads": "while True: threading.Thread(target=stay).start()",
    "takes inodes": "for number in range(99999): open(str(number), 'w').close()",
    "takes the disk": "open('big', 'wb').write(bytes(200 << 20))",
    "takes descriptors": "kept = [os.open('.', 0) for _ in range(9999)]",
    "nests folders": "for _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')",
    "replies without end": "answer = bytes(1 << 28)",
    "kills everyone": "os.kill(-1, 9)",
    "ends at once": "os._exit(0)",
    "crashes": "os.kill(os.getpid(), 11)",
    "recurses": "def f(): f()\nsys.setrecursionlimit(1 << 30)\nf()",
    "leaves shared memory": """
for folder in ("/dev/shm", "/dev/mqueue", "/tmp", "/work", ".."):
    try: open(f"{folder}/ratchet-litter", "w").write("x")
    except OSError: pass""",
    "looks for what others left": """
places = ("/dev/shm", "/dev/mqueue", "/tmp", "/work", "..")
seen = any(os.path.exists(f"{folder}/ratchet-litter") for folder in places)
answer = b"found" if seen else b'nothing'""",
}


def evaluate(backend: Sandbox, number: int) -> Result:
    if number % HOSTILE:
        request = b"%d" % (number % 7)
        return backend.run(Job(HOST, request, {"candidate.py": HONEST.encode()}))
    how = [*BOMBS][number // HOSTILE % len(BOMBS)]
    code = f"{HEAD}# {number}\n{BOMBS[how]}"
    limits = Limits(wall_seconds=0.3, memory_mb=256, reply_bytes=1 << 20)
    result: Result = attempt(backend, code, b"x", limits)
    return result


def footprint() -> tuple[int, int, int, int]:
    """Descriptors, threads, processes below and resident kilobytes of this process."""
    gc.collect()
    (resident,) = [x for x in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in x]
    below = len(descendants(os.getpid()))
    return len(os.listdir("/proc/self/fd")), threading.active_count(), below, kilobytes(resident)


def kilobytes(line: str) -> int:
    return int(line.split()[1])


def litter(folder: Path) -> set[str]:
    """What lies in shared memory and in temporary folders."""
    return {*os.listdir("/dev/shm"), *(path.name for path in folder.iterdir())}


def containers(name: str) -> set[str]:
    if name != "docker":
        return set()
    with closing(Engine()) as engine:
        owners = engine.owners()
    return {each for each, label in owners.items() if label.split("|")[3] == str(os.getpid())}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ISOLATED)
def test_a_thousand_evaluations_leave_nothing_behind(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with closing(opened(name)) as backend:  # the libraries' own caches are not our litter
        evaluate(backend, 1)
        evaluate(backend, HOSTILE)
    before, mine, lay = footprint(), containers(name), litter(tmp_path)
    with closing(opened(name)) as backend, ThreadPoolExecutor(WORKERS) as threads:
        # The numbers of seven honest ones, by what is left of them after a division by seven.
        expected = [evaluate(backend, number).reply for number in (7, 1, 2, 3, 4, 12, 6)]
        results = list(threads.map(lambda n: evaluate(backend, n), range(EVALUATIONS)))
        honest = [n for n in range(EVALUATIONS) if n % HOSTILE]
        assert {results[n].status for n in honest} == {"ok"}
        assert all(results[n].reply == expected[n % 7] for n in honest)
        hostile = [results[n] for n in range(0, EVALUATIONS, HOSTILE)]
        assert b"found" not in {each.reply for each in hostile}
        assert "infra_lost" not in {each.status for each in hostile}
        assert max(each.wall_seconds for each in hostile) < 0.3 + 2.0
    end = time.monotonic() + 5
    while footprint()[:3] > before[:3] and time.monotonic() < end:
        time.sleep(0.1)
    after = footprint()
    assert after[0] <= before[0]
    assert after[1] <= before[1]
    assert after[2] <= before[2]
    assert after[3] < before[3] + (64 << 10)
    assert containers(name) == mine
    assert litter(tmp_path) <= lay
    assert not list(tmp_path.iterdir())
