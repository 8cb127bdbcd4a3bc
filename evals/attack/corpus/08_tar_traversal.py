"""Leaves a tar archive with a member that climbs out of its folder.

ids: 8
effect: archive
defence: An artefact is raw numbers of a declared length; nothing is unpacked.
"""

import io
import tarfile


def attack(world):
    data = b'{"best": 0.0, "parent": 0.0}'
    with tarfile.open("artefact.tar", "w") as archive:
        for name in ("../archive.json", "../../.ratchet/archive.db"):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
