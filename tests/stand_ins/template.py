"""The command line in processes that begin with their imports done.

What a verb imports takes a second or two of CPU time, and tests run verbs by the hundred. So one
process, the template, imports all of it and then does nothing but fork. Each fork is a process of
its own, with its own folder, environment and output, and ends as any does.

Forks share one hash seed. What has to come out the same in another process, as a replay does, is
run by `command` instead.
"""

import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

IMPORTED = (
    "genai_prices",
    "ratchet.agents.evolver",
    "ratchet.agents.llm.client",
    "ratchet.agents.research.graph",
    "ratchet.agents.researcher",
    "ratchet.app.cli.main",
    "ratchet.app.cli.run",
    "ratchet.app.pages.findings",
    "ratchet.sandbox.namespace",
    "ratchet.search.plan",
    "scipy.special",
)
MOST = 1 << 17  # bytes of an order: its words and its environment


class Template:
    """Starts a command line in no time; one thread at a time."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start the process and go on: the first order waits for its imports."""
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stand_ins.template", str(theirs.fileno())],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def run(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end, and to the end of all that holds its output open.

        Raises TimeoutExpired after `timeout` seconds, when it has been killed.
        """
        with self.start(words, folder, environment) as started:
            if not started.read(time.monotonic() + timeout):
                started.kill()
                out, err = bytes(started.out), bytes(started.err)
                raise subprocess.TimeoutExpired(list(words), timeout, out, err)
            if started.code is None:
                raise RuntimeError("the template could not import all of it, and stderr says why")
        texts = started.out.decode(), started.err.decode()
        return subprocess.CompletedProcess(list(words), started.code, *texts)

    def start(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> "Started":
        """Begin to run the command line."""
        order = json.dumps([list(words), str(folder), dict(environment)]).encode()
        pipes = [os.pipe() for _ in range(3)]
        try:
            socket.send_fds(self._channel, [order], [writer for _, writer in pipes])
        finally:
            for _, writer in pipes:
                os.close(writer)
        return Started([reader for reader, _ in pipes])

    def close(self) -> None:
        """End the template, whether its imports are done or not; what it started goes on."""
        self._channel.close()
        self._process.kill()
        self._process.wait(10)


class Started:
    """A command line that runs: what it has written so far, and how it ended."""

    def __init__(self, readers: Sequence[int]) -> None:
        """Take the reading ends of its output, its errors, and of the keeper's word of it."""
        self.out, self.err, self._state = bytearray(), bytearray(), bytearray()
        self._texts = dict(zip(readers, (self.out, self.err, self._state), strict=True))
        self._ready = selectors.DefaultSelector()
        for reader in readers:
            self._ready.register(reader, selectors.EVENT_READ)

    def __enter__(self) -> "Started":
        """Itself; what it writes is read no more after the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what was not read to its end."""
        for key in list(self._ready.get_map().values()):
            self._drop(key.fd)
        self._ready.close()

    @property
    def code(self) -> int | None:
        """Its exit code, once that has been read; negative for a signal."""
        words = self._state.split()
        return int(words[1]) if len(words) > 1 else None

    def kill(self) -> None:
        """End it at once, if it still runs."""
        end = time.monotonic() + 10
        while not self._state and self._ready.get_map() and time.monotonic() < end:
            self.read(time.monotonic() + 0.01)
        with suppress(ProcessLookupError):
            os.kill(int(self._state.split()[0]), signal.SIGKILL)

    def read(self, until: float) -> bool:
        """Read until that time, or until all is closed: whether it is."""
        while self._ready.get_map():
            if (left := until - time.monotonic()) <= 0:
                return False
            for key, _ in self._ready.select(left):
                chunk = os.read(key.fd, 1 << 16)
                self._texts[key.fd].extend(chunk)
                if not chunk:
                    self._drop(key.fd)
        return True

    def _drop(self, reader: int) -> None:
        self._ready.unregister(reader)
        os.close(reader)


def _ordered(channel: socket.socket) -> list[str] | None:
    """Fork for every order. Returns its words in the process that is to run them.

    Returns None in the template, when there are no more orders.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a keeper leaves nothing to wait for
    while True:
        order, descriptors, _, _ = socket.recv_fds(channel, MOST, 3)
        if not order:
            return None
        if os.fork() == 0:
            channel.close()
            words: list[str]
            words, folder, environment = json.loads(order)
            _keep(*descriptors)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            return words
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(out: int, err: int, state: int) -> None:
    """Fork once more: return in the process that runs, and tell `state` how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if pid := os.fork():
        os.write(state, b"%d " % pid)
        os.close(out)
        os.close(err)
        _, status = os.waitpid(pid, 0)
        os.write(state, b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    os.close(state)
    for descriptor, standard in ((out, 1), (err, 2)):
        os.dup2(descriptor, standard)
        os.close(descriptor)


def _serve(channel: socket.socket) -> None:
    for module in IMPORTED:
        import_module(module)
    gc.freeze()  # a fork that looks through what it shares with the template copies it
    words = _ordered(channel)
    if words is not None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        sys.argv, sys.path[0] = ["-c", *words], ""
        from ratchet.app.cli.main import main

        main()


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
