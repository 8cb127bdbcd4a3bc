"""Has the kernel tell it what others do to files and folders.

ids: 69
effect: reached
defence: No system call that watches files is allowed.
"""

import ctypes
import os

EVERYTHING = 0xFFF
FOLDERS = (b"/", b"/proc", b"/tmp", b"/dev", b"..", b".", os.path.dirname(os.__file__).encode())


def attack(world):
    libc = ctypes.CDLL(None)
    handle = libc.inotify_init1(os.O_NONBLOCK) if not world.calls else -1
    for folder in FOLDERS if handle >= 0 else ():
        if libc.inotify_add_watch(handle, folder, EVERYTHING) >= 0:
            world.tell(f"a watch on {folder.decode()}")
