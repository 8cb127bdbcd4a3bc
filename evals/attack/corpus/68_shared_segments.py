"""Leaves shared memory and semaphores of the kernel's, which need no file, for its next job.

ids: 68
effect: kept
defence: A job's folders and its IPC namespace are its own, or emptied; nothing of it outlives it.
"""

import ctypes

KEY, CREATE, EXCLUSIVE, REMOVE = 0x5EED, 0o1000, 0o2000, 0
KINDS = {
    "shared memory": lambda libc, how: libc.shmget(KEY, 4096, how | 0o600),
    "semaphores": lambda libc, how: libc.semget(KEY, 1, how | 0o600),
    "a queue": lambda libc, how: libc.msgget(KEY, how | 0o600),
}
ENDS = {
    "shared memory": lambda libc, number: libc.shmctl(number, REMOVE, None),
    "semaphores": lambda libc, number: libc.semctl(number, 0, REMOVE),
    "a queue": lambda libc, number: libc.msgctl(number, REMOVE, None),
}


def attack(world):
    libc = ctypes.CDLL(None)
    for name, get in KINDS.items() if not world.calls else ():
        if (number := get(libc, 0)) >= 0:
            world.tell(f"{name} that it left")
            ENDS[name](libc, number)
        else:
            get(libc, CREATE | EXCLUSIVE)
