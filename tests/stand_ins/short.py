"""The shipped tasks with shorter runs, for tests of anything but what is learnt in one."""

import re

from ratchet.tasks import Task, load

# What the tables of workloads become, by the file of the library that holds them.
CUTS = {
    "library/workloads.py": """WORKLOADS = {
    n: _cut(w, steps=w.steps // 8) for n, w in WORKLOADS.items()
}""",
    "library/runs.py": """RUNS = {
    n: _cut(r, workload=_cut(r.workload, steps=r.workload.steps // 8)) for n, r in RUNS.items()
}""",
    "library/control.py": """WORKLOADS = {
    n: _cut(w, updates=w.checkpoints, epochs=w.epochs // 4) for n, w in WORKLOADS.items()
}""",
}


def short(name: str) -> Task:
    """The shipped task of that name, each workload trained for an eighth of its length or so."""
    files = dict(load(name).files)
    for path, cut in CUTS.items():
        if path in files:
            files[path] += f"\nfrom dataclasses import replace as _cut\n\n{cut}\n".encode()
    # Agents search by two proposals, for one workload.
    files["trainer.py"] = re.sub(rb"(?m)^BUDGET = \d+", b"BUDGET = 2", files["trainer.py"])
    # Short runs score as bad ones do, and one without a score must still count as worse.
    toml = files["task.toml"].replace(b"worst = 0.25", b"worst = 2.0")
    files["task.toml"] = toml.replace(b'["bowl", "student", "tracking"]', b'["tracking"]')
    return Task(files)
