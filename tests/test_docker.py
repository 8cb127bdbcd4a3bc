"""What only the Docker backend promises: walls, the host's bits, no litter."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from docker.errors import APIError

from ratchet.sandbox import (
    Job,
    Limits,
    Program,
    Result,
    Sandbox,
    SandboxError,
    neighbours,
    open_sandbox,
)
from ratchet.sandbox.docker import DockerSandbox, Engine
from ratchet.sandbox.docker.walls import policy
from ratchet.sandbox.profile import profile

pytestmark = pytest.mark.docker

GUEST = b"""
def answer(message, memory):
    space = {}
    exec(compile(open("candidate.py").read(), "candidate.py", "exec"), space)
    return repr(space["answer"]).encode()
"""
HOST = Program({"host.py": GUEST}, guest="host")
TRUSTED = b"""
def run(request, guest):
    space = {}
    exec(request, space)
    return repr(space["answer"]).encode()
"""
BOX = Program({"box.py": TRUSTED}, "box")

ARITHMETIC = Program(
    {
        "sums.py": b"""
import torch

def warm():
    torch.func.vmap(torch.func.grad(lambda x: (x * x).sum()))(torch.ones(2, 2))

def run(request, guest):
    torch.manual_seed(int(request))
    layers = torch.nn.Sequential(torch.nn.Linear(33, 65), torch.nn.GELU(), torch.nn.Linear(65, 7))
    step = torch.optim.AdamW(layers.parameters(), lr=1e-2)
    data = torch.randn(257, 33)
    for _ in range(20):
        step.zero_grad()
        loss = layers(data).exp().mean().log() + torch.linalg.svdvals(layers[0].weight).sum()
        loss.backward()
        step.step()
    return b"".join(each.detach().numpy().tobytes() for each in layers.parameters())
"""
    },
    "sums",
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    try:
        engine = Engine()
    except SandboxError as error:
        pytest.skip(str(error))
    with closing(engine):
        yield engine


@pytest.fixture(scope="module")
def sandbox(engine: Engine) -> Iterator[Sandbox]:
    with closing(open_sandbox("docker", workers=1)) as backend:
        yield backend


@pytest.fixture(scope="module")
def alone(engine: Engine) -> Iterator[Sandbox]:
    """Where containers can make no namespaces: one for each candidate."""
    with closing(DockerSandbox(Engine(), 1, cells=False)) as backend:
        yield backend


@pytest.fixture(params=["cells", "alone"])
def either(request: pytest.FixtureRequest, sandbox: Sandbox, alone: Sandbox) -> Sandbox:
    return sandbox if request.param == "cells" else alone


def attempt(sandbox: Sandbox, code: str, limits: Limits | None = None) -> Result:
    return sandbox.run(Job(HOST, b"", {"candidate.py": code.encode()}, limits or Limits()))


def outside(sandbox: Sandbox, code: str, limits: Limits | None = None) -> Result:
    """Run `code` where only the container confines it, as if it had got past the inner walls."""
    return sandbox.run(Job(BOX, code.encode(), limits=limits or Limits()))


def test_containers_have_no_network_no_privileges_and_no_writable_root(sandbox: Sandbox) -> None:
    code = """
import os, socket
lines = open("/proc/self/status").read().split("\\n")
status = dict(line.split(":\\t") for line in lines if ":\\t" in line)
answer = [int(status[name], 16) for name in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")]
answer += [os.getuid(), os.getgid(), [name for _, name in socket.if_nameindex()]]
for folder in ("/", "/usr/local/lib", "/opt/ratchet/site", "/etc", "/proc/sys/kernel"):
    try: open(folder + "/new", "w"); answer.append(folder)
    except OSError: pass
"""
    assert outside(sandbox, code).reply == b"[0, 0, 1, 2, 10001, 10001, ['lo']]"


def test_what_the_engine_enforces_is_told(sandbox: Sandbox) -> None:
    attempt(sandbox, "answer = 1")
    told = sandbox.describe()
    assert told["docker.NetworkMode"] == "none"
    assert told["docker.MemorySwap"] == told["docker.Memory"]
    assert int(told["docker.PidsLimit"]) == policy(Limits())["pids_limit"]
    assert told["image_id"].startswith("sha256:")
    assert told["python"] == sys.version.split()[0]


@pytest.mark.parametrize(
    ("bomb", "message"),
    [
        ("open('big', 'wb').write(bytes(80 << 20))", "No space left|File too large"),
        ("[open(f'{n}', 'w').close() for n in range(9999)]", "No space left"),
        ("[os.fork() or time.sleep(9) for _ in range(999)]", "temporarily unavailable"),
        ("kept += [os.open('/', 0) for _ in range(999)]", "Too many open files"),
    ],
)
def test_disk_files_processes_and_descriptors_are_bounded(
    sandbox: Sandbox, bomb: str, message: str
) -> None:
    code = "import os, time\nkept = []\n" + bomb
    result = outside(sandbox, code)
    assert result.status in ("candidate_error", "pids")
    assert any(text in result.log for text in message.split("|"))
    assert outside(sandbox, "answer = 1").reply == b"1"


def test_memory_is_bounded_over_all_processes_of_a_job(sandbox: Sandbox) -> None:
    code = """
import os, time
for _ in range(9):
    if os.fork() == 0:
        hoard = bytearray(os.urandom(1)) * (200 << 20)
        time.sleep(30)
time.sleep(2)
answer = len(open(f"/proc/self/task/{os.getpid()}/children").read().split())
"""
    start = time.monotonic()
    result = outside(sandbox, code, Limits(wall_seconds=10, memory_mb=256))
    assert result.status in ("ok", "oom")
    assert time.monotonic() - start < 15
    assert outside(sandbox, "answer = 1").reply == b"1"


def test_two_candidates_never_meet_in_a_container_without_cells(alone: Sandbox) -> None:
    code = "import os; answer = os.uname().nodename  # "
    names = [attempt(alone, code + who).reply for who in ("a", "b", "a", "b")]
    assert names[:2] == names[2:]
    assert names[0] != names[1]


def test_candidates_share_a_container_where_each_has_a_cell(
    engine: Engine, sandbox: DockerSandbox
) -> None:
    if not sandbox.cells:
        pytest.skip(f"no cells in containers here: {sandbox.lack}")
    attempt(sandbox, "answer = 1")
    before = theirs(engine, os.getpid())
    assert attempt(sandbox, "answer = 2").reply == b"2"
    assert theirs(engine, os.getpid()) == before


def test_the_fallback_is_taken_where_no_cell_can_be_made(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine whose own filter is in force, as under AppArmor, refuses the mounts."""
    monkeypatch.setattr("ratchet.sandbox.docker.walls.profile", refusing)
    with closing(open_sandbox("docker", workers=1)) as backend:
        assert attempt(backend, "answer = 1").reply == b"1"
        assert backend.describe()["candidate"] == "a container of its own"


def refusing() -> str:
    allowed = json.loads(profile())
    allowed["syscalls"][0]["names"].remove("mount")
    return json.dumps(allowed)


PRY = """
import os
space = {}
exec(open("neighbours.py").read(), space)
answer = {}
for pid in space["others"]():
    found = space["entries"](pid) + space["calls"](pid)
    for name in ("fd/0", "fd/1", "fd/2", "mem", "exe"):
        for flags in (os.O_RDONLY, os.O_WRONLY):
            try: os.open(f"/proc/{pid}/{name}", flags); found.append(name)
            except OSError: pass
    if found: answer[pid] = found
"""


def pry(sandbox: Sandbox) -> Result:
    source = Path(neighbours.__file__).read_bytes()
    files = {"candidate.py": PRY.encode(), "neighbours.py": source}
    return sandbox.run(Job(HOST, b"", files, Limits(wall_seconds=20)))


def test_a_candidate_opens_nothing_of_what_an_administrator_starts_in_its_container(
    engine: Engine, sandbox: Sandbox, alone: Sandbox
) -> None:
    assert [pry(backend).reply for backend in (sandbox, alone)] == [b"{}"] * 2
    api = engine._client.api
    words = ["/usr/local/bin/python3", "-c", "import time; time.sleep(30)"]
    started: list[str] = []
    for box in theirs(engine, os.getpid()):
        with suppress(APIError):  # it is coming up, or is all a cell, which no engine can enter
            process = api.exec_create(box, words)["Id"]
            api.exec_start(process, detach=True)
            started.append(process)
    time.sleep(0.3)
    # In boxes that were used before, beside others.
    assert [pry(backend).reply for backend in (sandbox, alone)] == [b"{}"] * 2
    assert started
    assert all(api.exec_inspect(process)["Running"] for process in started)


def test_no_frame_is_forged_through_another_process(either: Sandbox) -> None:
    code = r"""
import json, os, struct
head = {"id": 1, "status": "ok", "log": "", "wall_seconds": 0.1, "cpu_seconds": 0.1}
for number in range(1, 9):
    text = json.dumps({**head, "id": number}).encode()
    for pid in range(1, 64):
        try: end = os.open(f"/proc/{pid}/fd/1", os.O_WRONLY)
        except OSError: continue
        if pid != os.getpid(): os.write(end, struct.pack(">II", len(text), 6) + text + b"FORGED")
answer = "honest"
"""
    for _ in range(3):
        result = attempt(either, code)
        assert (result.status, result.reply) == ("ok", b"'honest'"), result.log


def test_a_container_ends_at_once_when_it_is_told_to(engine: Engine, either: Sandbox) -> None:
    before = set(theirs(engine, os.getpid()))
    assert outside(either, "answer = 1  # to be stopped", Limits(pids=33)).reply == b"1"
    boxes = set(theirs(engine, os.getpid())) - before
    assert boxes
    for box in boxes:  # another may be made ahead meanwhile
        start = time.monotonic()
        engine._client.api.stop(box, timeout=20)
        assert time.monotonic() - start < 10


def test_a_secret_of_the_host_is_nowhere_in_a_container(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_CANARY", "c4n4ry")
    code = """
import glob, os
answer = dict(os.environ)
for name in glob.glob("/proc/[0-9]*/*"):
    if name.rsplit("/")[-1] in ("environ", "cmdline", "mountinfo"):
        try: answer[name] = open(name, "rb").read()
        except OSError: pass
"""
    with closing(open_sandbox("docker", workers=1)) as backend:
        assert b"c4n4ry" not in attempt(backend, code).reply


def test_results_are_bit_identical_to_the_hosts(sandbox: Sandbox) -> None:
    with closing(open_sandbox("process", workers=1, accept_unisolated=True)) as host:
        for seed in (b"1", b"2"):
            ours, theirs = sandbox.run(Job(ARITHMETIC, seed)), host.run(Job(ARITHMETIC, seed))
            assert ours.status == theirs.status == "ok", ours.log + theirs.log
            assert ours.reply == theirs.reply


def test_nothing_is_compiled_at_the_start_of_a_container(sandbox: Sandbox) -> None:
    code = """
import os, sys
sys.path.insert(0, "/opt/ratchet/site")
import torch
modules = [m for m in list(sys.modules.values()) if type(m) is type(os)]
modules = [m for m in modules if getattr(m, "__cached__", None)]
def stale(source, cached):
    if not os.path.exists(cached): return True
    time = int.from_bytes(open(cached, "rb").read(12)[8:], "little")
    return time != int(os.stat(source).st_mtime)
modules = [m for m in modules if m.__file__.startswith("/")]
answer = [m.__file__ for m in modules if stale(m.__file__, m.__cached__)], len(modules) > 500
"""
    result = attempt(sandbox, code)
    assert (result.reply, result.log) == (b"([], True)", "")


def test_a_missing_image_is_one_sentence_and_no_download(engine: Engine) -> None:
    assert engine.images.find("ratchet-sandbox:absent") == ""
    with pytest.raises(SandboxError, match="image is missing: run `ratchet sandbox build`"):
        engine.start("ratchet-sandbox:absent", policy(Limits()))


OTHER = """
import os, sys, time
from ratchet.sandbox import Job, Program, open_sandbox
backend = open_sandbox("docker", 1)
program = Program({"p.py": b"def answer(message, memory): return message"}, guest="p")
print(backend.run(Job(program, b"", {"a": b""})).status, flush=True)
sys.stdin.read()
backend.close()
"""


@pytest.mark.parametrize("ending", ["closed", "killed"])
def test_neither_a_closed_nor_a_killed_owner_leaves_containers(engine: Engine, ending: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "ok\n"
        assert theirs(engine, other.pid)
        if ending == "killed":
            other.kill()
        other.communicate()
    if ending == "killed":
        assert theirs(engine, other.pid)
        end = time.monotonic() + 5  # the engine may still be making one it was asked for
        while theirs(engine, other.pid) and time.monotonic() < end:
            engine.reap()
    assert not theirs(engine, other.pid)


def theirs(engine: Engine, pid: int) -> list[str]:
    return [each for each, label in engine.owners().items() if label.split("|")[3] == str(pid)]


def test_a_living_owner_keeps_its_containers(engine: Engine, sandbox: Sandbox) -> None:
    attempt(sandbox, "answer = 1")
    engine.reap()
    assert theirs(engine, os.getpid())


def test_a_setting_the_engine_refuses_is_one_sentence_and_no_litter(
    engine: Engine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ratchet.sandbox.docker.engine.LABEL", "ratchet.test")
    identity = sandbox.describe()["image_id"]
    for cpus, runtime in ((1e6, "runc"), (1.0, "no-such-runtime")):
        with pytest.raises(SandboxError, match=r"could not start a container: .*(no-such|CPUs)"):
            engine.start(identity, policy(Limits(cpus=cpus)) | {"runtime": runtime})
    assert engine.owners() == {}
