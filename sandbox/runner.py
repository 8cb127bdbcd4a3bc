"""The untrusted side: load a program once, then run each job in a fork of that warm process.

Given to `python -I -c`, so it uses the standard library alone and nothing of Ratchet's. It speaks
frames on the descriptors it got as stdin and stdout: two big-endian lengths, a JSON header, a raw
payload. A candidate shares nothing with the next one but what the box itself shares: every job is
a fork of a process that has never run candidate code.
"""

import contextlib
import ctypes
import importlib
import json
import os
import resource
import select
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any

Header = dict[str, Any]
Run = Callable[[bytes, str], bytes]

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "std::bad_alloc")


def prctl(option: int, value: int) -> None:
    """Set a process attribute; on systems without prctl, do nothing."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    if function is not None:
        function(option, value, 0, 0, 0)


def read_exactly(descriptor: int, count: int) -> bytes:
    """Read `count` bytes or raise EOFError."""
    data = bytearray()
    while len(data) < count:
        part = os.read(descriptor, min(1 << 20, count - len(data)))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[: 1 << 20]) :]


def send(descriptor: int, header: Header, payload: bytes = b"") -> None:
    """Send one frame."""
    head = json.dumps(header).encode()
    write_all(descriptor, struct.pack(">II", len(head), len(payload)) + head)
    write_all(descriptor, payload)


def receive(descriptor: int) -> tuple[Header, bytes]:
    """Receive one frame."""
    head, body = struct.unpack(">II", read_exactly(descriptor, 8))
    return json.loads(read_exactly(descriptor, head)), read_exactly(descriptor, body)


def unpack(files: list[tuple[str, int]], folder: str, payload: bytes) -> bytes:
    """Write the named files into `folder` and return what follows them in the payload."""
    at = 0
    for name, size in files:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(payload[at : at + size])
        at += size
    return payload[at:]


def limit(kind: int, soft: int) -> None:
    """Lower one resource limit, never above what is already allowed."""
    _, hard = resource.getrlimit(kind)
    value = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(kind, (value, value))


def cpu_limit(job: Header) -> int:
    """CPU seconds a job may use in one process; the deadline is the limit that usually bites."""
    return int(job["wall_seconds"] * 2) + 2


def child(run: Run, job: Header, payload: bytes, reply: int) -> None:
    """Run the job in this forked process and leave one byte of status and the reply in a pipe."""
    os.closerange(3, reply)
    os.closerange(reply + 1, 256)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    prctl(PR_SET_DUMPABLE, 1)
    os.setpgid(0, 0)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_FSIZE, 64 << 20)
    limit(resource.RLIMIT_NOFILE, 256)
    limit(resource.RLIMIT_CPU, cpu_limit(job))
    limit(resource.RLIMIT_DATA, job["memory_mb"] << 20)
    status = b"E"
    try:
        workspace = os.getcwd()
        request = unpack(job["files"], workspace, payload)
        answer = run(request, workspace)
        if not isinstance(answer, bytes):
            raise TypeError(f"run returned {type(answer).__name__}, not bytes")
        write_all(reply, b"O" + answer)
        status = b""
    except MemoryError:
        status = b"M"
    except RuntimeError as error:
        status = b"M" if any(text in str(error) for text in OUT_OF_MEMORY) else b"E"
        traceback.print_exc()
    except BaseException:
        traceback.print_exc()
    finally:
        if status:
            write_all(reply, status)
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(0)


def end_descendants(pid: int, alone: bool) -> int | None:
    """Kill the job's group and everything it left behind; as subreaper we inherit its orphans.

    Returns how the job itself ended, as waitpid tells it.
    """
    ending = None
    give_up = time.monotonic() + 1
    while time.monotonic() < give_up:
        if alone:
            kill(os.kill, -1)
        kill(os.killpg, pid)
        for orphan in children():
            kill(os.kill, orphan)
        try:
            while True:
                done, code = os.waitpid(-1, os.WNOHANG)
                if done == pid:
                    ending = code
                if done == 0:
                    break
        except ChildProcessError:
            break
        time.sleep(0.002)
    return ending


def kill(how: Callable[[int, int], None], target: int) -> None:
    """Send SIGKILL to what may be gone already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        how(target, signal.SIGKILL)


def children() -> list[int]:
    """Process ids whose parent is this process."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def watch(pid: int) -> int:
    """A descriptor that turns readable when `pid` ends, or -1 where the system has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def clean(home: str, keep: str) -> None:
    """Remove whatever a job left in the box's folder, but the program itself."""
    for name in os.listdir(home):
        path = os.path.join(home, name)
        if path == keep:
            continue
        with contextlib.suppress(OSError, RecursionError):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)


def collect(
    job: Header, exited: int, reply_read: int, log_read: int, inward: int
) -> tuple[str, bytearray, bytearray]:
    """Take in reply and log until the job ends or breaks a limit; returns which it broke.

    The host says nothing while a job runs, so `inward` turns readable only when the host is gone.
    Something the job left running may hold the pipes open: the end of the job itself ends it.
    """
    reply, log = bytearray(), bytearray()
    open_ends = {reply_read, log_read}
    deadline = time.monotonic() + job["wall_seconds"]
    while reply_read in open_ends:
        left = deadline - time.monotonic()
        if left <= 0:
            return "timeout", reply, log
        watched = [*open_ends, inward] + ([exited] if exited >= 0 else [])
        ready = select.select(watched, [], [], left)[0]
        if inward in ready:
            return "cancelled", reply, log
        if exited in ready and reply_read not in ready:
            break
        for end in open_ends.intersection(ready):
            part = os.read(end, 1 << 18)
            if not part:
                open_ends.discard(end)
            elif end == reply_read:
                reply += part
                if len(reply) > job["reply_bytes"] + 1:
                    return "output_overflow", reply, log
            else:
                log += part
                del log[: -job["log_bytes"]]  # keep the tail
    with contextlib.suppress(BlockingIOError):
        log += os.read(log_read, 1 << 18)
    return "", reply, log


def judge(reply: bytes, ending: int | None, cpu: float, cpu_most: int) -> tuple[str, str]:
    """Status and remark for a job that broke no limit of ours; `ending` is None if we killed it."""
    if reply and not ending:
        return {79: "ok", 77: "oom"}.get(reply[0], "candidate_error"), ""  # O, M or E
    if ending is None or not os.WIFSIGNALED(ending):
        return "candidate_error", "the job ended without a reply"
    number = os.WTERMSIG(ending)
    if number in (signal.SIGKILL, signal.SIGXCPU) and cpu >= cpu_most - 1:
        return "timeout", "the job used up its CPU time"
    status = "oom" if number == signal.SIGKILL else "candidate_error"
    return status, f"the job was killed by signal {number}"


def supervise(
    job: Header, payload: bytes, run: Run, inward: int, setup: Header
) -> tuple[Header, bytes]:
    """Fork, collect reply and log within the job's caps and deadline, and clean up."""
    reply_read, reply_write = os.pipe()
    log_read, log_write = os.pipe()
    workspace = tempfile.mkdtemp(dir=setup["folder"])
    start = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    pid = os.fork()
    if pid == 0:
        os.close(reply_read)
        os.close(log_read)
        os.dup2(log_write, 1)
        os.dup2(log_write, 2)
        os.chdir(workspace)
        child(run, job, payload, reply_write)
    os.close(reply_write)
    os.close(log_write)
    os.set_blocking(reply_read, False)
    os.set_blocking(log_read, False)

    exited = watch(pid)
    status, reply, log = collect(job, exited, reply_read, log_read, inward)
    by_itself = exited >= 0 and exited in select.select([exited], [], [], 0 if status else 0.1)[0]
    ending = end_descendants(pid, setup["alone"])
    for end in (reply_read, log_read, exited):
        if end >= 0:
            os.close(end)
    clean(setup["folder"], setup["program"])
    if select.select([inward], [], [], 0)[0]:
        status = "cancelled"

    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if not status:
        told = ending if by_itself else None
        status, remark = judge(bytes(reply), told, cpu_seconds, cpu_limit(job))
        log += remark.encode()
    text = bytes(log[-job["log_bytes"] :]).decode(errors="replace")
    for folder in (workspace, setup["program"]):
        text = text.replace(folder + os.sep, "")  # random names, which no replay would repeat
    header = {
        "id": job["id"],
        "status": status,
        "log": text,
        "wall_seconds": time.monotonic() - start,
        "cpu_seconds": cpu_seconds,
    }
    return header, bytes(reply[1:]) if status == "ok" else b""


def main() -> None:
    """Load the program, say ready, and serve jobs until stdin closes."""
    inward, outward = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_DUMPABLE, 0)  # a job of the same user cannot open our memory or descriptors

    setup, payload = receive(inward)
    sys.path[:0] = setup["path"]
    os.chdir(setup["folder"])
    setup["program"] = program = tempfile.mkdtemp(dir=setup["folder"])
    unpack(setup["files"], program, payload)
    sys.path.insert(0, program)
    sys.dont_write_bytecode = True
    try:
        entry = importlib.import_module(setup["entry"])
        getattr(entry, "warm", lambda: None)()
    except BaseException:
        send(outward, {"failed": traceback.format_exc()[-4000:]})
        return
    torch = sys.modules.get("torch")
    versions = {"python": sys.version.split()[0], "torch": torch.__version__ if torch else ""}
    send(outward, {"ready": {k: str(v) for k, v in versions.items() if v}})
    while True:
        try:
            job, payload = receive(inward)
        except EOFError:
            return
        send(outward, *supervise(job, payload, entry.run, inward, setup))


main()
os._exit(0)  # a normal exit would first take torch apart, which takes longer than the job
