"""Who is dead is told without guessing, and what the dead leave is removed while others run."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from ratchet.sandbox import SandboxError
from ratchet.sandbox.docker import DockerSandbox, Engine
from ratchet.sandbox.owner import Reaper, dead, owner


def test_an_owner_lives_until_its_process_ends() -> None:
    assert not dead(owner())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        label = owner(other.pid)
        assert not dead(label)
        other.communicate(b"\n")
    assert dead(label)


@pytest.mark.parametrize("part", ["host", "pid namespace"])
def test_the_owner_of_another_host_or_namespace_is_never_called_dead(part: str) -> None:
    words = owner(2**22 + 1).split("|")
    assert dead("|".join(words))
    words[0 if part == "host" else 2] = "elsewhere"
    assert not dead("|".join(words))


def test_a_process_id_used_again_does_not_bring_its_owner_back() -> None:
    words = owner().split("|")
    assert dead("|".join([*words[:4], str(int(words[4]) - 1)]))


def test_an_earlier_boot_is_dead_and_a_foreign_label_is_not() -> None:
    words = owner().split("|")
    assert dead("|".join([words[0], "earlier", *words[2:]]))
    assert not dead("someone else's label")


def test_a_sweep_that_fails_stops_neither_the_reaper_nor_the_other_sweeps() -> None:
    swept = threading.Semaphore(0)

    def fails() -> None:
        raise RuntimeError("the engine is away")

    with closing(Reaper([fails, swept.release], seconds=0.01)):
        for _ in range(3):
            assert swept.acquire(timeout=5)


def test_a_closed_reaper_sweeps_no_more_and_a_sweep_that_hangs_does_not_hold_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ratchet.sandbox.owner.PATIENCE_SECONDS", 0.2)
    started, go_on, after = threading.Event(), threading.Event(), list[int]()

    def hangs() -> None:
        started.set()
        go_on.wait(10)

    reaper = Reaper([hangs, lambda: after.append(1)], seconds=0.01)
    assert started.wait(5)
    begin = time.monotonic()
    reaper.close()
    assert time.monotonic() - begin < 2
    go_on.set()
    reaper.close()
    assert after == []


BUSY = """
from ratchet.sandbox import Job, Limits, Program, open_sandbox
spin = b"def run(request, _):\\n    while True: pass"
backend = open_sandbox("docker", 1)
print("open", flush=True)
backend.run(Job(Program({"spin.py": spin}, "spin"), b"", limits=Limits(wall_seconds=600)))
"""


@pytest.mark.docker
def test_a_busy_container_of_a_killed_owner_is_removed_by_whoever_runs() -> None:
    try:
        engine = Engine()
    except SandboxError as error:
        pytest.skip(str(error))
    with closing(DockerSandbox(engine, 1, reap_seconds=0.2)):
        with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as other:
            assert other.stdout
            assert other.stdout.readline() == b"open\n"
            until(lambda: theirs(engine, other.pid) > 0)
            other.kill()
        until(lambda: theirs(engine, other.pid) == 0)


def theirs(engine: Engine, pid: int) -> int:
    return sum(label.split("|")[3] == str(pid) for label in engine.owners().values())


def until(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.02)
