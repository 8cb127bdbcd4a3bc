"""Values that cross between trusted code and a candidate: JSON and raw arrays, never a pickle.

A message is the length of a head, the head, and the bytes of all arrays one after another. The head
is JSON: plain values stand for themselves, and an object of one key is a dict, a list, a tuple, or
an array of numpy or torch by its dtype and shape. What comes in is taken for hostile: everything is
checked before anything is made of it.
"""

import json
import math
import struct
import sys
from collections.abc import Iterator

HEAD = struct.Struct(">I")
MOST_VALUES, MOST_DEPTH, MOST_AXES, MOST_HEAD = 100_000, 50, 12, 16 << 20
WIDTHS = {
    "bool": 1, "uint8": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8,
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
}  # fmt: skip
PLAIN = (bool, int, float, str, type(None))
SENDABLE = "tensors, arrays, numbers, text, and dicts, lists and tuples of them"


class Unsendable(Exception):
    """A value that cannot cross; the message says where it stands, and what can."""


class Malformed(Exception):
    """Bytes that are no values."""


def pack(value: object) -> bytes:
    """The bytes of a value; raises Unsendable for what is more than data."""
    arrays: list[bytes] = []
    head = json.dumps(_described(value, "", 0, arrays)).encode()
    return b"".join([HEAD.pack(len(head)), head, *arrays])


def unpack(message: bytes) -> object:
    """The value of some bytes; raises Malformed for any that `pack` could not have made."""
    view = memoryview(message)
    if len(view) < HEAD.size or not 0 < HEAD.unpack_from(view)[0] <= MOST_HEAD:
        raise Malformed("no head")
    end = HEAD.size + HEAD.unpack_from(view)[0]
    try:
        described = json.loads(bytes(view[HEAD.size : end]))
    except (ValueError, RecursionError):
        raise Malformed("the head is no JSON") from None
    reader = _Reader(view[end:])
    value = reader.value(described, 0)
    if reader.at != len(reader.body):
        raise Malformed("bytes that belong to no array")
    return value


def _described(value: object, where: str, depth: int, arrays: list[bytes]) -> object:
    if depth > MOST_DEPTH:
        raise Unsendable(f"{where[:40]} ... is nested too deep")
    if type(value) in PLAIN:
        return value
    if isinstance(value, dict):
        return {"d": [_pair(k, v, where, depth, arrays) for k, v in value.items()]}
    if isinstance(value, list | tuple):
        parts = [_described(v, f"{where}[{i}]", depth + 1, arrays) for i, v in enumerate(value)]
        return {"t" if isinstance(value, tuple) else "l": parts}
    return _array(value, where or "the value", arrays)


def _array(value: object, where: str, arrays: list[bytes]) -> object:
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and isinstance(value, numpy.generic) and value.dtype.name in WIDTHS:
        return value.item()
    library, name, what = "", "", f"a {type(value).__name__}"
    if torch is not None and isinstance(value, torch.Tensor):
        library, name = "torch", str(value.dtype).removeprefix("torch.")
        what = f"a tensor of {name}"
    elif numpy is not None and isinstance(value, numpy.ndarray):
        library, name = "numpy", value.dtype.name
        what = f"an array of {name}"
    if name not in WIDTHS or (library, name) == ("numpy", "bfloat16"):
        raise Unsendable(f"{where} is {what}, and only {SENDABLE} can be handed over")
    arrays.append(_bytes(value, library))
    return {"a": [library, name, list(value.shape)]}


def _pair(key: object, value: object, where: str, depth: int, arrays: list[bytes]) -> list[object]:
    if type(key) not in (str, int, bool):
        raise Unsendable(f"a key of {where or 'the dict'} is a {type(key).__name__}, and not text")
    return [key, _described(value, f"{where}[{key!r}]", depth + 1, arrays)]


def _bytes(array, library: str) -> bytes:
    if library == "numpy":
        return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    import torch

    flat = array.detach().cpu().to_dense().reshape(-1).contiguous()
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


class _Reader:
    """Makes values of a head, and counts how much of the body they have taken."""

    def __init__(self, body: memoryview) -> None:
        self.body, self.at, self.values = body, 0, 0

    def value(self, described: object, depth: int) -> object:
        self.values += 1
        if depth > MOST_DEPTH or self.values > MOST_VALUES:
            raise Malformed("too many values, or nested too deep")
        if type(described) in PLAIN:
            return described
        if type(described) is not dict or len(described) != 1:
            raise Malformed("a value of no kind")
        ((kind, parts),) = described.items()
        if type(parts) is not list:
            raise Malformed("a value without parts")
        if kind == "a":
            return self._array(parts)
        if kind == "d":
            return dict(self._pairs(parts, depth))
        if kind not in ("l", "t"):
            raise Malformed("a value of no kind")
        values = [self.value(part, depth + 1) for part in parts]
        return values if kind == "l" else tuple(values)

    def _pairs(self, pairs: list[object], depth: int) -> Iterator[tuple[object, object]]:
        for pair in pairs:
            if type(pair) is not list or len(pair) != 2 or type(pair[0]) not in (str, int, bool):
                raise Malformed("a pair that is none")
            yield pair[0], self.value(pair[1], depth + 1)

    def _array(self, parts: list[object]) -> object:
        if len(parts) != 3 or parts[0] not in ("numpy", "torch") or type(parts[1]) is not str:
            raise Malformed("an array of no kind")
        library, name, shape = parts
        if name not in WIDTHS or (library, name) == ("numpy", "bfloat16"):
            raise Malformed("an array of no dtype")
        good = type(shape) is list and len(shape) <= MOST_AXES
        if not good or not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
            raise Malformed("an array of no shape")
        size = math.prod(shape) * WIDTHS[name]
        chunk = bytearray(self.body[self.at : self.at + size])
        if len(chunk) != size:
            raise Malformed("an array that is cut off")
        if name == "bool" and chunk.strip(b"\0\1"):
            raise Malformed("a bool that is neither true nor false")
        self.at += size
        if library == "numpy":
            import numpy

            return numpy.frombuffer(chunk, dtype=numpy.dtype(name).newbyteorder("<")).reshape(shape)
        import torch

        dtype = getattr(torch, name)
        flat = torch.frombuffer(chunk, dtype=dtype) if size else torch.empty(0, dtype=dtype)
        return flat.reshape(shape)
