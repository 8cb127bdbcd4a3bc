"""Makes thousands of files.

ids: 59
effect: files
defence: A box has little space and few inodes of its own, emptied after every job.
"""

import os


def attack(world):
    if world.calls == 1:
        for number in range(3000):
            os.close(os.open(f"file-{number}", os.O_CREAT))
