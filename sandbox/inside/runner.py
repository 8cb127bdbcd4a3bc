"""Load a program once, then run each job in forks of this warm process, and watch over them.

Speaks frames on what it got as stdin and stdout. Two warm processes fork: this one, which loads
the trusted part of the program and hears every request; and a second one, which loads the guest's
part, never hears a request, and makes the processes that meet candidates. Both processes of the
next job are made ahead of it.
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
from typing import Any, NoReturn

from . import causes, cell, frames, workers
from .system import anonymous, children, clean, ended, kill, reap
from .watcher import Watcher
from .workers import prctl

Header = dict[str, Any]

CHILD_SUBREAPER = 36
CODES, OF_GUESTS, UNTOLD = (causes.MEMORY, causes.ERROR, causes.PROCESSES), range(2, 100), 1
TICKS = 0.6  # of a limit on CPU time, at least, is reported for a process that was ended by it


def main(install: Callable[[Mapping[str, str]], None]) -> None:
    """Serve jobs until stdin closes; `install` makes modules of sources."""
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
        setup, shown = frames.receive(inward)
        install(sources(setup["files"], shown))
        runner = Runner(setup, inward)
        hidden, rest = frames.receive(inward)
        install(sources(hidden["files"], rest))
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
    """The two processes of one job, not yet told what it is, and our ends of what joins us."""

    trusted: int
    guest: int
    line: int
    request: int
    reply: int
    log: int


class Runner:
    """A loaded program, and the processes of one job at a time."""

    def __init__(self, setup: Header, inward: int) -> None:
        """Load the guest's part and set its process apart, before the rest is even here."""
        self.setup, self.inward = setup, inward
        self.pair: Pair | None = None
        self.heard = bytearray()
        self.maker = 0
        self.run_trusted: Callable[[bytes, workers.Guest], bytes] = workers.relay
        self.versions = {"python": sys.version.split()[0]}
        sys.path[:0] = setup["path"]
        sys.dont_write_bytecode = True
        os.chdir(setup["folder"])
        if setup["guest"]:
            module = load(setup["guest"])
            gc.freeze()  # a collection in a fork would copy every page it looks at
            self.control, far = socket.socketpair()
            self.maker = os.fork()
            if self.maker == 0:
                make_guests(far, module.answer, setup)
            far.close()

    def load_trusted(self) -> None:
        """Load the trusted part, which the guest's process then knows nothing of."""
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
        guest = 0
        if self.maker:
            socket.send_fds(self.control, [b"."], [far.fileno(), memory, log_end])
            guest = int(self._hear())
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
        """Run one job in the processes prepared; returns its header and its reply."""
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
            pass  # one of them ended before it was told; how, is said below
        of_trusted, of_guest, cpu, own = self._end(pair, watcher.broke)
        watcher.finish()
        if select.select([self.inward], [], [], 0)[0]:
            watcher.broke = "cancelled"
        status, remark = watcher.broke, ""
        if not status:
            starved = kills < 0 or causes.kills() > kills
            status, remark = causes.judge(of_trusted, of_guest, used_up(job, cpu, own), starved)
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
            "cpu_seconds": cpu,
        }
        return header, bytes(watcher.reply) if status == "ok" else b""

    def close(self) -> None:
        """End what was prepared for a job that did not come."""
        if self.pair is not None:
            self._end(self.pair, "cancelled")

    def _end(self, pair: Pair, broke: str) -> tuple[int | None, int | None, float, float]:
        """Kill what is left of a job; how each process had ended by itself.

        Then the CPU seconds of both, and those of the guest.
        """
        by_itself = ended(pair.trusted)
        give_up = time.monotonic() + (0 if broke else 0.2)
        while by_itself is None and time.monotonic() < give_up:
            time.sleep(0.001)  # it has closed its reply, and is about to go
            by_itself = ended(pair.trusted)
        if by_itself is None:
            kill(pair.trusted)
        os.close(pair.line)
        guest_fell = False
        if pair.guest:
            # A guest that has hung up may take a moment to end.
            patience = 0.2 if by_itself and by_itself.si_status == causes.GUEST else 0.0
            guest_fell = self._told(patience)
            for process in children(pair.guest) if self.setup["nested"] else ():
                kill(process)  # the job itself: its first process then counts its CPU and ends
            if not (self.setup["nested"] and self._told(0.2)):
                kill(pair.guest)
        of_trusted, cpu = reap(pair.trusted, self.maker)
        of_guest, own = 0, 0.0
        if pair.guest:
            told = json.loads(self._hear())
            of_guest, own = told["status"], told["cpu"]
        os.close(pair.request)
        for folder in (self.setup["folder"], *self.setup["litter"]):
            clean(folder)
        return (
            of_trusted if by_itself else None,
            of_guest if guest_fell else None,
            cpu + own,
            own,
        )

    def _told(self, seconds: float) -> bool:
        """Whether the guest is known to have ended."""
        return bool(select.select([self.control], [], [], seconds)[0])

    def _hear(self) -> bytes:
        """The next line from the process that makes guests."""
        while b"\n" not in self.heard:
            part = self.control.recv(4096)
            if not part:
                raise EOFError
            self.heard += part
        line, _, self.heard = self.heard.partition(b"\n")
        return bytes(line)


def make_guests(control: socket.socket, answer: workers.Answer, setup: Header) -> NoReturn:
    """Fork a process for each candidate, on request, and tell how it ended; never returns."""
    prctl(CHILD_SUBREAPER, 1)
    prctl(cell.SET_DEATH_SIGNAL, signal.SIGKILL)
    workers.close_all_but(control.fileno())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 3)
        if not message:
            os._exit(0)
        # Drawn anew, so that a candidate that exits does not choose what its end is called.
        drawn = sorted(OF_GUESTS, key=lambda _: os.urandom(8))[: len(CODES)]
        codes = dict(zip(CODES, drawn, strict=True))
        guest = cell.fork_inside(setup["cell"]) if setup["nested"] else os.fork()
        if guest == 0:
            line, memory, log = descriptors
            workers.guest(answer, line, memory, log, setup, codes)
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(b"%d\n" % guest)
        status, cpu = reap(guest)
        status = plain(status, codes)
        control.sendall(json.dumps({"status": status, "cpu": cpu}).encode() + b"\n")


def plain(status: int, codes: dict[int, int]) -> int:
    """A wait status in which a drawn exit code is turned back into the code it stands for."""
    if not os.WIFEXITED(status) or not 0 < os.WEXITSTATUS(status) < 128:
        return status
    meant = {drawn: code for code, drawn in codes.items()}
    return meant.get(os.WEXITSTATUS(status), UNTOLD) << 8


def used_up(job: Header, cpu: float, own: float) -> str:
    """What ended a job that was killed for its CPU time, from that of both processes and the guest.

    Nothing if there was time left.
    """
    most = workers.guest_cpu_limit(job)
    # The kernel ends a process by ticks of its clock, which run ahead of the time it reports.
    if own >= TICKS * most and most < workers.cpu_limit(job):
        return f"the candidate used up the {most} s of its CPU time"
    return "the job used up its CPU time" if cpu >= workers.cpu_limit(job) - 1 else ""


def load(name: str) -> Any:
    """Import a module of the program and let it warm up."""
    module = importlib.import_module(name)
    getattr(module, "warm", lambda: None)()
    return module


def sources(files: list[tuple[str, int]], payload: bytes) -> dict[str, str]:
    """The program's modules by name."""
    found, at = {}, 0
    for name, size in files:
        found[name.removesuffix(".py").replace("/", ".")] = payload[at : at + size].decode()
        at += size
    return found
