"""Frames on descriptors: two big-endian lengths, a JSON header and a raw payload."""

import json
import os
import struct
from typing import Any

Header = dict[str, Any]


def read_exactly(descriptor: int, count: int) -> bytes:
    """Read `count` bytes; raises EOFError where the stream ends before."""
    data = bytearray()
    while len(data) < count:
        part = os.read(descriptor, min(1 << 20, count - len(data)))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[: 1 << 20]) :]


def send(descriptor: int, header: Header, payload: bytes = b"") -> None:
    """Send one frame."""
    head = json.dumps(header).encode()
    write_all(descriptor, struct.pack(">II", len(head), len(payload)) + head)
    write_all(descriptor, payload)


def receive(descriptor: int) -> tuple[Header, bytes]:
    """Receive one frame; raises EOFError at the end."""
    head, body = struct.unpack(">II", read_exactly(descriptor, 8))
    return json.loads(read_exactly(descriptor, head)), read_exactly(descriptor, body)
