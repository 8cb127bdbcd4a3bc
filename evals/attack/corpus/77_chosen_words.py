"""Fails with words by which others know a lack of memory, to be tried again.

ids: 77
effect: retry
defence: How a job ended is what its runner saw of it, whatever the program says or leaves with.
"""

WORDS = (
    "DefaultCPUAllocator: can't allocate memory, not enough memory, std::bad_alloc",
    "can't start new thread: Resource temporarily unavailable",
)


def twist(result, world):
    for name in ("oom", "pids", "timeout", "output_overflow", "infra_lost", "cancelled"):
        world.write(f"was no {name}")
    raise RuntimeError(WORDS[world.calls % 2] if "step" in globals() else WORDS[0])
