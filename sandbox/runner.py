"""The untrusted side: load a program once, then run each job in a fork of that warm process.

Given to `python -I -c`, so it uses the standard library alone and nothing of Ratchet's. It speaks
frames on the descriptors it got as stdin and stdout: two big-endian lengths, a JSON header, a raw
payload. A candidate shares nothing with the next one but what the box itself shares: every job is
a fork of a process that has never run candidate code.
"""

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

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "std::bad_alloc")


def prctl(option, value):
    """Set a process attribute; on systems without prctl, do nothing."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    if function is not None:
        function(option, value, 0, 0, 0)


def read_exactly(descriptor, count):
    """Read `count` bytes or raise EOFError."""
    data = bytearray()
    while len(data) < count:
        part = os.read(descriptor, min(1 << 20, count - len(data)))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def write_all(descriptor, data):
    """Write every byte."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[: 1 << 20]) :]


def send(descriptor, header, payload=b""):
    """Send one frame."""
    head = json.dumps(header).encode()
    write_all(descriptor, struct.pack(">II", len(head), len(payload)) + head)
    write_all(descriptor, payload)


def receive(descriptor):
    """Receive one frame."""
    head, body = struct.unpack(">II", read_exactly(descriptor, 8))
    return json.loads(read_exactly(descriptor, head)), read_exactly(descriptor, body)


def unpack(files, folder, payload):
    """Write the named files into `folder` and return what follows them in the payload."""
    at = 0
    for name, size in files:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(payload[at : at + size])
        at += size
    return payload[at:]


def limit(kind, soft):
    """Lower one resource limit, never above what is already allowed."""
    _, hard = resource.getrlimit(kind)
    value = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(kind, (value, value))


def child(run, job, payload, reply):
    """Run the job in this forked process and leave one byte of status and the reply in a pipe."""
    os.closerange(3, reply)
    os.closerange(reply + 1, 256)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setpgid(0, 0)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_FSIZE, 64 << 20)
    limit(resource.RLIMIT_NOFILE, 256)
    limit(resource.RLIMIT_CPU, int(job["wall_seconds"] * 2) + 2)
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
        sys.stderr.flush()
        os._exit(0)


def end_descendants(pid):
    """Kill the job's group and everything it left behind; as subreaper we inherit its orphans."""
    for _ in range(200):
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        for orphan in children():
            try:
                os.kill(orphan, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def children():
    """Process ids whose parent is this process."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def supervise(job, payload, run, inward):
    """Fork, collect reply and log within the job's caps and deadline, and clean up.

    The host says nothing while a job runs, so `inward` turns readable only when the host is gone.
    """
    reply_read, reply_write = os.pipe()
    log_read, log_write = os.pipe()
    home = os.getcwd()
    workspace = tempfile.mkdtemp(dir=home)
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

    reply, log, status = bytearray(), bytearray(), None
    for end in (reply_read, log_read):
        os.set_blocking(end, False)
    # Something the job left running may hold the pipes open: the end of the job itself ends it.
    exited = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1
    open_ends = {reply_read, log_read}
    deadline = start + job["wall_seconds"]
    done = False
    while reply_read in open_ends and status is None and not done:
        left = deadline - time.monotonic()
        if left <= 0:
            status = "timeout"
            break
        watched = [*open_ends, inward] + ([exited] if exited >= 0 else [])
        ready = select.select(watched, [], [], left)[0]
        if inward in ready:
            status = "cancelled"
            break
        done = ready == [exited]
        for end in open_ends.intersection(ready):
            part = os.read(end, 1 << 18)
            if not part:
                open_ends.discard(end)
            elif end == reply_read:
                reply += part
                if len(reply) > job["reply_bytes"] + 1:
                    status = "output_overflow"
            else:
                log += part
                del log[: -job["log_bytes"]]  # keep the tail
    end_descendants(pid)
    for end in (reply_read, log_read, exited):
        if end >= 0:
            os.close(end)
    shutil.rmtree(workspace, ignore_errors=True)

    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    codes = {79: "ok", 77: "oom", 69: "candidate_error"}  # O, M, E
    if status is None:
        status = codes.get(reply[0] if reply else 69, "candidate_error")
    header = {
        "id": job["id"],
        "status": status,
        "log": bytes(log[-job["log_bytes"] :]).decode(errors="replace"),
        "wall_seconds": time.monotonic() - start,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    }
    return header, bytes(reply[1:]) if status == "ok" else b""


def main():
    """Load the program, say ready, and serve jobs until stdin closes."""
    inward, outward = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    prctl(PR_SET_CHILD_SUBREAPER, 1)

    setup, payload = receive(inward)
    sys.path[:0] = setup["path"]
    os.chdir(setup["folder"])
    program = tempfile.mkdtemp(dir=setup["folder"])
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
        send(outward, *supervise(job, payload, entry.run, inward))


main()
