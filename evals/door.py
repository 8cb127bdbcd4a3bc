"""The one door through which every program passes before anything of ours or of Python reads it.

Programs come from agents, models, people, the gym and archives of others, and all of them are
text that nobody here wrote. What is cheap is asked first, so that a megabyte is refused unread.
"""

import re
from collections.abc import Mapping

from ..sandbox.text import line
from ..tasks import Frozen, Task
from .audit import SOURCE_BYTES, AuditFindings, audit
from .canonical import canonical
from .syntax import size

KEPT_BYTES = 100_000  # of all files together: what an archive keeps of a program that is too long
SHOWN = 3  # names in a sentence
NAME = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,100}(?<!\.)")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on some systems


class Admission(Frozen):
    """Whether a program may run, and what it is like.

    It may run if `refused`, which holds a sentence for each reason against it, is empty. A `barred`
    program may not even be kept: its files are not the task's, or hold no text, or too much of it.
    Then it has no canonical form and no size. `flags` are the audit's.
    """

    refused: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    barred: bool = False
    canonical: str = ""
    size: int = 0


def admit(files: object, task: Task) -> Admission:
    """Read a program that anyone may have written, for `task`: may it run, and what does it say?

    Raises nothing, and takes under a second for whatever it is.
    """
    try:
        if why := _foreign(files, task.manifest.editable):
            return Admission(refused=(why,), barred=True)
        assert isinstance(files, Mapping)
        return _read(dict(files), task)
    except Exception as error:  # the last net: what this code did not foresee is refused too
        return Admission(refused=(f"it cannot be read: {_named(error)}",), barred=True)


def unfit(files: object, names: tuple[str, ...]) -> str:
    """Why `files` cannot be a program of exactly these `names`: a sentence, or "" if they can.

    Each has to be text in UTF-8 that is short enough. Nothing is parsed.
    """
    if why := _foreign(files, names):
        return why
    assert isinstance(files, Mapping)
    return _too_long(files)


def is_plain(name: object) -> bool:
    """Whether a name is that of a file in the folder it is put in, on any system."""
    return (
        isinstance(name, str)
        and NAME.fullmatch(name) is not None
        and RESERVED.fullmatch(name) is None
    )


def _foreign(files: object, names: tuple[str, ...]) -> str:
    """Why `files` are not texts that can be kept under these `names`, or ""."""
    if not isinstance(files, Mapping):
        return f"it offers {type(files).__name__}, not files"
    if len(files) > len(names) or set(files) != set(names):
        return f"it offers {_listed(files)}, and the files of the task are {_listed(names)}"
    if strange := [name for name in names if not is_plain(name)]:
        return f"the task calls its files {_listed(strange)}, which are no plain names"
    for name in sorted(names):
        if why := _no_text(files[name]):
            return f"{name} {why}"
    total = sum(len(text.encode()) for text in files.values())
    return _too_long(files) if total > KEPT_BYTES else ""


def _no_text(text: object) -> str:
    if not isinstance(text, str):
        return f"holds {type(text).__name__}, not text"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        number = text.count("\n", 0, error.start) + 1
        return f"is not UTF-8: line {number} holds half of a character (a lone surrogate)"
    return ""


def _too_long(files: Mapping[str, str]) -> str:
    for name in sorted(files):
        if (length := len(files[name].encode())) > SOURCE_BYTES:
            return f"{name} has {length} bytes, and {SOURCE_BYTES} are the most"
    return ""


def _read(files: Mapping[str, str], task: Task) -> Admission:
    """The admission of texts that may be kept; too long ones are not audited."""
    if why := _too_long(files):
        findings = AuditFindings(refused=(why,))
    else:
        try:
            findings = audit(files, task)
        except Exception as error:  # whatever strange text makes Python raise
            findings = AuditFindings(refused=(f"it cannot be read: {_named(error)}",))
    return Admission(
        refused=findings.refused,
        flags=findings.flags,
        canonical=canonical(files),
        size=size(files),
    )


def _listed(names: object) -> str:
    """A few names, made harmless."""
    assert isinstance(names, Mapping | list | tuple)
    texts = [
        line(str(name)[:200], 60) or "''" for name, _ in zip(names, range(SHOWN), strict=False)
    ]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(texts)}{more}" if texts else "no file"


def _named(error: Exception) -> str:
    return line(f"{type(error).__name__}: {str(error)[:1000]}", 200)
