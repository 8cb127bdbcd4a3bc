"""The Task record, and how a folder becomes one."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..sandbox import Limits, Program, digest_files
from ..sandbox.text import line
from .folder import TaskError, check_programs, files_in
from .motifs import Facts, facts
from .names import BASELINE, FileName, Label, Module, Name, Words

HERE = Path(__file__).parent
# The rest would tell a candidate of the data.
GUEST_LIBRARY = ("candidate.py", "plain.py", "shared.py", "stepper.py")
LEAST_CPU_SECONDS = 5.0  # below this, what a busy machine adds would count for too much
ALONE = "alone.py"
DATA_KEY = "data_key.py"
ALLOWANCE = "allowance.py"
BESIDE = b"""
import os
import trainer

warm = getattr(trainer, "warm", lambda: None)

def answer(message, memory):
    return trainer.run(message, os.getcwd())
"""


class Frozen(BaseModel):
    """Records that reach disk: immutable, finite, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Metric(Frozen):
    """One number, with the direction in which it improves.

    `worst` stands in for a seed that diverged. `minimum_gain` is the smallest gain worth claiming.
    `repeats_within` is how far two measurements of one seed may lie apart, whatever seeds were
    measured beside it; 0 means that they are equal to the last bit.
    """

    name: Label
    unit: Label
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

    A candidate's process gets `times_start` times the CPU time that the whole job takes with the
    starting program, where that is known; 0 for no such limit. To load and to get ready for a run
    it gets `setup_seconds` of CPU time.
    """

    times_start: float = Field(default=10.0, ge=0)
    setup_seconds: float = Field(default=0.3, gt=0)
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

    imports: tuple[Module, ...] = ("math", "torch")


class Manifest(Frozen):
    """What task.toml says. Where `candidate` is "agent", its programs can search in their turn."""

    name: Name
    title: Label
    statement: Words
    candidate: Literal["algorithm", "agent"] = "algorithm"
    editable: tuple[FileName, ...] = Field(min_length=1, max_length=50)
    library: tuple[FileName, ...] = ()
    metric: Metric
    workloads: Workloads
    limits: Resources
    audit: Audit = Audit()
    model: bool = False  # its candidates ask a language model

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for field, names in (("editable", self.editable), ("library", self.library)):
            if len(set(names)) < len(names):
                raise ValueError(f"{field} names a file twice")
        return self


class Task:
    """A problem in the design of training algorithms: who may edit what, and how it is scored.

    Built from the files of a task folder alone, so an archived task is as good as an installed one.
    """

    def __init__(self, files: Mapping[str, bytes], data: int = 0) -> None:
        """Read and validate the files of a task folder; raises TaskError naming what is wrong.

        `data` is the number that its generators draw with; 0 stands for the published data.
        """
        self.files, self.data = dict(files), data
        self.manifest = _manifest(self.files)
        for role in ("trainer.py", "grader.py"):
            self._file(role)
        self.start = self._program("start")
        self.baselines = {name: self._program(f"baselines/{name}") for name in _baselines(files)}
        harmed = any(path.startswith("crippled/") for path in files)
        self.crippled = self._program("crippled") if harmed else None

    def keyed(self, data: int) -> "Task":
        """The same task, whose data are drawn with `data`: other shapes, languages and worlds.

        What identifies the task, its `digest`, stays. Raises TaskError for what is no such number.
        """
        if type(data) is not int or not 0 <= data < 2**63:
            raise TaskError("the number that draws a task's data is not one from 0 to 2**63 - 1")
        return self if data == self.data else Task(self.files, data)

    @property
    def name(self) -> str:
        """The task's name, as the folder's."""
        return self.manifest.name

    @property
    def metric(self) -> Metric:
        """The number that candidates are judged by."""
        return self.manifest.metric

    @property
    def motifs(self) -> Facts:
        """The types of the task's interface and what may be woven in, as its motifs.toml says.

        Raises MotifError if that file is wrong, which `load` checks.
        """
        return facts(self.files.get("motifs.toml", b""))

    @property
    def digest(self) -> str:
        """Content address of all that can change a candidate's score, and of nothing else."""
        files = {**self.trainer.files, **self.grader.files}
        for name in (ALONE, DATA_KEY, ALLOWANCE):
            files.pop(name, None)
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

    def limits_for(self, start_seconds: float) -> Limits:
        """The limits of a job that takes so many CPU seconds with the starting program.

        With 0, which stands for not known, the task's own limits hold.
        """
        allowed = self.manifest.limits.times_start * start_seconds
        seconds = max(LEAST_CPU_SECONDS, allowed) if allowed else 0.0
        return replace(self.limits, guest_cpu_seconds=seconds)

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
        return (guest, ALLOWANCE, *(n for n in GUEST_LIBRARY if n in self.manifest.library))

    def _with_library(self, entry: str) -> dict[str, bytes]:
        files = {n: self._file(f"library/{n}") for n in self.manifest.library}
        # A module for the trusted side alone: without a guest.py the candidate could read it.
        key = self.data if "guest.py" in self.files else 0
        own = {
            DATA_KEY: f"DATA = {key}\n".encode(),
            ALLOWANCE: f"SETUP_SECONDS = {self.manifest.limits.setup_seconds}\n".encode(),
        }
        return {**files, **own, entry: self._file(entry)}

    def _program(self, folder: str) -> dict[str, str]:
        program = dict[str, str]()
        for name in self.manifest.editable:
            try:
                program[name] = self._file(f"{folder}/{name}").decode()
            except UnicodeDecodeError:
                raise TaskError(f"{folder}/{name} is not UTF-8") from None
        return program

    def _file(self, path: str) -> bytes:
        try:
            return self.files[path]
        except KeyError:
            raise TaskError(f"task {self.manifest.name!r} lacks the file {path}") from None


def load(name: str) -> Task:
    """Open a built-in task by name, or any task folder by path (one that contains a slash).

    Raises TaskError naming the file that is wrong, and MotifError if that is motifs.toml.
    """
    folder = Path(name) if "/" in name else HERE / name
    if "\0" in name or not os.path.isfile(folder / "task.toml"):
        raise TaskError(f"no task {name!r}: use one of {', '.join(names())}, or a folder's path")
    shipped = folder.resolve().is_relative_to(HERE.resolve())
    task_files = files_in(folder, HERE if shipped else folder)
    library = {f"library/{p.name}": p.read_bytes() for p in sorted((HERE / "library").glob("*.py"))}
    used = _manifest(task_files).library
    shared = {n: d for n, d in library.items() if n.removeprefix("library/") in used}
    task = Task({**shared, **task_files})
    check_programs(task_files)
    _ = task.motifs  # raises MotifError here rather than at the first proposal
    return task


def names() -> list[str]:
    """The built-in tasks."""
    return sorted(folder.parent.name for folder in HERE.glob("*/task.toml"))


def _baselines(files: Mapping[str, bytes]) -> list[str]:
    """The folders below baselines/, less what stands beside them."""
    parts = (path.split("/") for path in files)
    named = sorted({each[1] for each in parts if each[0] == "baselines" and len(each) > 2})
    for name in named:
        if BASELINE.fullmatch(name) is None:
            raise TaskError(
                f"baselines/{line(name, 60)} is no name for a baseline: use letters, digits and _"
            )
    return named


def _manifest(files: Mapping[str, bytes]) -> Manifest:
    try:
        return Manifest.model_validate(tomllib.loads(files["task.toml"].decode()))
    except KeyError:
        raise TaskError("the task folder has no task.toml") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TaskError(f"task.toml: {where}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise TaskError(f"task.toml is not TOML: {error}") from error
