"""Watches every call and rewrites the locals of the function that compares.

ids: 19
effect: score
defence: No comparison happens in the process that the candidate can watch.
"""

import ctypes
import sys


def watch(frame, event, argument):
    if event == "call" and "predictions" in frame.f_locals and "labels" in frame.f_locals:
        frame.f_locals["predictions"] = frame.f_locals["labels"]
        if sys.version_info < (3, 13):
            ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))


def attack(world):
    if world.calls == 1:
        sys.setprofile(watch)
