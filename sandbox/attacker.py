"""Make the attacks of probes.py from both sides of a box, and tell what stopped each.

A box loads this file as its program, so it uses the standard library alone.
"""

import ctypes
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from .probes import ATTACKS, Through

SET_DUMPABLE = 4


class Guest(Protocol):
    """The line to where candidates run."""

    def ask(self, message: bytes) -> bytes:
        """Send a message and wait for its answer."""
        ...


def run(request: bytes, guest: Guest) -> bytes:
    """Make every attack from here and from the guest, but those the request names for each.

    Replies with what stopped each attack, and what those that got through could do.
    """
    spared_here, spared_there = json.loads(request)
    withstood, through = attack_all(spared_here)
    with stranger():
        reply = json.loads(guest.ask(json.dumps(spared_there).encode()))
    for ours, guests in zip((withstood, through), reply, strict=True):
        ours |= {f"candidate's {name}": what for name, what in guests.items()}
    return json.dumps([withstood, through]).encode()


def answer(message: bytes, _memory: memoryview) -> bytes:
    """Make every attack from the guest, but those the message names."""
    return json.dumps(attack_all(json.loads(message))).encode()


def attack_all(spared: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """What stopped each attack, and what those that got through could do; none that is `spared`."""
    withstood: dict[str, str] = {}
    through: dict[str, str] = {}
    for name, attack in ATTACKS.items():
        if name in spared:
            continue
        try:
            withstood[name] = attack()
        except Through as success:
            through[name] = str(success)
    return withstood, through


@contextmanager
def stranger() -> Iterator[None]:
    """A process of the same user that does not protect itself, as `docker exec` would start one."""
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(SET_DUMPABLE, 1, 0, 0, 0)
        time.sleep(60)
        os._exit(0)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
