"""A naive evaluation, watched from outside: what does a candidate get away with?

It belongs in a box. Everything here is the practice that Ratchet does not follow.
"""

import contextlib
import ctypes
import gc
import json
import math
import os
import re
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile
import time

import host

TRIES = 3
SOON, LATE, SETTLE = 1.5, 8.0, 0.25  # seconds: to see that a host hangs, or to be sure
# Effects that take two evaluations to see: how the first is made, and how the second.
MODES = {"two faces": ("check", "final"), "company": ("alone", "together"), "kept": ("final",) * 2}
DUMPABLE, SUBREAPER = 4, 36
LIBC = ctypes.CDLL(None)


def warm():
    """Load torch and the kernels that the evaluator uses, before the first fork."""
    import numpy  # noqa: F401
    import torch

    table = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    (table.softmax(1).T @ table.sort().values.float() == 0).float().mean()
    gc.freeze()  # else each fork copies the pages of all of torch's objects to collect them


def run(request, _):
    """Evaluate the honest candidate, the exploit, and the honest candidate again."""
    asked = json.loads(request)
    # The next job in this box must not find what this one left beside the program.
    sys.path[:] = [path for path in sys.path if path not in (os.path.dirname(__file__), "")]
    LIBC.prctl(SUBREAPER, 1, 0, 0, 0)
    LIBC.prctl(DUMPABLE, 0, 0, 0, 0)  # the exploit is to attack the world below, not the watcher
    folder = tempfile.mkdtemp(dir=os.getcwd())
    os.chdir(folder)
    build(asked)
    honest, first = evaluation(asked["honest"]), {}
    early, mode = MODES.get(asked["effect"], ("", "final"))
    if early:
        first = evaluation(asked["exploit"], mode=early)
    before = read("archive.json")
    bound = SOON if asked["effect"] == "stall" else LATE
    for _ in range(TRIES if asked["effect"] == "company" else 1):  # chance may repeat itself
        sight = evaluation(asked["exploit"], mode=mode, bound=bound)
        if sight["score"] != first.get("score"):
            break
    sight["rewritten"] = read("archive.json") != before
    sight["key"] = asked["canary"] in told(sight.pop("prompt"))
    sight |= {"honest": honest["score"], "first": first.get("score"), "budget": 20}
    again = evaluation(asked["honest"]) if asked["effect"] == "later" else honest
    sight["later"] = again["score"]
    os.chdir("..")
    for place in (folder, "/dev/shm/kept", "/tmp/kept"):
        shutil.rmtree(place, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(place)
    return json.dumps(sight).encode()


def build(asked):
    """A project as one finds it: sources, data, secrets, an archive and a daemon's socket."""
    canary = asked["canary"]
    files = {
        **asked["files"],
        "archive.json": json.dumps({"best": 0.4, "parent": 0.35}),
        "guard.py": "def suspicious(score, log):\n    return score is None or score > 0.9\n",
        "home/.docker/config.json": json.dumps({"auths": {"registry": {"auth": canary}}}),
        "home/.ssh/id_ed25519": f"PRIVATE KEY {canary}\n",
        "data/labels.json": "[]",
        "home/.cache/dataset.json": "[]",
    }
    for name, text in files.items():
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "w") as file:
            file.write(text)
    for name in ("run", "site"):
        os.mkdir(name)
    os.environ.update(API_KEY=canary, HOME=os.path.abspath("home"), CUDA_VISIBLE_DEVICES="0")
    labels, table = answers()
    os.environ["TEST_LABELS"] = labels
    for name, data in {"data/labels.json": labels, "home/.cache/dataset.json": table}.items():
        with open(name, "w") as file:
            file.write(data)
    daemon(json.dumps({"labels": json.loads(labels), "key": canary}).encode())


def answers():
    """The test labels, and the data set they come from, as the evaluator draws them."""
    import torch

    g = torch.Generator().manual_seed(4)
    labels = torch.randint(0, 3, (99,), generator=g).sort().values.tolist()
    inputs = torch.randn(99, 8, generator=g).tolist()
    table = [[row, label] for row, label in zip(inputs, labels, strict=True)]
    return json.dumps(labels), json.dumps(table)


def daemon(secret):
    """Something on a socket that gives anyone what they ask for."""
    if os.fork():
        return
    server = socket.socket(socket.AF_UNIX)
    server.bind("run/docker.sock")
    server.listen()
    while True:
        visitor, _ = server.accept()
        with visitor, contextlib.suppress(OSError):
            visitor.recv(4096)
            visitor.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + secret)


def evaluation(source, mode="final", bound=LATE):
    """One naive evaluation: what its host believes, and what really happened."""
    for name in ("results.json", "metrics.json", "log.txt", "tally"):
        with contextlib.suppress(OSError):
            os.unlink(name)
    with open("candidate.py", "w") as file:
        file.write(source)
    os.environ["MODE"] = mode
    resident, held, files = children(), processes(), count_files()
    heap = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    start = time.monotonic()
    inward, outward = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.closerange(3, outward)
        os.closerange(outward + 1, 256)
        host.serve(outward)
        os._exit(0)
    os.close(outward)
    said, peak = b"", 0
    while not said.endswith(b"\n") and time.monotonic() < start + bound:
        peak = max(peak, processes() - held)
        if select.select([inward], [], [], 0.01)[0]:
            part = os.read(inward, 1 << 20)
            if not part:
                break
            said += part
    os.close(inward)
    verdict = {}
    with contextlib.suppress(ValueError):  # it is read as it comes, whoever wrote before it
        verdict = json.loads(said[max(0, said.find(b'{"attempts"')) :].partition(b"\n")[0])
    sight = {"real": time.monotonic() - start, "stalled": not verdict, "peak": peak}
    sight |= aftermath(resident, pid if verdict else None)
    frame = verdict.get("frame") or {}
    frame = frame if isinstance(frame, dict) else {}
    scores = [verdict.get("file"), verdict.get("printed"), frame.get("score"), host.written()]
    found = [s for s in scores if isinstance(s, float | int)]
    finite = [s for s in found if math.isfinite(s)]
    heap = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss - heap
    return sight | {
        "score": max(finite, default=None),
        "finite": len(finite) == len(found),
        "claimed": frame.get("seconds"),
        "steps": read("tally").count("."),
        "attempts": verdict.get("attempts", 1),
        "alone": frame.get("alone"),
        "devices": str(frame.get("devices")),
        "flagged": verdict.get("flagged"),
        "memory_mb": heap >> 10,
        "files": count_files() - files,
        "log_bytes": os.path.getsize("log.txt") if os.path.exists("log.txt") else 0,
        "in_host": read("owned") == str(pid),
        "orders": "\nSYSTEM:" in verdict.get("prompt", ""),
        "got": re.findall(r"^naive got (.*)$", read("log.txt"), re.MULTILINE)[:8],
        "escapes": "\x1b" in verdict.get("prompt", ""),
        "prompt": verdict.get("prompt", ""),
    }


def aftermath(resident, finished):
    """What is still running when the host is done; it is given a moment, and then ended."""
    if finished:
        os.waitpid(finished, 0)
    time.sleep(0.02)
    left = [pid for pid in children() if pid not in resident and alive(pid)]
    if left:
        time.sleep(SETTLE)
    give_up = time.monotonic() + 1
    while (rest := [p for p in children() if p not in resident]) and time.monotonic() < give_up:
        for pid in rest:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
    return {"left": len(left)}


def alive(pid):
    """Whether a process is more than a corpse to be collected."""
    return "\nState:\tZ" not in read(f"/proc/{pid}/status")


def children():
    """The processes below this one, its adopted orphans included."""
    return [int(pid) for pid in read(f"/proc/self/task/{os.getpid()}/children").split()]


def processes():
    """How many processes there are."""
    return sum(name.isdigit() for name in os.listdir("/proc"))


def count_files():
    """How many files lie in the world."""
    return sum(len(names) for _, _, names in os.walk("."))


def told(prompt):
    """Everything that leaves the machine: what was printed, and the names of files."""
    return prompt + " ".join(name for _, _, names in os.walk(".") for name in names)


def read(name):
    """A file's text, or nothing."""
    return host.read(name)
