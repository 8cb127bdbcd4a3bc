"""Lets the load of the machine decide what it does.

ids: 70
effect: company
defence: What differs between two compositions of jobs is invalid, whatever it took for a coin.
"""

import contextlib
import glob

PLACES = (
    *("/proc/loadavg", "/proc/stat", "/proc/uptime", "/proc/meminfo", "/proc/interrupts"),
    *("/proc/schedstat", "/proc/self/schedstat", "/proc/self/sched", "/proc/self/cgroup"),
    *("/proc/vmstat", "/proc/sys/kernel/random/uuid", "/sys/fs/cgroup/**/*usage*"),
    *("/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/memory.current"),
)


SEEN = list()


def attack(world):
    for place in PLACES if world.calls < 2 else ():
        for path in glob.glob(place, recursive=True)[:8]:
            with contextlib.suppress(OSError), open(path) as file:
                SEEN.append(file.read(4096))


def twist(result, world):
    return world.shift(result, world.coin(*SEEN))
