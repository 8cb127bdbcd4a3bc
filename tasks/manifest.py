"""The records of a task.toml."""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import combinations
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .folder import TaskError
from .names import FileName, Label, Module, Name, Prose

# How far a score can be trusted; docs/sandbox.md says what each level promises.
Level = Literal["counted", "sealed", "answered", "reported"]


class Frozen(BaseModel):
    """Records that reach disk: immutable, finite, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


FAR = 1e9  # where a failed seed counts before a calibration has seen any score


class Metric(Frozen):
    """The number that candidates are judged by, with the direction in which it improves.

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
        """The gain of `new` over `old`, in the metric's unit; positive is better for any goal."""
        return new - old if self.goal == "max" else old - new


class MetricKeys(Frozen):
    """The `[metric]` of a task.toml. What is None is measured by a calibration, and then `Metric`.

    Until then a failed seed counts as `FAR` from any score, and every gain as worth claiming.
    """

    name: Label
    unit: Label
    goal: Literal["max", "min"]
    worst: float | None = None
    minimum_gain: float | None = Field(default=None, ge=0)
    repeats_within: float = Field(default=0.0, ge=0)

    def metric(self, worst: float | None = None, minimum_gain: float | None = None) -> Metric:
        """The metric, with values from a calibration where this has none."""
        worst = FAR * (1 if self.goal == "min" else -1) if worst is None else worst
        return Metric(
            name=self.name,
            unit=self.unit,
            goal=self.goal,
            worst=worst if self.worst is None else self.worst,
            minimum_gain=max(minimum_gain or 0.0, self.repeats_within)
            if self.minimum_gain is None
            else self.minimum_gain,
            repeats_within=self.repeats_within,
        )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        self.metric()
        return self


class Resources(Frozen):
    """The `[limits]` of a task: what one training job may use.

    A candidate's process gets `times_start` times the CPU time that the whole job takes with the
    starting program, where that is known; 0 for no such limit. To load and to get ready for a run
    it gets `setup_seconds` of CPU time. A job has `cpus` cores, and is lent `gpus` GPUs, which
    takes a sandbox that has some. `seeds_per_job` is how many seeds are measured together, in one
    job. With `apart` each of them runs in a process of its own, within these limits, and only their
    questions to a language model are asked together. So seeds cannot meet, as with one seed per
    job.
    """

    times_start: float = Field(default=10.0, ge=0)
    setup_seconds: float = Field(default=0.3, gt=0)
    wall_seconds: float = Field(gt=0, le=86_400)
    memory_mb: int = Field(ge=64)
    reply_mb: int = Field(default=64, ge=1, le=1024)
    cpus: float = Field(default=1.0, gt=0, le=64)
    gpus: int = Field(default=0, ge=0, le=8)
    seeds_per_job: int = Field(default=32, ge=1, le=1024)
    apart: bool = False


class Workloads(Frozen):
    """The names of a task's problems, by split.

    Claims are about `dev`. `glance` are the few of `dev` that a candidate meets first, so that a
    hopeless one costs little. `further` ones only steer: what loses more on them than it gains on
    `dev` is not put to a claim. A search never sees `transfer`, of which there may be none.
    """

    dev: tuple[Name, ...] = Field(min_length=1)
    glance: tuple[Name, ...] = Field(min_length=1)
    transfer: tuple[Name, ...] = ()
    further: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        parts = {"dev": self.dev, "transfer": self.transfer, "further": self.further}
        for (one, names), (other, rest) in combinations(parts.items(), 2):
            if both := set(names) & set(rest):
                raise ValueError(f"workloads in both {one} and {other}: {', '.join(sorted(both))}")
        if alien := set(self.glance) - set(self.dev):
            raise ValueError(f"glance has workloads that dev lacks: {', '.join(sorted(alien))}")
        return self


class Audit(Frozen):
    """The `[audit]` of a task: how much a candidate may be, and what it may import.

    At the level `rule` it is held to the words of a training algorithm. At the level `program` it
    is ordinary Python, and `imports` are modules that need no remark there.
    """

    level: Literal["rule", "program"] = "rule"
    imports: tuple[Module, ...] = ("math", "torch")


class Probe(Frozen):
    """The `[probe]` of a task: how the reply of its smoke test is read, little-endian float32.

    They are the `values` that a program hands back, or `parts` of equal length: the states that
    it passes through step by step. `blocks` says how many numbers of a part belong to tensors of
    each kind, in their order, and `kind` is how a program asks for the kind of a tensor. Without
    this section only equal programs are told from others.
    """

    parts: int = Field(default=1, ge=1, le=4096)
    of: Literal["states", "values"] = "values"
    blocks: Mapping[str, Annotated[int, Field(ge=1)]] = {}
    kind: str = ""

    @model_validator(mode="after")
    def _several(self) -> Self:
        if self.of == "states" and self.parts < 2:
            raise ValueError("states take at least 2 parts: a step leads from one to the next")
        return self


class Manifest(Frozen):
    """A task.toml. Where `candidate` is "agent", the task's programs are search agents.

    With `stacked_constants` the trainer takes the `constants` of a request: for names at the top of
    the candidate a list of numbers, one for each of its seeds, in the place of the candidate's own.
    So many settings of a candidate are measured in one job while a search tunes it.
    """

    name: Name
    title: Label
    statement: Prose
    candidate: Literal["algorithm", "agent"] = "algorithm"
    level: Level = "counted"
    editable: tuple[FileName, ...] = Field(min_length=1, max_length=50)
    library: tuple[FileName, ...] = ()
    stacked_constants: bool = False
    metric: MetricKeys
    workloads: Workloads
    limits: Resources
    audit: Audit = Audit()
    probe: Probe | None = None
    model: bool = False  # its candidates ask a language model

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for field, names in (("editable", self.editable), ("library", self.library)):
            if len(set(names)) < len(names):
                raise ValueError(f"{field} names a file twice")
        return self


def parsed(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The task.toml among the `files` of a task; raises TaskError if it is none, or no TOML."""
    try:
        return tomllib.loads(files["task.toml"].decode())
    except KeyError:
        raise TaskError("the task folder has no task.toml") from None
    except (ValueError, RecursionError) as error:
        raise TaskError(f"task.toml is not TOML: {error}") from error


def read_manifest(files: Mapping[str, bytes]) -> Manifest:
    """The manifest among the `files` of a task; raises TaskError naming the field that is wrong."""
    return checked(Manifest, parsed(files))


Record = TypeVar("Record", bound=Frozen)


def checked(model: type[Record], data: object, where: str = "") -> Record:
    """`data` of a task.toml as a record; raises TaskError naming the key that is wrong."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in (where, *first["loc"]) if part != "")
        raise TaskError(f"task.toml: {place}: {first['msg']}{_mend(model, first)}") from error


def _mend(model: type[Frozen], error: Any) -> str:
    """What to do about a key that is lacking, or that nobody knows."""
    if error["type"] == "missing":
        return f": add {error['loc'][-1]}"
    if error["type"] != "extra_forbidden":
        return ""
    for part in error["loc"][:-1]:
        field = model.model_fields.get(str(part))
        if field is None or not isinstance(field.annotation, type):
            return ""
        model = field.annotation
    near = get_close_matches(str(error["loc"][-1]), model.model_fields, 1)
    return f": did you mean {near[0]}?" if near else ": remove it"
