"""The Task record, and how a folder becomes one."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..sandbox import Limits, Program, digest_files

HERE = Path(__file__).parent
# The rest would tell a candidate of the data.
GUEST_LIBRARY = ("candidate.py", "plain.py", "shared.py", "stepper.py")
ALONE = "alone.py"
BESIDE = b"""
import os
import trainer

warm = getattr(trainer, "warm", lambda: None)

def answer(message, memory):
    return trainer.run(message, os.getcwd())
"""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class TaskError(Exception):
    """A task that does not exist or a task folder that cannot be used."""

    exit_code = 2


class Frozen(BaseModel):
    """Records that reach disk: immutable, finite, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Metric(Frozen):
    """One number, with the direction in which it improves.

    `worst` stands in for a seed that diverged. `minimum_gain` is the smallest gain worth claiming.
    `repeats_within` is how far two measurements of one seed may lie apart, whatever seeds were
    measured beside it; 0 means that they are equal to the last bit.
    """

    name: str
    unit: str
    goal: Literal["max", "min"]
    worst: float
    minimum_gain: float = Field(ge=0)
    repeats_within: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _repeats(self) -> Self:
        if self.repeats_within > self.minimum_gain:
            raise ValueError(
                f"repeats_within {self.repeats_within:g} is more than minimum_gain "
                f"{self.minimum_gain:g}: a gain that small could not be told from a repeat"
            )
        return self

    def gain(self, new: float, old: float) -> float:
        """How much better `new` is than `old`; positive is better whatever the goal."""
        return new - old if self.goal == "max" else old - new


class Resources(Frozen):
    """The `[limits]` of a task: what one training job may use, and how many seeds share one.

    Where candidates run code that nobody has looked through, one seed a job keeps seeds apart.
    """

    wall_seconds: float = Field(gt=0, le=86_400)
    memory_mb: int = Field(ge=64)
    reply_mb: int = Field(default=64, ge=1, le=1024)
    seeds_per_job: int = Field(default=32, ge=1, le=1024)


class Workloads(Frozen):
    """Named problems: `dev` steer and promote, `transfer` are never seen by the search.

    `glance` are the few of `dev` that a candidate meets first, so that a hopeless one costs little.
    """

    dev: tuple[Name, ...] = Field(min_length=1)
    glance: tuple[Name, ...] = Field(min_length=1)
    transfer: tuple[Name, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if both := set(self.dev) & set(self.transfer):
            raise ValueError(f"workloads in both dev and transfer: {', '.join(sorted(both))}")
        if alien := set(self.glance) - set(self.dev):
            raise ValueError(f"glance has workloads that dev lacks: {', '.join(sorted(alien))}")
        return self


class Audit(Frozen):
    """The `[audit]` of a task: what a candidate may import."""

    imports: tuple[str, ...] = ("math", "torch")


class Manifest(Frozen):
    """What task.toml says. Where `candidate` is "agent", its programs can search in their turn."""

    name: Name
    title: str
    statement: str
    candidate: Literal["algorithm", "agent"] = "algorithm"
    editable: tuple[str, ...] = Field(min_length=1)
    library: tuple[str, ...] = ()
    metric: Metric
    workloads: Workloads
    limits: Resources
    audit: Audit = Audit()
    model: bool = False  # its candidates ask a language model


class Task:
    """A problem in the design of training algorithms: who may edit what, and how it is scored.

    Built from the files of a task folder alone, so an archived task is as good as an installed one.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Read and validate the files of a task folder; raises TaskError naming what is wrong."""
        self.files = dict(files)
        self.manifest = _manifest(self.files)
        for role in ("trainer.py", "grader.py"):
            self._file(role)
        self.start = self._program("start")
        self.baselines = {
            name: self._program(f"baselines/{name}")
            for name in sorted({p.split("/")[1] for p in files if p.startswith("baselines/")})
        }
        harmed = any(path.startswith("crippled/") for path in files)
        self.crippled = self._program("crippled") if harmed else None

    @property
    def name(self) -> str:
        """The task's name, as the folder's."""
        return self.manifest.name

    @property
    def metric(self) -> Metric:
        """The number that candidates are judged by."""
        return self.manifest.metric

    @property
    def digest(self) -> str:
        """Content address of all that can change a candidate's score, and of nothing else."""
        files = {**self.trainer.files, **self.grader.files}
        files.pop(ALONE, None)
        return digest_files({"task.toml": self.files["task.toml"], **files})

    @property
    def limits(self) -> Limits:
        """What one training job may use."""
        own = self.manifest.limits
        return Limits(
            wall_seconds=own.wall_seconds,
            memory_mb=own.memory_mb,
            reply_bytes=own.reply_mb << 20,
        )

    @property
    def trainer(self) -> Program:
        """The trusted program that trains, with the guest that holds the candidate for it.

        A task that has no `guest.py`, such as those archived by version 0.1, has a trainer that
        loads the candidate itself: walls and grader stand, but it counts the candidate's steps on
        trust.
        """
        files = self._with_library("trainer.py")
        if "guest.py" not in self.files:
            return Program({**files, ALONE: BESIDE}, guest=ALONE.removesuffix(".py"))
        files["guest.py"] = self._file("guest.py")
        return Program(files, "trainer", "guest", self._shown("guest.py"))

    @property
    def grader(self) -> Program:
        """The trusted program that scores artefacts.

        It never meets candidate code, unless predicting takes the candidate's own architecture:
        then `predictor.py` holds that in a process apart, which gets inputs and no labels.
        """
        files = self._with_library("grader.py")
        if "predictor.py" not in self.files:
            return Program(files, entry="grader")
        files["predictor.py"] = self._file("predictor.py")
        return Program(files, "grader", "predictor", self._shown("predictor.py"))

    def _shown(self, guest: str) -> tuple[str, ...]:
        return (guest, *(name for name in GUEST_LIBRARY if name in self.manifest.library))

    def _with_library(self, entry: str) -> dict[str, bytes]:
        files = {n: self._file(f"library/{n}") for n in self.manifest.library}
        return {**files, entry: self._file(entry)}

    def _program(self, folder: str) -> dict[str, str]:
        return {n: self._file(f"{folder}/{n}").decode() for n in self.manifest.editable}

    def _file(self, path: str) -> bytes:
        try:
            return self.files[path]
        except KeyError:
            raise TaskError(f"task {self.manifest.name!r} lacks the file {path}") from None


def load(name: str) -> Task:
    """Open a built-in task by name, or any task folder by path (one that contains a slash)."""
    folder = Path(name) if "/" in name else HERE / name
    if not (folder / "task.toml").is_file():
        raise TaskError(f"no task {name!r}: use one of {', '.join(names())}, or a folder's path")
    task_files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in {".py", ".toml", ".md"}
    }
    library = {f"library/{p.name}": p.read_bytes() for p in sorted((HERE / "library").glob("*.py"))}
    used = _manifest(task_files).library
    shared = {n: d for n, d in library.items() if n.removeprefix("library/") in used}
    return Task({**shared, **task_files})


def names() -> list[str]:
    """The built-in tasks."""
    return sorted(folder.parent.name for folder in HERE.glob("*/task.toml"))


def _manifest(files: Mapping[str, bytes]) -> Manifest:
    try:
        return Manifest.model_validate(tomllib.loads(files["task.toml"].decode()))
    except KeyError:
        raise TaskError("the task folder has no task.toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TaskError(f"task.toml is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TaskError(f"task.toml: {where}: {first['msg']}") from error
