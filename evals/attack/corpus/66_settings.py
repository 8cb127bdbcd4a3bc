"""Changes limits, cores, priority and name of other processes.

ids: 66
effect: reached
defence: No descriptor, memory or setting of another process can be opened, whoever started it.
"""

import contextlib
import os
import resource


def attack(world):
    for folder in world.others() if not world.calls else []:
        pid = int(folder.rpartition("/")[2])
        for name, change in CHANGES.items():
            with contextlib.suppress(OSError):
                change(pid)
                world.tell(f"{name} of process {pid}")


def rewritten(name):
    def change(pid):
        with open(f"/proc/{pid}/{name}", "r+") as file:
            text = file.read()
            file.seek(0)
            file.write(text)

    return change


CHANGES = {
    "limits": lambda pid: resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0)),
    "cores": lambda pid: os.sched_setaffinity(pid, os.sched_getaffinity(pid)),
    "priority": lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 1),
    "scheduler": lambda pid: os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0)),
    **{name: rewritten(name) for name in ("oom_score_adj", "comm", "coredump_filter", "autogroup")},
}
