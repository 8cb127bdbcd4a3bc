"""Reads and writes the memory of other processes, by system calls and where it is a file.

ids: 64
effect: reached
defence: No descriptor, memory or setting of another process can be opened, whoever started it.
"""

import contextlib
import ctypes
import os


class Piece(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def attack(world):
    libc = ctypes.CDLL(None)
    own = ctypes.create_string_buffer(8)
    here = Piece(ctypes.addressof(own), 8)
    there = Piece(id(None), 8)  # where a fork of the same process has it too
    for folder in world.others() if not world.calls else []:
        pid = int(folder.rpartition("/")[2])
        ends = (ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
        if libc.process_vm_readv(pid, *ends) == 8:
            world.tell(f"the memory of process {pid}")
            if libc.process_vm_writev(pid, *ends) == 8:
                world.tell(f"the memory of process {pid}, and could write it")
        with contextlib.suppress(OSError):
            file = os.open(f"{folder}/mem", os.O_RDONLY)
            if len(os.pread(file, 8, id(None))) == 8:
                world.tell(f"the memory of process {pid} in its file")
            os.close(file)
