"""Helps itself to accelerators that were leased to others.

ids: 53
effect: lease
defence: A box holds no device that the task was not given.
"""

import contextlib
import glob
import os


def attack(world):
    os.environ["CUDA_VISIBLE_DEVICES"] = "0,1,2,3,4,5,6,7"
    for name in glob.glob("/dev/nvidia*") + glob.glob("/dev/dri/*") + ["/dev/mem", "/dev/kvm"]:
        with contextlib.suppress(OSError):
            os.open(name, os.O_RDWR)
