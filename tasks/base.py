"""A task, and how a folder becomes one."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..sandbox import Limits, Program, digest_files
from ..sandbox.text import line
from .folder import TaskError, baselines_in, check_programs, files_in
from .manifest import Frozen, Level, checked, read_manifest
from .motifs import Facts, facts
from .own import completed

HERE = Path(__file__).parent
# Library files that the guest's process may import. Any other could leak the training data.
GUEST_LIBRARY = (
    "candidate.py",
    "kit_guest.py", "kit_program.py", "kit_settings.py", "kit_wire.py", "lanes.py", "plain.py",
    "shared.py", "stepper.py", "vocabulary.py",
)  # fmt: skip
LEAST_CPU_SECONDS = 5.0  # below this, what a busy machine adds would count for too much
# Files that are made here, and put beside those of the task.
ALONE = "alone.py"  # the guest of a task that has none
DATA_KEY = "data_key.py"  # the number that draws the data, for the trusted side
ALLOWANCE = "allowance.py"  # the candidate's CPU time to get ready
CALIBRATED = "calibrated.toml"  # what a calibration measured in place of the author
GRADING = Limits(wall_seconds=120, memory_mb=4096)  # of a grader, where trials have no limits
BESIDE = b"""
import os
import trainer

warm = getattr(trainer, "warm", lambda: None)

def answer(message, memory):
    return trainer.run(message, os.getcwd())
"""


class Calibrated(Frozen):
    """What a calibrated.toml holds: the keys of `[metric]` that the author left out."""

    worst: float | None = None
    minimum_gain: float | None = None


class Task:
    """A problem in the design of training algorithms: which files may change, and how they score.

    Built from the files of a task folder alone, so an archived task is as good as an installed one.
    `start`, `crippled` (None where the task has none) and each of the `baselines`, by name, are
    programs: texts of the editable files.
    """

    def __init__(self, files: Mapping[str, bytes], data: int = 0) -> None:
        """Read and validate the files of a task folder; raises TaskError naming what is wrong.

        `data` is the number that its generators draw with; 0 stands for the published data.
        """
        self.files, self.data = dict(files), data
        self.manifest = read_manifest(self.files)
        self.metric = self.manifest.metric.metric(**self._calibrated())
        for role in ("trainer.py", "grader.py"):
            self._file(role)
        self.start = self._program("start")
        self.baselines = {name: self._program(f"baselines/{name}") for name in baselines_in(files)}
        harmed = any(path.startswith("crippled/") for path in files)
        self.crippled = self._program("crippled") if harmed else None

    def keyed(self, data: int) -> "Task":
        """The same task, whose data are drawn with `data`: other shapes, languages and worlds.

        The `digest` stays. Raises TaskError for a number that is not from 0 to 2**63 - 1.
        """
        if type(data) is not int or not 0 <= data < 2**63:
            raise TaskError("the number that draws a task's data is not one from 0 to 2**63 - 1")
        return self if data == self.data else Task(self.files, data)

    def settled(self, worst: float | None, minimum_gain: float | None) -> "Task":
        """The same task, with what a calibration measured where its author left out that key.

        The `digest` stays.
        """
        keys, given = self.manifest.metric, {"worst": worst, "minimum_gain": minimum_gain}
        new = {k: v for k, v in given.items() if v is not None and getattr(keys, k) is None}
        text = "".join(f"{key} = {float(value)!r}\n" for key, value in new.items())
        return Task({**self.files, CALIBRATED: text.encode()}, self.data) if new else self

    @property
    def name(self) -> str:
        """The task's name, as the folder's."""
        return self.manifest.name

    @property
    def level(self) -> Level:
        """How far a score can be trusted; docs/sandbox.md says what each level promises."""
        return self.manifest.level

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
        """The limits of one training job."""
        resources = self.manifest.limits
        return Limits(
            wall_seconds=resources.wall_seconds,
            memory_mb=resources.memory_mb,
            cpus=resources.cpus,
            reply_bytes=resources.reply_mb << 20,
            gpus=resources.gpus,
        )

    @property
    def grading(self) -> Limits:
        """The limits of one scoring job: those of a trial, where the kit scores each by itself."""
        return GRADING if self.level == "counted" else self.limits

    def limits_for(self, start_seconds: float) -> Limits:
        """The limits of a job that takes `start_seconds` of CPU time with the starting program.

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

    def _calibrated(self) -> dict[str, float | None]:
        data = tomllib.loads(self.files.get(CALIBRATED, b"").decode())
        return checked(Calibrated, data).model_dump()

    def _file(self, path: str) -> bytes:
        try:
            return self.files[path]
        except KeyError:
            raise TaskError(f"task {self.manifest.name!r} lacks the file {path}") from None


def load(name: str) -> Task:
    """Open a built-in task by name, or any task folder by path.

    Raises TaskError naming the file that is wrong, and MotifError if that is motifs.toml.
    """
    folder = HERE / name if name in names() else Path(name)
    if "\0" in name or not os.path.isfile(folder / "task.toml"):
        raise TaskError(_no_task(name))
    shipped = folder.resolve().is_relative_to(HERE.resolve())
    task_files = files_in(folder, HERE if shipped else folder)
    task_files.pop(CALIBRATED, None)
    task_files = completed(task_files, folder.resolve().name)
    library = {f"library/{p.name}": p.read_bytes() for p in sorted((HERE / "library").glob("*.py"))}
    used = read_manifest(task_files).library
    shared = {n: d for n, d in library.items() if n.removeprefix("library/") in used}
    task = Task({**shared, **task_files})
    check_programs(task_files)
    _ = task.motifs  # raises MotifError here rather than at the first proposal
    return task


def _no_task(name: str) -> str:
    """Why there is no task of that name, and how to make one."""
    if "\0" not in name and os.path.isfile(name):
        return (
            f"{line(name, 200)} is a script and no task: `ratchet new FOLDER --script "
            f"{line(name, 200)}` makes one of it"
        )
    if "\0" not in name and os.path.isdir(name):
        return f"{line(name, 200)} has no task.toml: `ratchet new {line(name, 200)}` writes one"
    return f"no task {name!r}: use one of {', '.join(names())}, or a folder's path"


def names() -> list[str]:
    """The names of the built-in tasks, sorted."""
    return sorted(folder.parent.name for folder in HERE.glob("*/task.toml"))
