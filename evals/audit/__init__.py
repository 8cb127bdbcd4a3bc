"""Read a candidate before it runs. Defence in depth: the sandbox is the wall, this is the sign.

There are two levels, and a task names its own. At the level `rule` what a training algorithm has no
need of is refused. At the level `program` ordinary code is allowed; what hides from a reader or
reaches for the walls is refused. At both, what a reader should know of is flagged. Code is parsed
and never run, and torch is not imported.

The files, in reading order:

    __init__     the audit: every check of a file, and of all files together
    wording      the checks of a syntax tree at the level `rule`
    forbidden    the attributes that no value may be asked for there
    ordinary     the checks of a syntax tree at the level `program`
    walls        the words that are refused or flagged there

What a candidate may take from torch and math stands, for `rule`, in the library of the tasks.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from ...sandbox.text import is_visible, line
from ...tasks import Frozen, Task, TaskError
from ...tasks.manifest import Audit
from ..carried import MOST_CODE, MOST_PROGRAM, MOST_WORDS, carried
from ..syntax import Unreadable, parse
from .ordinary import Ordinary
from .wording import AuditFinding, Wording, literals

SOURCE_BYTES = 20_000
LITERAL_BYTES = 4_000
PROGRAM_LITERAL_BYTES = 8_000  # help texts and tables of settings included
SHOWN = 5  # reasons in a sentence
COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263


class AuditFindings(Frozen):
    """Sentences: the reasons why a candidate must not run, and what a reader should know of it."""

    refused: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def audit(files: Mapping[str, str], task: Task | None = None) -> AuditFindings:
    """Look through the files of a candidate; `task` says what it may import and must not name."""
    own = task.manifest.audit if task else Audit()
    refused: list[str] = []
    flags: list[str] = []
    for name in sorted(files):
        for finding in _file(files[name], own, task):
            where = f"{name}:{finding.line}" if finding.line else name
            (flags if finding.flag else refused).append(line(f"{where} {finding.what}", 300))
    refused += _data(files, own, task)
    return AuditFindings(refused=tuple(dict.fromkeys(refused)), flags=tuple(dict.fromkeys(flags)))


def audit_start(task: Task) -> AuditFindings:
    """The audit of a task's starting program, for all that begins to work on the task.

    Raises TaskError with the reasons where the start itself is refused: so would all that comes of
    it be.
    """
    findings = audit(task.start, task)
    if not findings.refused:
        return findings
    reasons = listed(findings.refused)
    mend = "change these lines"
    if task.manifest.audit.level == "rule":
        mend += ', or allow ordinary Python with level = "program" under [audit] in task.toml'
    raise TaskError(f"the audit refuses the start of task {task.name!r}: {reasons}: {mend}")


def listed(sentences: Sequence[str]) -> str:
    """The first few of some findings, and how many more there are."""
    more = len(sentences) - SHOWN
    return "; ".join([*sentences[:SHOWN], *([f"and {more} more"] if more > 0 else [])])


def _data(files: Mapping[str, str], own: Audit, task: Task | None) -> list[str]:
    """A sentence if the files together hold more than a program of their kind has to say."""
    if any(len(text) > SOURCE_BYTES for text in files.values()):
        return []  # refused for that already
    wordy = task is None or task.manifest.model or task.manifest.candidate == "agent"
    most = MOST_WORDS if wordy else MOST_CODE
    most = MOST_PROGRAM if own.level == "program" else most
    size = sum(map(carried, files.values()))
    if size <= most:
        return []
    what = "of names, numbers and text (compressed), and more than"
    return [f"holds {size} bytes {what} {most} look like data"]


def _library(task: Task | None) -> frozenset[str]:
    """The names of the modules of the task's library."""
    named = task.manifest.library if task else ()
    return frozenset(name.removesuffix(".py") for name in named)


def _file(source: str, own: Audit, task: Task | None) -> Iterator[AuditFinding]:
    yield from _text(source)
    try:
        tree = parse(source)
    except Unreadable as error:
        yield AuditFinding(str(error))
        return
    except (SyntaxError, ValueError, SystemError) as error:
        what = f"is not Python: {getattr(error, 'msg', None) or error}"
        yield AuditFinding(what, getattr(error, "lineno", None) or 0)
        return
    imports, library = frozenset(own.imports), _library(task)
    most = LITERAL_BYTES
    if own.level == "program":
        most = PROGRAM_LITERAL_BYTES
        yield from Ordinary(source, tree, imports, library).findings()
    else:
        split = task.manifest.workloads if task else None
        workloads = (
            frozenset((*split.dev, *split.further, *split.transfer)) if split else frozenset[str]()
        )
        yield from Wording(tree, imports, workloads, library).findings()
    size = sum(_size(node) for node in literals(tree))
    if size > most:
        yield AuditFinding(f"holds {size} bytes of literals, and more than {most} look like data")


def _text(source: str) -> Iterator[AuditFinding]:
    """AuditFindings that need no parsing."""
    size = len(source.encode(errors="replace"))
    if size > SOURCE_BYTES:
        yield AuditFinding(f"has {size} bytes, and {SOURCE_BYTES} are the most")
    lines = source.replace("\r\n", "\n").split("\n")
    for number, text in enumerate(lines, 1):
        if not is_visible(text):
            yield AuditFinding("has control, bidi or invisible characters in its text", number)
    for number, text in enumerate(lines[:2], 1):
        cookie = COOKIE.match(text)
        if cookie and cookie[1].lower().replace("_", "-") not in ("utf-8", "utf8"):
            yield AuditFinding(
                f"declares the encoding {cookie[1]}, which reads as another program", number
            )


def _size(node: ast.Constant) -> int:
    """Bytes of a literal as it is written."""
    value = node.value
    if isinstance(value, bool) or value is None:
        return 0
    if isinstance(value, int) and value.bit_length() > 64:
        return 1 + value.bit_length() * 30_103 // 100_000  # digits: to write them out may raise
    return len(value.encode(errors="replace")) if isinstance(value, str) else len(repr(value))
