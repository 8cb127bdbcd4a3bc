"""Connects to every socket that the kernel lists, those without a file too.

ids: 69
effect: reached
defence: No system call that makes a socket is allowed, and the network namespace is empty.
"""

import contextlib
import socket


def attack(world):
    if world.calls:
        return
    with open("/proc/net/unix") as file:
        names = {line.split()[7] for line in file if len(line.split()) > 7} - {"Path"}
    for name in sorted(names):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1)
            line.connect(name.replace("@", "\0", 1) if name.startswith("@") else name)
            world.tell(f"the socket {name}")
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.bind("\0kept")
        world.tell("a socket without a file, of its own")
