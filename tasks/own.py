"""A task of one's own: what its folder leaves out is filled in, so that it is one like any other.

A folder with a trainer of its own lacks at most keys of its task.toml. One with a `score.py`, or
whose script states its score, gets trainer, grader and guest from `kit/`, and its programs get the
places that a task has for them. All of that is made of files, and archived with them.
"""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any, get_args

from .folder import TaskError
from .kitted import MINUTE, SCRIPT, Reading, Run, programs
from .manifest import Audit, Level, checked, parsed

SCORE = "score.py"
MOST_SEEDS = 32  # that share a job
REPLY_MB = 256


def completed(files: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    """The files of a task whose folder has this name, with all that its author may leave out.

    Files that leave out nothing are returned as they are. Raises TaskError naming what is wrong.
    """
    data = parsed(files)
    if _whole(data) and ("trainer.py" in files or SCORE not in files):
        return dict(files)
    level = _level(data, files)
    data["level"] = level
    reading = _reading(data, level)
    run = checked(Run, data.pop("run", {}), "run")
    _fill(data, files, folder, run)
    whole = files if level == "counted" else programs(data, files, level, run, reading)
    return {**whole, "task.toml": _toml(data)}


def _whole(data: Mapping[str, Any]) -> bool:
    """Whether a task.toml names all that it had to name before there were defaults."""
    keys = {"name", "title", "statement", "editable", "metric", "workloads", "limits"}
    metric, workloads = data.get("metric"), data.get("workloads")
    if not isinstance(metric, dict) or not isinstance(workloads, dict) or "run" in data:
        return False
    return keys <= data.keys() and "unit" in metric and not metric.keys() & {"read", "match"}


def _level(data: Mapping[str, Any], files: Mapping[str, bytes]) -> Level:
    """How far a score can be trusted, by what the folder has."""
    metric = data.get("metric")
    if not isinstance(metric, dict):
        raise TaskError(
            'task.toml lacks a [metric]: add metric = { name = "val_loss", goal = "min" }'
        )
    level = data.get("level") or _seen(metric, files)
    if level not in get_args(Level):
        raise TaskError(f"task.toml: level is none of {', '.join(get_args(Level))}")
    return level


def _seen(metric: Mapping[str, Any], files: Mapping[str, bytes]) -> Level:
    if "trainer.py" in files:
        return "counted"
    if metric.keys() & {"read", "match"}:
        return "reported"
    if SCORE not in files:
        raise TaskError(
            f"the task has no {SCORE}, so nothing scores it: write one, or say in [metric] where "
            'the script leaves its score, such as read = "metrics.json:val_loss"'
        )
    names = _functions(files[SCORE])
    return "sealed" if "training" in names or "call" not in names.get("score", []) else "answered"


def _functions(source: bytes) -> dict[str, list[str]]:
    """The functions at the top of a program, with the names of their arguments."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError) as error:
        where = f", line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else ""
        raise TaskError(f"{SCORE}{where or ' is no program'}") from None
    return {f.name: [a.arg for a in f.args.args] for f in body if isinstance(f, ast.FunctionDef)}


def _reading(data: dict[str, Any], level: Level) -> Reading | None:
    metric = data["metric"]
    given = {key: metric.pop(key) for key in ("read", "match") if key in metric}
    if level != "reported":
        if given:
            raise TaskError(f"task.toml: metric.{next(iter(given))} is for a script that reports")
        return None
    return checked(Reading, given, "metric")


def _fill(data: dict[str, Any], files: Mapping[str, bytes], folder: str, run: Run) -> None:
    """Put the defaults of a task.toml in their places."""
    name = data.setdefault("name", _name(folder))
    data.setdefault("title", str(name).replace("_", " ").capitalize())
    data.setdefault("editable", [SCRIPT])
    metric = data["metric"]
    metric.setdefault("unit", metric.get("name"))
    data.setdefault("statement", _statement(data))
    workloads = data.get("workloads", [name])
    if isinstance(workloads, list):
        workloads = {"dev": workloads}
    if isinstance(workloads, dict) and isinstance(workloads.get("dev"), list):
        workloads.setdefault("glance", workloads["dev"][:1])
    data["workloads"] = workloads
    if "limits" not in data:
        data["limits"] = _limits(run)
    if "level" in Audit.model_fields and data["level"] != "counted":
        data.setdefault("audit", {}).setdefault("level", "program")


def _limits(run: Run) -> dict[str, Any]:
    """The limits of a job, of which each seed runs in a process of its own, within a trial's."""
    return {
        "times_start": 0.0,
        "wall_seconds": run.seconds,
        "memory_mb": run.memory_mb,
        "cpus": float(run.cpus),
        "reply_mb": REPLY_MB,
        "seeds_per_job": max(1, min(MOST_SEEDS, int(MINUTE / run.seconds))),
        "apart": True,
    }


def _name(folder: str) -> str:
    """A name for a task, from that of its folder."""
    name = re.sub(r"[^a-z0-9]+", "_", folder.lower()).strip("_")[:50]
    return name if name[:1].isalpha() else f"task_{name}".rstrip("_")


INTERFACE: Mapping[Level, str] = {
    "sealed": "`train(data)` is given the training data and returns weights: dicts, lists and "
    "tuples of tensors, arrays and numbers. `predict(weights, inputs)` is given those weights in "
    "another process, and inputs on which its predictions are scored.",
    "answered": "Its functions are called with values, and what they return is scored.",
    "reported": "It is run as a script, and states its score itself.",
}


def _statement(data: Mapping[str, Any]) -> str:
    metric, editable = data["metric"], data["editable"]
    goal = {"min": "Lower", "max": "Raise"}.get(str(metric.get("goal")), "Improve")
    files = ", ".join(map(str, editable)) if isinstance(editable, list) else editable
    words = f"{goal} the {metric.get('name')} of {files}. {INTERFACE.get(data['level'], '')}"
    return words.strip()


def _toml(data: Mapping[str, Any]) -> bytes:
    """A task.toml with these values."""
    return "".join(f"{key} = {_written(value)}\n" for key, value in data.items()).encode()


def _written(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_written(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False, default=str)
