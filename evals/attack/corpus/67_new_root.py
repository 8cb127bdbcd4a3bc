"""Mounts file systems and turns to another root, by the old system calls and the new ones.

ids: 67
effect: none
defence: No capability, and no system call that mounts, moves a root or makes a process.
"""

import ctypes
import os

X86 = os.uname().machine == "x86_64"
PIVOT = 155 if X86 else 41
OPEN_TREE, FSOPEN, CLONE3 = 428, 430, 435  # the same on every machine
NEW_USER, RECURSIVE_BIND = 0x10000000, 0x5000


def attack(world):
    libc = ctypes.CDLL(None)
    if world.calls:
        return
    for kind, target in (
        (b"proc", b"/proc"),
        (b"tmpfs", b"."),
        (b"cgroup2", b"."),
        (b"sysfs", b"."),
    ):
        if libc.mount(b"none", target, kind, 0, None) == 0:
            world.tell(f"a mount of {kind.decode()}")
    if libc.mount(b"/", b".", None, RECURSIVE_BIND, None) == 0:
        world.tell("the root, mounted again")
    tries = {
        "another root by pivot_root": lambda: libc.syscall(PIVOT, b".", b"."),
        "another root by chroot": lambda: libc.chroot(b"."),
        "a tree by open_tree": lambda: libc.syscall(OPEN_TREE, -100, b"/", 1),
        "a file system by fsopen": lambda: libc.syscall(FSOPEN, b"proc", 0),
        "a process by clone3": lambda: clone3(libc),
    }
    for what, attempt in tries.items():
        if attempt() >= 0:
            world.tell(what)


def clone3(libc):
    asked = (ctypes.c_uint64 * 8)(NEW_USER, 0, 0, 0, 17)  # 17: SIGCHLD
    child = libc.syscall(CLONE3, asked, ctypes.sizeof(asked))
    if child == 0:
        os._exit(0)
    return child
