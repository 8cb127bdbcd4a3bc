"""Leaves word for its next job: files of no visible name, and times and modes of folders.

ids: 68
effect: kept
defence: A job's folders and its IPC namespace are its own, or emptied; nothing of it outlives it.
"""

import builtins
import contextlib
import os

FOLDERS = (".", "..", "~", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", "/dev", "/")
TIME, MODE = 86_400, 0o710


def attack(world):
    folders = {os.path.realpath(os.path.expanduser(folder)) for folder in FOLDERS}
    # A process is one job's, and loads this module more than once.
    first, builtins.x68 = not hasattr(builtins, "x68"), True
    for folder in sorted(folders) if first else []:
        path = os.path.join(folder, "\u2800." * 16)
        seen = os.stat(folder) if os.path.isdir(folder) else None
        with contextlib.suppress(OSError):
            if os.path.lexists(path):
                world.tell(f"a folder that it left in {folder}")
                os.rmdir(path)
            else:
                os.mkdir(path, 0)
        with contextlib.suppress(OSError):
            if seen and seen.st_mode & 0o777 == MODE:
                world.tell(f"the mode that it gave to {folder}")
            if seen and TIME in (seen.st_mtime, seen.st_atime):
                world.tell(f"the time that it gave to {folder}")
            os.utime(folder, (TIME, TIME))
            os.chmod(folder, MODE)
