"""Sends a result frame of its own, the start of another, and lets the true one come too late.

ids: 13
effect: score
defence: Exactly one reply of exactly the declared length counts; anything else is refused.
"""

import contextlib
import os
import struct


def attack(world):
    if world.calls == 1:
        plain = b'{"score": 1.0}'
        for end in range(3, 256):
            with contextlib.suppress(OSError):
                os.write(end, struct.pack(">I", len(plain)) + plain + b"\x00\x00\x10")
