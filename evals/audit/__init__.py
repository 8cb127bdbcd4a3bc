"""Read a candidate before it runs. Defence in depth: the sandbox is the wall, this is the sign.

What a training algorithm has no need of is refused; what it may have, but a reader should know of,
is flagged. Code is parsed and never run, and torch is not imported.
"""

import ast
import re
from collections.abc import Iterator, Mapping

from ...sandbox.text import is_visible, line
from ...tasks import Frozen, Task
from ..carried import MOST_CODE, MOST_WORDS, carried
from ..syntax import Unreadable, parse
from .wording import AuditFinding, Wording, literals

SOURCE_BYTES = 20_000
LITERAL_BYTES = 4_000
COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263
IMPORTS = ("math", "torch")


class AuditFindings(Frozen):
    """A sentence for each thing found: what must not run, and what a reader should know of."""

    refused: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def audit(files: Mapping[str, str], task: Task | None = None) -> AuditFindings:
    """Look through the files of a candidate, of `task` where it is known."""
    refused: list[str] = []
    flags: list[str] = []
    imports = frozenset(task.manifest.audit.imports if task else IMPORTS)
    for name in sorted(files):
        for finding in _file(files[name], imports, *_words(task)):
            where = f"{name}:{finding.line}" if finding.line else name
            (flags if finding.flag else refused).append(line(f"{where} {finding.what}", 300))
    refused += _data(files, task)
    return AuditFindings(refused=tuple(dict.fromkeys(refused)), flags=tuple(dict.fromkeys(flags)))


def _data(files: Mapping[str, str], task: Task | None) -> list[str]:
    """A sentence if the files together hold more than a program of their kind has to say."""
    if any(len(text) > SOURCE_BYTES for text in files.values()):
        return []  # refused for that already
    wordy = task is None or task.manifest.model or task.manifest.candidate == "agent"
    most = MOST_WORDS if wordy else MOST_CODE
    size = sum(map(carried, files.values()))
    what = "of names, numbers and text (compressed), and more than"
    return [f"holds {size} bytes {what} {most} look like data"] if size > most else []


def _words(task: Task | None) -> tuple[frozenset[str], frozenset[str]]:
    """The names of the task's workloads, and of its library's modules."""
    if task is None:
        return frozenset(), frozenset()
    workloads = task.manifest.workloads
    library = (name.removesuffix(".py") for name in task.manifest.library)
    return frozenset({*workloads.dev, *workloads.transfer}), frozenset(library)


def _file(
    source: str, imports: frozenset[str], words: frozenset[str], library: frozenset[str]
) -> Iterator[AuditFinding]:
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
    yield from Wording(tree, imports, words, library).findings()
    size = sum(_size(node) for node in literals(tree))
    if size > LITERAL_BYTES:
        yield AuditFinding(
            f"holds {size} bytes of literals, and more than {LITERAL_BYTES} look like data"
        )


def _text(source: str) -> Iterator[AuditFinding]:
    """What can be seen without parsing."""
    size = len(source.encode(errors="replace"))
    if size > SOURCE_BYTES:
        yield AuditFinding(f"has {size} bytes, and {SOURCE_BYTES} are the most")
    lines = source.replace("\r\n", "\n").split("\n")
    for number, text in enumerate(lines, 1):
        if not is_visible(text):
            yield AuditFinding("has control, bidi or invisible characters in its text", number)
    for number, text in enumerate(lines[:2], 1):
        found = COOKIE.match(text)
        if found and found[1].lower().replace("_", "-") not in ("utf-8", "utf8"):
            yield AuditFinding(
                f"declares the encoding {found[1]}, which reads as another program", number
            )


def _size(node: ast.Constant) -> int:
    value = node.value
    if isinstance(value, bool) or value is None:
        return 0
    if isinstance(value, int) and value.bit_length() > 64:
        return 1 + value.bit_length() * 30_103 // 100_000  # digits: to write them out may raise
    return len(value.encode(errors="replace")) if isinstance(value, str) else len(repr(value))
