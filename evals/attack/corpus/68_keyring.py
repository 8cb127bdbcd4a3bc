"""Leaves a key with the kernel for its next job.

ids: 68
effect: none
defence: No system call that reaches a keyring is allowed.
"""

import ctypes
import os

ADD, REQUEST, CONTROL = (248, 249, 250) if os.uname().machine == "x86_64" else (217, 218, 219)
RINGS = {-1: "thread", -3: "session", -4: "user", -5: "user session"}
SEARCH = 10


def attack(world):
    call = ctypes.CDLL(None).syscall
    for ring, name in RINGS.items() if not world.calls else ():
        if call(CONTROL, SEARCH, ring, b"user", b"kept", 0) >= 0:
            world.tell(f"a key that it left in the {name} keyring")
        if call(ADD, b"user", b"kept", b"1", 1, ring) >= 0:
            world.tell(f"the {name} keyring")
    if not world.calls and call(REQUEST, b"user", b"kept", None, 0) >= 0:
        world.tell("a key by asking for it")
