"""Writes a finished result into every descriptor it inherited.

ids: 6
effect: score
defence: The channel carries numbers of a declared length; a score is not among what it can say.
"""

import contextlib
import json
import os
import struct


def attack(world):
    body = json.dumps({"score": 1.0, "scores": {"all": [-99.0]}, "id": 1, "status": "ok"}).encode()
    for end in range(3, 256):
        with contextlib.suppress(OSError):
            os.write(end, struct.pack(">I", len(body)) + body)
