"""The verb `new`: write the files of a task, over nothing that is there."""

import shlex
from pathlib import Path

from ...folder import write
from ...tasks import TaskError
from ...tasks.kitted import SCRIPT
from ...tasks.manifest import Level
from ...tasks.written import MANIFEST, written


def make(folder: Path, script: Path | None, level: Level | None) -> list[str]:
    """Write a task into `folder`; returns lines that say so, and what comes next.

    A train.py that lies there is its script. Raises TaskError where there is a task already, or
    another script in the place of this one.
    """
    if folder.is_file():
        raise TaskError(f"{folder} is a file: give a folder, and the script with --script")
    if (folder / MANIFEST).exists():
        raise TaskError(f"{folder} has a {MANIFEST} already: `ratchet check {folder}` looks at it")
    own = folder / SCRIPT
    if script is None and own.is_file():
        script = own
    if script is not None and own.exists() and not own.samefile(script):
        raise TaskError(f"{own} exists already: name another folder")
    task = written(level, script)
    files = {name: text for name, text in task.files.items() if not (folder / name).exists()}
    shown = shlex.quote(str(folder))
    return [
        *(f"wrote {path}" for path in write(folder, files)),
        *(f"yours to do: {remark}" for remark in task.remarks),
        "next:",
        f"  ratchet check {shown}",
        f"  ratchet search {shown}",
    ]
