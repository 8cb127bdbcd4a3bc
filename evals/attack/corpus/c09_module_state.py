"""Keeps what it sees in one call for the others, in a place that all of them share.

ids: C9
effect: score
defence: A process serves one job, and under vmap the seeds of a job cannot see each other.
"""

import sys
import types

SEEN = sys.modules.setdefault("kept_between_calls", types.ModuleType("kept_between_calls"))


def attack(world):
    for module in list(sys.modules.values()) if not world.calls else []:
        if isinstance(honest := vars(module).get("metric"), types.FunctionType):

            def metric(predictions, labels, honest=honest):
                SEEN.labels = labels if len(labels) == 99 else getattr(SEEN, "labels", [])
                return honest(predictions, labels)

            module.metric = metric
    if world.calls == 1 and hasattr(world.args[0], "validate"):
        world.args[0].validate(world.args[0].labels)


def twist(result, world):
    SEEN.results = [*getattr(SEEN, "results", []), result][-4:]
    return world.answer(result, getattr(SEEN, "labels", []))
