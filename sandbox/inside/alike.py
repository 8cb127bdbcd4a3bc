"""Start the runner so that hashes and addresses are the same in each box.

Python draws the hashes of texts anew for each interpreter, and the kernel the places of its memory.
Both show in a program, in the order of a set and in the text of a function. So a candidate could
take them for a coin, which all jobs of a box would share.
"""

import ctypes
import os
import sys

FIXED_ADDRESSES = 0x0040000  # personality(2): ADDR_NO_RANDOMIZE
ENVIRONMENT = "PYTHONHASHSEED"


def start_alike() -> None:
    """Start this interpreter again with fixed hashes, unless it has them already.

    Addresses are fixed where the kernel and an engine's filter let them be. A candidate's process
    is a fork of the runner, so that it knows the runner's addresses in any case.
    """
    if not sys.flags.hash_randomization:
        return
    if personality := getattr(ctypes.CDLL(None), "personality", None):
        personality(FIXED_ADDRESSES)
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHON")}
    # -I would ignore the number that hashes start from; -s and -P are the rest of it
    arguments = ["-sP" if argument == "-I" else argument for argument in sys.orig_argv]
    os.execve(sys.executable, arguments, {**environment, ENVIRONMENT: "0"})
