"""Confine a process so that it can write in its own folder alone, and open no other process.

With a list of readable places it can read nothing else. A Landlock domain needs no privileges. A
process in one may not look into a process outside of it, of whatever user, with or without Yama: no
memory, descriptors, environment or folders. See landlock(7).
"""

import ctypes
import os
from collections.abc import Sequence

from .cell import SET_NO_NEW_PRIVILEGES

libc = ctypes.CDLL(None, use_errno=True)

CREATE, ADD, RESTRICT = 444, 445, 446  # the same numbers on every machine
ASK_VERSION, BENEATH = 1, 1
WRITE_FILE, REMOVE_FOLDER, REMOVE_FILE, MAKE_DEVICE, MAKE_FOLDER = 0x2, 0x10, 0x20, 0x40, 0x80
MAKE_FILE, MAKE_SOCKET, MAKE_PIPE, MAKE_BLOCKS, MAKE_LINK = 0x100, 0x200, 0x400, 0x800, 0x1000
CHANGES = (
    WRITE_FILE | REMOVE_FOLDER | REMOVE_FILE | MAKE_DEVICE | MAKE_FOLDER | MAKE_FILE
    | MAKE_SOCKET | MAKE_PIPE | MAKE_BLOCKS | MAKE_LINK
)  # fmt: skip
READ_FILE, READ_FOLDER = 0x4, 0x8
OF_A_FILE = WRITE_FILE | READ_FILE


class Beneath(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def confine(folder: str, readable: Sequence[str] = ()) -> bool:
    """Confine this process and what it starts, for good; False where the kernel has no Landlock.

    It can write below `folder` and into /dev/null alone. Where `readable` names anything, it can
    read there and below `folder`, and nowhere else. Raises OSError if a step is refused.
    """
    if libc.syscall(CREATE, None, ctypes.c_size_t(0), ASK_VERSION) < 1:
        return False
    reads = READ_FILE | READ_FOLDER if readable else 0
    handled = ctypes.c_uint64(CHANGES | reads)
    rules = libc.syscall(CREATE, ctypes.byref(handled), ctypes.c_size_t(8), 0)
    if rules < 0:
        raise OSError(ctypes.get_errno(), "Landlock gives no rules")
    try:
        for path, rights in (
            (folder, CHANGES | reads),
            (os.devnull, WRITE_FILE | reads),
            *((path, reads) for path in readable if os.path.exists(path)),
        ):
            allow(rules, path, rights)
        if libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.syscall(RESTRICT, rules, 0):
            raise OSError(ctypes.get_errno(), "Landlock refuses to confine")
    finally:
        os.close(rules)
    return True


def allow(rules: int, path: str, rights: int) -> None:
    """Add a rule for `path` and what lies below it; raises OSError if it is refused."""
    opened = os.open(path, os.O_PATH)
    rule = Beneath(rights if os.path.isdir(path) else rights & OF_A_FILE, opened)
    refused = libc.syscall(ADD, rules, BENEATH, ctypes.byref(rule), 0)
    os.close(opened)
    if refused:
        raise OSError(ctypes.get_errno(), f"Landlock refuses a rule for {path}")
