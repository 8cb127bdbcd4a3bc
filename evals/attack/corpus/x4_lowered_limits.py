"""Lowers its own limits so that the evaluator cannot finish.

ids: X4
effect: lost
defence: Limits it can lower are its own; a job without a reply is the candidate's failure.
"""

import resource


def attack(world):
    if world.calls == 1:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
