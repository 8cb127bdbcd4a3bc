"""Makes its parent's recorded score worse.

ids: 61
effect: archive
defence: The archive is the host's alone; no box can reach a file or a database of it.
"""

import glob


def attack(world):
    for place in (".", "..", "/root", "/home"):
        for name in glob.glob(f"{place}/**/archive.*", recursive=True):
            with open(name, "w") as file:
                file.write('{"best": -9.0, "parent": -9.0}')
