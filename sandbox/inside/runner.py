"""Load a program once, then run each job in forks of this warm process, and watch over them.

Speaks frames on what it got as stdin and stdout. Two warm processes fork: this one, which loads
the trusted part of the program and hears every request; and a second one (maker.py), which has the
guest's part, never hears a request, and makes the processes that meet candidates. Both processes of
the next job are made ahead of it.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import causes, cell, frames, workers
from .frames import Header
from .maker import CHILD_SUBREAPER, Maker
from .system import anonymous, children, clean, ended, kill, reap
from .watcher import Watcher
from .workers import prctl

TICKS = 0.6  # share of a CPU limit that is reported, at least, for a process that was ended by it
GRACE_SECONDS = 0.2  # for a process that is about to end by itself


def main(install: Callable[[Mapping[str, str]], None]) -> None:
    """Serve jobs until stdin closes; `install` makes modules of sources. Never returns."""
    prctl(cell.SET_DUMPABLE, 0)  # no process of the same user can open our memory
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))  # or PID 1 ignores it
    if len(sys.argv) > 1:
        cell.enter(json.loads(sys.argv[1]))
    inward, outward = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    prctl(CHILD_SUBREAPER, 1)
    prctl(cell.SET_DUMPABLE, 0)  # a cell that changed its user is dumpable again
    try:
        setup, guest_files = frames.receive(inward)
        install(sources(setup["files"], guest_files))
        runner = Runner(setup, inward)
        hidden, files = frames.receive(inward)
        install(sources(hidden["files"], files))
        runner.load_trusted()
        runner.prepare()
    except BaseException:
        frames.send(outward, {"failed": traceback.format_exc()[-4000:]})
        os._exit(1)
    frames.send(outward, {"ready": runner.versions})
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            job, body = frames.receive(inward)
            frames.send(outward, *runner.run(job, body))
            runner.prepare()
    runner.close()
    os._exit(0)


@dataclass
class Pair:
    """The two processes of one job, prepared before it comes, and our ends of what joins us.

    Process ids (`guest` is 0 where the program has none), and descriptors.
    """

    trusted: int
    guest: int
    line: int
    request: int
    reply: int
    log: int


class End(NamedTuple):
    """How the processes of a job ended.

    Wait statuses are None for a process that did not end by itself. `cpu` are the seconds of both
    processes, `guest_cpu` those of the guest.
    """

    trusted: int | None
    guest: int | None
    cpu: float
    guest_cpu: float


class Runner:
    """A loaded program, and the processes of one job at a time."""

    def __init__(self, setup: Header, inward: int) -> None:
        """Load the guest's part and set its process apart, before the rest is even here."""
        self.setup, self.inward = setup, inward
        self.pair: Pair | None = None
        self.maker: Maker | None = None
        self.run_trusted: Callable[[bytes, workers.Guest], bytes] = workers.relay
        self.versions = {"python": sys.version.split()[0]}
        sys.path[:0] = setup["path"]
        sys.dont_write_bytecode = True
        os.chdir(setup["folder"])
        if setup["guest"]:
            module = load(setup["guest"])
            gc.freeze()  # a collection in a fork would copy every page it looks at
            self.maker = Maker(module.answer, setup)

    def load_trusted(self) -> None:
        """Load the trusted part, of which the process that makes guests knows nothing.

        Raises RuntimeError if that started CUDA.
        """
        if self.setup["entry"]:
            self.run_trusted = load(self.setup["entry"]).run
        gc.freeze()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            raise RuntimeError("warm() started CUDA, which no fork survives: leave it to run()")
        if torch is not None:
            self.versions["torch"] = str(torch.__version__)

    def prepare(self) -> None:
        """Make the processes of the next job."""
        memory = anonymous(workers.SHARED_BYTES)
        line, far = socket.socketpair()
        request_end, request = os.pipe()
        reply, reply_end = os.pipe()
        log, log_end = os.pipe()
        guest = self.maker.make(far.fileno(), memory, log_end) if self.maker else 0
        far.close()
        trusted = os.fork()
        if trusted == 0:
            ends = {"memory": memory, "request": request_end, "reply": reply_end, "log": log_end}
            workers.trusted(self.run_trusted, line.fileno(), ends)
        for end in (memory, request_end, reply_end, log_end):
            os.close(end)
        for end in (reply, log):
            os.set_blocking(end, False)
        self.pair = Pair(trusted, guest, line.detach(), request, reply, log)

    def run(self, job: Header, body: bytes) -> tuple[Header, bytes]:
        """Run one job in the processes prepared for it; returns the header and the reply."""
        pair, self.pair = self.pair, None
        assert pair is not None
        start, kills = time.monotonic(), causes.kills()
        watcher = Watcher(job, pair.trusted, pair.reply, pair.log, self.inward)
        try:
            split = sum(size for _, size in job["files"])
            if pair.guest:
                frames.send(pair.line, job, body[:split])
            frames.send(pair.request, job, body[split:])
            watcher.collect(start + job["wall_seconds"])
        except ConnectionError:
            pass  # one of them ended before the job reached it; `_end` finds out how
        end = self._end(pair, watcher.broke)
        watcher.finish()
        if select.select([self.inward], [], [], 0)[0]:
            watcher.broke = "cancelled"
        status, remark = watcher.broke, ""
        if not status:
            starved = kills < 0 or causes.kills() > kills
            status, remark = causes.judge(end.trusted, end.guest, used_up(job, end), starved)
        if status == "oom":
            remark = f"{remark}\nthe job took all of its {job['memory_mb']} MB of memory".strip()
        if status != "ok" and not watcher.log:
            remark = remark or "the job failed and said nothing"
        text = (watcher.log + remark.encode())[-job["log_bytes"] :].decode(errors="replace")
        for folder in (self.setup["workspace"], self.setup["folder"]):
            text = text.replace(folder + os.sep, "")  # random names, which no replay would repeat
        header = {
            "id": job["id"],
            "status": status,
            "log": text,
            "wall_seconds": time.monotonic() - start,
            "cpu_seconds": end.cpu,
        }
        return header, bytes(watcher.reply) if status == "ok" else b""

    def close(self) -> None:
        """End what was prepared for a job that did not come."""
        if self.pair is not None:
            self._end(self.pair, "cancelled")

    def _end(self, pair: Pair, broke: str) -> End:
        """Kill what is left of a job and clean up after it; `broke` names a limit that it broke."""
        by_itself = ended(pair.trusted)
        give_up = time.monotonic() + (0 if broke else GRACE_SECONDS)
        while by_itself is None and time.monotonic() < give_up:
            time.sleep(0.001)  # it has closed its reply, and is about to go
            by_itself = ended(pair.trusted)
        if by_itself is None:
            kill(pair.trusted)
        os.close(pair.line)
        # A guest that has hung up may take a moment to end.
        hung_up = by_itself is not None and by_itself.si_status == causes.GUEST
        guest_fell = self._end_guest(pair.guest, GRACE_SECONDS if hung_up else 0.0)
        trusted, cpu = reap(pair.trusted, self.maker.pid if self.maker else 0)
        guest, guest_cpu = self.maker.collect() if self.maker else (0, 0.0)
        os.close(pair.request)
        for folder in (self.setup["folder"], *self.setup["litter"]):
            clean(folder)
        return End(
            trusted if by_itself else None,
            guest if guest_fell else None,
            cpu + guest_cpu,
            guest_cpu,
        )

    def _end_guest(self, guest: int, patience: float) -> bool:
        """Kill the guest, unless it ends by itself within `patience` seconds; whether it did so."""
        if self.maker is None:
            return False
        fell = self.maker.guest_ended(patience)
        nested = self.setup["nested"]
        for process in children(guest) if nested else ():
            kill(process)  # the job itself: its first process then counts its CPU and ends
        if not (nested and self.maker.guest_ended(GRACE_SECONDS)):
            kill(guest)
        return fell


def used_up(job: Header, end: End) -> str:
    """A remark on the CPU time that a job was killed for; "" if there was time left."""
    most = workers.guest_cpu_limit(job)
    # The kernel ends a process by ticks of its clock, which run ahead of the time it reports.
    if end.guest_cpu >= TICKS * most and most < workers.cpu_limit(job):
        return f"the candidate used up the {most} s of its CPU time"
    return "the job used up its CPU time" if end.cpu >= workers.cpu_limit(job) - 1 else ""


def load(name: str) -> Any:
    """Import a module of the program and let it warm up."""
    module = importlib.import_module(name)
    getattr(module, "warm", lambda: None)()
    return module


def sources(files: list[tuple[str, int]], payload: bytes) -> dict[str, str]:
    """The sources of the program's modules, by dotted name."""
    modules, at = {}, 0
    for name, size in files:
        modules[name.removesuffix(".py").replace("/", ".")] = payload[at : at + size].decode()
        at += size
    return modules
