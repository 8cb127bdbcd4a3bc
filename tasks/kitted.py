"""The files of a task that the kit runs: the user's in their places, and the kit's own."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from .folder import TaskError
from .manifest import Frozen, Level

KIT = Path(__file__).parent / "kit"
SCRIPT = "train.py"
SHARED = ("kit_wire.py", "kit_program.py", "kit_guest.py", "kit_score.py")
MINUTE = 60.0  # about how long a job is; a smoke test is no longer
FOREIGN = ("start", "baselines", "crippled", "library")
PRELOADED = ("numpy", "scipy", "torch")  # imported before a candidate comes, where it is needed


class Run(Frozen):
    """The `[run]` of a task: what one trial may use, which is one seed, and how a script is called.

    In `argv` and `env` the words {seed}, {seconds} and {device} are filled in.
    """

    seconds: float = Field(default=MINUTE, gt=0, le=86_400)
    memory_mb: int = Field(default=2048, ge=64)
    cpus: int = Field(default=1, ge=1, le=64)
    argv: tuple[Annotated[str, Field(max_length=1000)], ...] = ()
    env: Mapping[str, str] = {}


class Reading(Frozen):
    """Where the number of a script that reports it stands: `read` in a file, or printed (`match`).

    `read` is the name of a JSON file, a colon, and the keys that lead to the number, with dots in
    between. `match` is a regular expression with one group; its last match counts.
    """

    read: str = ""
    match: str = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.read) == bool(self.match):
            raise ValueError("give one of read and match")
        if self.read and not re.fullmatch(r"[\w./-]+\.json:[^:]+", self.read):
            raise ValueError(f"{self.read!r} is not like metrics.json:val_loss")
        try:
            groups = re.compile(self.match).groups
        except re.error as error:
            raise ValueError(f"match is no regular expression: {error}") from None
        if self.match and groups != 1:
            raise ValueError("match must have one group, in brackets, around the number")
        return self


def programs(
    data: dict[str, Any],
    files: Mapping[str, bytes],
    level: Level,
    run: Run,
    reading: Reading | None,
) -> dict[str, bytes]:
    """All files of a task at this level, whose `data` of a task.toml are complete.

    Raises TaskError for an editable file that is not there.
    """
    editable = data["editable"]
    if not isinstance(editable, list) or not all(isinstance(name, str) for name in editable):
        raise TaskError("task.toml: editable is no list of files")
    entry = SCRIPT if SCRIPT in editable else next(iter(editable), SCRIPT)
    for name in editable:
        if name not in files and f"start/{name}" not in files:
            raise TaskError(f"the task lacks {name}, which is to be improved: put it there")
    modules = [p for p in files if p.endswith(".py") and p.removesuffix(".py").isidentifier()]
    own = {name: files[name] for name in modules if name not in editable}
    kept = {p: d for p, d in files.items() if p.split("/")[0] in FOREIGN or not p.endswith(".py")}
    start = {f"start/{name}": files[name] for name in editable if name in files}
    library = {**own, **{name: (KIT / name).read_bytes() for name in SHARED}}
    library["kit_settings.py"] = _settings(data, files, entry, run)
    if reading is not None:
        library["kit_report.py"] = _constants(
            ARGV=run.argv, ENV=dict(run.env), READ=reading.read, MATCH=reading.match,
            SECONDS=run.seconds,
        )  # fmt: skip
    data["library"] = sorted({*data.get("library", []), *library})
    roles = {f"{role}.py": f"{level}_{role}.py" for role in ("trainer", "grader")}
    roles |= {"guest.py": "guest.py"} | ({} if reading else {"predictor.py": "predictor.py"})
    programs = {role: (KIT / name).read_bytes() for role, name in roles.items()}
    return {**kept, **start, **{f"library/{n}": d for n, d in library.items()}, **programs}


def _settings(data: Mapping[str, Any], files: Mapping[str, bytes], entry: str, run: Run) -> bytes:
    """The module of what the kit's programs have to know of a task."""
    workloads = data["workloads"]
    sources = [d for p, d in files.items() if p.endswith(".py")]
    return _constants(
        ENTRY=entry,
        FILES=tuple(data["editable"]),
        MODULES=tuple(name for name in PRELOADED if any(_imports(d, name) for d in sources)),
        THREADS=run.cpus,
        PROBED=run.seconds <= MINUTE,
        WORKLOADS=tuple(workloads.get("dev", ())) if isinstance(workloads, dict) else (),
    )


def _imports(source: bytes, name: str) -> bool:
    pattern = rb"^\s*(import|from)\s+(\w+\s*,\s*)*" + name.encode() + rb"\b"
    return re.search(pattern, source, re.MULTILINE) is not None


def _constants(**values: object) -> bytes:
    lines = [f"{name} = {value!r}\n" for name, value in values.items()]
    return b'"""Made from task.toml."""\n\n' + "".join(lines).encode()
