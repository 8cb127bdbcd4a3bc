"""Makes itself the debugger of every process in sight.

ids: 65
effect: reached
defence: No descriptor, memory or setting of another process can be opened, whoever started it.
"""

import ctypes

ATTACH, SEIZE, DETACH = 16, 0x4206, 17


def attack(world):
    trace = ctypes.CDLL(None).ptrace
    trace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    for folder in world.others() if not world.calls else []:
        pid = int(folder.rpartition("/")[2])
        if trace(SEIZE, pid, None, None) == 0:
            world.tell(f"process {pid} as its tracer")
