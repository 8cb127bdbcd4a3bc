"""What earlier runs taught: which edits, motifs and places paid, and for whom. A file of TOML."""

import json
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from ...sandbox.text import line
from ...tasks import Frozen
from .credit import PARTS, Arm, Part, Total, Totals, summed

LARGEST = 1_000_000  # bytes of a file that is read
MOST_PLACES = 40  # of a task: those that were tried most often
ABOUT = """\
# Written by `ratchet learn`: what paid in past searches, by search seeds alone. Each line has what
# was tried and, for every baseline or start that the programs descend from, the sum of rewards and
# the number of proposals. A reward is the chance, after its screen, that a proposal is better than
# its parent by a step that counts.
"""


class LearnedError(Exception):
    """A file of what was learned that cannot be used."""

    exit_code = 2


def _possible(pair: tuple[float, int]) -> tuple[float, int]:
    if not 0 <= pair[0] <= pair[1]:
        raise ValueError(f"{pair[1]} proposals cannot have brought {pair[0]:g}")
    return pair


Name = Annotated[str, Field(min_length=1, max_length=200)]
Pair = Annotated[tuple[float, int], AfterValidator(_possible)]
Families = Mapping[Name, Pair]  # by the name of the planted ancestor


class Taught(Frozen):
    """The run of an archive that taught something: how many of its proposals did so."""

    run: Name
    task: Name
    digest: str
    begun: str
    proposals: int = Field(ge=0)


class Learned(Frozen):
    """What was learned for one task, and from which runs; nothing where there are none."""

    runs: tuple[Taught, ...] = ()
    edit: Mapping[Name, Families] = {}
    motif: Mapping[Name, Families] = {}
    place: Mapping[Name, Families] = {}

    @property
    def totals(self) -> Totals:
        """The same, as the bandit reads it."""
        return {
            (part, name): {family: Total(*pair) for family, pair in families.items()}
            for part in PARTS
            for name, families in getattr(self, part).items()
        }

    def only(self, known: Mapping[Part, Collection[str]]) -> tuple["Learned", list[str]]:
        """What is known of each part, and the names that are not."""
        left, unknown = dict[str, Mapping[str, Families]](), list[str]()
        for part, names in known.items():
            arms: Mapping[str, Families] = getattr(self, part)
            left[part] = {name: arms[name] for name in arms if name in names}
            unknown += [name for name in arms if name not in names]
        return self.model_copy(update=left), unknown


class Document(Frozen):
    """A whole file: what was learned of each task, by which version of Ratchet."""

    format: Literal[1]
    version: str = ""
    tasks: Mapping[Name, Learned] = {}

    def learned(self, task: str) -> Learned:
        """What was learned of a task, which may be nothing."""
        return self.tasks.get(task, Learned())

    @property
    def text(self) -> str:
        """The file, in TOML."""
        return "\n".join([ABOUT, *_lines(self)]) + "\n"


def version() -> str:
    """The version of Ratchet that learns."""
    return metadata.version("ratchet")


def merged(lessons: Iterable[tuple[Taught, Totals]]) -> Learned:
    """What some runs of one task teach together."""
    runs, whole = list[Taught](), dict[Arm, dict[str, Total]]()
    for taught, brought in lessons:
        runs.append(taught)
        for arm, families in brought.items():
            own = whole.setdefault(arm, {})
            for family, total in families.items():
                own[family] = summed([own.get(family, Total()), total])
    edit, motif, place = (_kept(whole, part) for part in PARTS)
    return Learned(runs=tuple(runs), edit=edit, motif=motif, place=place)


def _kept(totals: Totals, part: Part) -> dict[str, dict[str, tuple[float, int]]]:
    """The arms of a part as a file keeps them, in the order of their names."""
    tried = {
        name: sum(total.tried for total in families.values())
        for (kind, name), families in totals.items()
        if kind == part
    }
    names = sorted(tried, key=lambda name: (-tried[name], name))
    names = [n for n in names if tried[n] > 1][:MOST_PLACES] if part == "place" else names
    return {
        name: {
            family: (round(total.reward, 3), round(total.tried))
            for family, total in sorted(totals[arm].items())
        }
        for name in sorted(names)
        for arm in [_arm(part, name)]
    }


def read_file(path: Path) -> Document:
    """Read a file; raises LearnedError where it is none that `ratchet learn` writes."""
    try:
        if path.stat().st_size > LARGEST:
            raise LearnedError(f"{path} is too large for a file of `ratchet learn`: name another")
        data = tomllib.loads(path.read_text("utf-8"))
        return Document.model_validate(data)
    except OSError as error:
        raise LearnedError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        why = line(f"{where}: {first['msg']}", 300)
    except (ValueError, RecursionError) as error:
        why = line(str(error), 300)
    raise LearnedError(f"{path} is not what `ratchet learn` writes ({why}): write it anew")


def _arm(part: Part, name: str) -> Arm:
    return part, name


def _lines(document: Document) -> Iterator[str]:
    yield f"format = {document.format}"
    yield f"version = {_quoted(document.version)}"
    for name, task in document.tasks.items():
        for run in task.runs:
            yield f"\n[[tasks.{_key(name)}.runs]]"
            for key, value in run.model_dump().items():
                yield f"{key} = {value if isinstance(value, int) else _quoted(value)}"
        for part in PARTS:
            yield f"\n[tasks.{_key(name)}.{part}]"
            for arm, families in getattr(task, part).items():
                pairs = ", ".join(f"{_key(f)} = {list(pair)}" for f, pair in families.items())
                yield f"{_key(arm)} = {{ {pairs} }}"


def _key(name: str) -> str:
    """A name as a key of TOML."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    """A string of TOML, which is one of JSON where nothing in it is invisible."""
    return json.dumps(line(text), ensure_ascii=False)
