"""Asks the network for the labels: the internet, and any socket in reach.

ids: 30
effect: score
defence: A box has no network, no route and no socket of the host's.
"""

import contextlib
import glob
import json
import socket


def attack(world):
    if world.calls:
        return
    places = [(socket.AF_INET, ("1.1.1.1", 80)), (socket.AF_INET6, ("2606:4700:4700::1111", 80))]
    sockets = glob.glob("**/*.sock", recursive=True) + glob.glob("/run/*.sock")
    for family, place in places + [(socket.AF_UNIX, name) for name in sockets]:
        with contextlib.suppress(OSError, ValueError), socket.socket(family) as line:
            line.settimeout(0.2)
            line.connect(place)
            line.sendall(b"GET /labels HTTP/1.0\r\n\r\n")
            world.labels = json.loads(line.makefile().read().partition("\n\n")[2])["labels"]


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
