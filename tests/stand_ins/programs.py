"""Call a task's trainer and grader as a search does, one job at a time."""

import json
from collections.abc import Sequence

from ratchet.sandbox import Job, Program, Result, Sandbox
from ratchet.tasks import Task

Scores = dict[str, dict[str, list[float]]]


def train(
    sandbox: Sandbox, task: Task, text: str, workloads: Sequence[str], seeds: Sequence[int]
) -> Result:
    """Train the program `text` on these workloads and seeds."""
    return _candidate(sandbox, task, text, {"workloads": workloads, "seeds": seeds})


def probe(sandbox: Sandbox, task: Task, text: str) -> Result:
    """Run the program `text` on tiny tensors."""
    return _candidate(sandbox, task, text, {"probe": 3})


def grade(
    sandbox: Sandbox,
    task: Task,
    workloads: Sequence[str],
    seeds: Sequence[int],
    sealed: Sequence[int],
    artefact: bytes,
    grader: Program | None = None,
) -> Scores:
    """What the grader, the task's own unless given, replies to an artefact."""
    request = {"workloads": workloads, "seeds": seeds, "sealed": sealed}
    result = sandbox.run(
        Job(grader or task.grader, json.dumps(request).encode() + b"\n" + artefact)
    )
    assert result.status == "ok", result.log
    reply: Scores = json.loads(result.reply)
    return reply


def _candidate(sandbox: Sandbox, task: Task, text: str, request: dict[str, object]) -> Result:
    (name,) = task.manifest.editable
    files = {name: text.encode()}
    return sandbox.run(Job(task.trainer, json.dumps(request).encode(), files, task.limits))
