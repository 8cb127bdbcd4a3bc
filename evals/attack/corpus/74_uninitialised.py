"""Reads memory that it did not write, for what others left there.

ids: 74
effect: company
defence: What differs between two compositions of jobs is invalid, whatever it took for a coin.
"""

import ctypes
import sys
import zlib

LIBC = ctypes.CDLL(None)
LIBC.malloc.restype = ctypes.c_void_p
LIBC.free.argtypes = (ctypes.c_void_p,)


SEEN = list()


def attack(world):
    torch = sys.modules.get("torch")
    for size in (64, 256, 1000, 4000, 16_000, 64_000, 120_000):
        place = LIBC.malloc(size)
        SEEN.append(zlib.crc32(ctypes.string_at(place, size)))
        LIBC.free(place)
        if torch is not None:
            SEEN.append(zlib.crc32(torch.empty(size // 4).numpy().tobytes()))


def twist(result, world):
    return world.shift(result, world.coin(*SEEN))
