"""A GPU is lent to one box at a time, among processes too; a fake nvidia-smi stands in for two."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import BOWL

from ratchet.evals import Candidate, Seed, measure
from ratchet.sandbox import Job, Limits, Program, SandboxError, gpu, open_sandbox
from ratchet.sandbox.docker import DockerSandbox, Engine
from ratchet.sandbox.docker.walls import policy
from ratchet.sandbox.gpu import GpuError, lease, listed
from ratchet.tasks import Task, TaskError, load

PLAIN = "GPU 0: NVIDIA H100 (UUID: GPU-aaaa)\nGPU 1: NVIDIA H100 (UUID: GPU-bbbb)\n"
CUT = """GPU 0: NVIDIA A100 (UUID: GPU-aaaa)
  MIG 3g.20gb Device 0: (UUID: MIG-1111)
  MIG 3g.20gb Device 1: (UUID: MIG-GPU-aaaa/2/0)
GPU 1: NVIDIA A100 (UUID: GPU-bbbb)
"""
FAKE = """#!/bin/sh
case $1 in
  -L) cat "$FAKE_SMI/list" ;;
  *) cat "$FAKE_SMI/busy" ;;
esac
[ ! -e "$FAKE_SMI/fails" ] || { echo "Failed to initialize NVML"; exit 9; }
"""
HOLD = """
import sys
from ratchet.sandbox.gpu import lease
with lease(int(sys.argv[1])) as held:
    print(*held, flush=True)
    sys.stdin.read()
"""

ECHO = Program({"echo.py": b"def run(request, guest): return request"}, "echo")

Smi = Callable[..., None]


@pytest.fixture(autouse=True)
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Smi]:
    """What nvidia-smi lists, and the rows of who computes; leases lie in a folder of the test."""
    program = tmp_path / "bin/nvidia-smi"
    program.parent.mkdir()
    program.write_text(FAKE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SMI", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def say(listing: str = PLAIN, busy: str = "") -> None:
        (tmp_path / "list").write_text(listing)
        (tmp_path / "busy").write_text(busy)

    say()
    yield say
    tempfile.tempdir = None


def other(count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_gpus_are_lent_one_each_and_come_back() -> None:
    with lease() as first, lease() as second:
        assert (first, second) == (("GPU-aaaa",), ("GPU-bbbb",))
        with pytest.raises(
            GpuError, match=r"0 of the 1 GPUs asked for are free \(GPU-aaaa is leas"
        ):
            lease().__enter__()
    with lease(2) as both:
        assert both == ("GPU-aaaa", "GPU-bbbb")
    assert list(gpu.folder().iterdir()) == []


def test_a_gpu_on_which_someone_computes_is_passed_over(smi: Smi) -> None:
    smi(busy="GPU-aaaa, 4242\nGPU-aaaa, 4243\n")
    with lease() as held:
        assert held == ("GPU-bbbb",)
    with pytest.raises(GpuError, match="GPU-aaaa is in use by process 4242, 4243"):
        lease(2).__enter__()
    with lease() as held:
        assert held == ("GPU-bbbb",)


def test_two_processes_never_hold_the_same_gpu_and_death_lets_go() -> None:
    with other(1) as one, other(1) as two:
        assert {said(one), said(two)} == {"GPU-aaaa", "GPU-bbbb"}
        with pytest.raises(GpuError, match=rf"leased to process ({one.pid}|{two.pid})"):
            lease().__enter__()
        one.kill()
        one.wait()
        with lease() as held:
            assert len(held) == 1
        two.communicate()
    with lease(2):
        pass


def test_the_lease_files_of_the_dead_are_swept_and_those_of_the_living_stay() -> None:
    with other(1) as one, other(1) as two:
        assert said(one)
        assert said(two)
        assert gpu.sweep() == 0
        one.kill()
        one.wait()
        assert gpu.sweep() == 1
        assert len(list(gpu.folder().iterdir())) == 1
        two.communicate()


def test_whoever_waits_gets_the_gpu_that_comes_free() -> None:
    with other(2) as holder:
        assert said(holder) == "GPU-aaaa GPU-bbbb"
        waiting = lease(2, patience=20)
        assert holder.stdin
        holder.stdin.close()
        with waiting as held:
            assert len(held) == 2


def test_the_instances_of_a_gpu_that_is_cut_are_lent_and_not_the_gpu(smi: Smi) -> None:
    smi(CUT)
    assert listed() == ["MIG-1111", "MIG-GPU-aaaa/2/0", "GPU-bbbb"]
    with lease(3) as held:
        assert len(held) == 3


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("absent", "has no nvidia-smi"),
        ("failing", r"nvidia-smi failed \(.*Failed to initialize NVML\)"),
        ("none", "0 of the 1 GPUs asked for are free"),
        ("open to others", "is not a folder that you alone can enter"),
    ],
)
def test_a_machine_that_has_none_says_so_in_one_sentence(
    spoil: str, message: str, tmp_path: Path, smi: Smi, monkeypatch: pytest.MonkeyPatch
) -> None:
    if spoil == "absent":
        monkeypatch.setenv("PATH", str(tmp_path))
    elif spoil == "failing":
        (tmp_path / "fails").touch()
    elif spoil == "none":
        smi("")
    else:
        gpu.folder().chmod(0o755)
    with pytest.raises(SandboxError, match=message):
        lease().__enter__()


def test_no_gpu_is_asked_for_unless_the_limits_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with lease(0) as held:
        assert held == ()
    assert "device_requests" not in policy(Limits())
    (request,) = policy(Limits(), ["GPU-aaaa"])["device_requests"]
    assert (request["Count"], request["DeviceIDs"]) == (0, ["GPU-aaaa"])


def asking(gpus: int) -> Task:
    """The bowl, whose last table is `[limits]`."""
    files = load(BOWL).files
    return Task({**files, "task.toml": files["task.toml"] + f"gpus = {gpus}\n".encode()})


def test_a_task_asks_for_gpus_in_its_limits() -> None:
    assert load(BOWL).limits.gpus == 0
    assert asking(2).limits_for(1.0).gpus == 2
    with pytest.raises(TaskError, match=r"limits\.gpus: .* less than or equal to 8"):
        asking(9)


def test_a_sandbox_without_gpus_runs_no_job_that_asks_for_one() -> None:
    with (
        closing(open_sandbox("process", 1, accept_unisolated=True)) as backend,
        pytest.raises(SandboxError, match="has no GPUs: use --sandbox docker"),
    ):
        backend.run(Job(ECHO, b"x", limits=asking(1).limits))


@pytest.fixture
def engine() -> Iterator[Engine]:
    try:
        engine = Engine()
    except SandboxError as error:
        pytest.skip(str(error))
    with closing(engine):
        yield engine


@pytest.mark.docker
def test_an_engine_without_a_gpu_runtime_is_one_sentence_and_no_litter(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ratchet.sandbox.docker.engine.LABEL", "ratchet.test.gpu")
    with closing(DockerSandbox(engine, 1)) as backend:
        with pytest.raises(GpuError, match=r"cannot hand GPU GPU-aaaa to a container .*Toolkit"):
            backend.run(
                Job(
                    Program({"p.py": b"def run(request, guest): return request"}, "p"),
                    b"",
                    limits=Limits(gpus=1),
                )
            )
        assert engine.owners() == {}
    assert list(gpu.folder().iterdir()) == []


@pytest.mark.docker
def test_a_box_holds_its_gpu_until_its_container_is_gone(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device request is left out on the way to the engine, which has no GPU to give."""
    start = Engine.start

    def without_devices(self: Engine, identity: str, settings: dict[str, Any], done: Any) -> Any:
        assert settings.pop("device_requests")[0]["DeviceIDs"] == ["GPU-aaaa"]
        return start(self, identity, settings, done)

    with closing(DockerSandbox(engine, 1)) as backend:
        monkeypatch.setattr(Engine, "start", without_devices)
        monkeypatch.setattr(Engine, "probe_gpu", lambda *_: None)
        assert backend.run(Job(ECHO, b"x", limits=Limits(gpus=1))).reply == b"x"
        assert len(list(gpu.folder().iterdir())) == 1
        with lease() as held:
            assert held == ("GPU-bbbb",)
    assert list(gpu.folder().iterdir()) == []


@pytest.mark.docker
def test_a_task_that_asks_for_a_gpu_is_trained_beside_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent: list[list[str]] = []
    start = Engine.start

    def started(self: Engine, identity: str, settings: dict[str, Any], *rest: Any) -> Any:
        requests = settings.pop("device_requests", [])
        lent.append([uuid for request in requests for uuid in request["DeviceIDs"]])
        return start(self, identity, settings, *rest)

    task = asking(1)
    candidate = Candidate(files=task.start, idea="", proposer="test")
    with closing(DockerSandbox(engine, 1)) as backend:
        monkeypatch.setattr(Engine, "start", started)
        monkeypatch.setattr(Engine, "probe_gpu", lambda *_: None)
        (trial,) = measure(candidate, task, backend, [Seed(train=1, sealed=2)])
    assert trial.status == "ok"
    assert lent == [["GPU-aaaa"], []]  # the trainer's box, and the grader's
