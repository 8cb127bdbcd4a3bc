"""The second warm process: it has the guest's part alone, and forks a guest for each candidate."""

import json
import os
import select
import signal
import socket
from typing import NoReturn

from . import causes, cell, workers
from .frames import Header
from .system import reap
from .workers import prctl

CHILD_SUBREAPER = 36
CODES, OF_GUESTS, UNTOLD = (causes.MEMORY, causes.ERROR, causes.PROCESSES), range(2, 100), 1


class Maker:
    """The runner's line to the process that makes guests, one at a time; `pid` is its id."""

    def __init__(self, answer: workers.Answer, setup: Header) -> None:
        """Fork the process, which keeps what is loaded by now and hears no request."""
        self._control, far = socket.socketpair()
        self._heard = bytearray()
        self.pid = os.fork()
        if self.pid == 0:
            make_guests(far, answer, setup)
        far.close()

    def make(self, line: int, memory: int, log: int) -> int:
        """Have a guest made that speaks on these descriptors; returns its process id."""
        socket.send_fds(self._control, [b"."], [line, memory, log])
        return int(self._hear())

    def guest_ended(self, seconds: float) -> bool:
        """Whether the guest is known to have ended, or does so within `seconds`."""
        return bool(select.select([self._control], [], [], seconds)[0])

    def collect(self) -> tuple[int, float]:
        """Wait for the guest to end; its wait status and CPU seconds."""
        end = json.loads(self._hear())
        return end["status"], end["cpu"]

    def _hear(self) -> bytes:
        """The next line from the process."""
        while b"\n" not in self._heard:
            part = self._control.recv(4096)
            if not part:
                raise EOFError
            self._heard += part
        line, _, self._heard = self._heard.partition(b"\n")
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
    codes_of_drawn = {drawn: code for code, drawn in codes.items()}
    return codes_of_drawn.get(os.WEXITSTATUS(status), UNTOLD) << 8
