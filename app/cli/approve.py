"""Show a person what waits for a decision, and take the answer."""

import difflib
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.prompt import Prompt
from rich.text import Text

from ...archive import Archive, ArchiveError
from ...evals import admit
from ...folder import read, write
from ...sandbox.text import clean, line
from ...search.desk.consent import Decision, Question, Unanswered, decide, pending
from ...tasks import Task
from . import view

MATTERS = {"candidate": "may it run?", "confirmation": "may it be put to fresh seeds?"}


def asker(console: Console, task: Task) -> Callable[[Question], Decision] | None:
    """Ask whoever sits at this terminal; None where nobody does. Edits must suit `task`."""
    if not sys.stdin.isatty():
        return None
    one_at_a_time = threading.Lock()

    def ask(question: Question) -> Decision:
        with one_at_a_time:
            console.print(drawn(question))
            try:
                return _answer(question, console, task)
            except EOFError:  # the terminal has gone
                raise Unanswered(question.id) from None

    return ask


def _answer(question: Question, console: Console, task: Task) -> Decision:
    choices = ["approve", "reject", *(["edit"] if question.what == "candidate" else [])]
    choice = Prompt.ask("your decision", choices=choices, console=console)
    if choice == "reject":
        reason = Prompt.ask("why (the agent will read it)", console=console)
        return Decision(id=question.id, approved=False, reason=reason)
    if choice == "approve":
        return Decision(id=question.id, approved=True)
    folder = Path(tempfile.mkdtemp(prefix="ratchet-edit-"))
    write(folder, question.after)
    while True:
        Prompt.ask(f"edit the files in {folder}, then press Enter", console=console, default="")
        try:
            files = _edited(question, folder, task)
        except ArchiveError as error:
            console.print(f"{error}.", markup=False)
            continue
        return Decision(id=question.id, approved=True, files=files)


def answer(
    archive: Archive, run: str, wanted: str, reject: str | None, folder: Path | None
) -> list[Decision]:
    """Decide the waiting questions whose id begins with `wanted`.

    With `reject` they are rejected for that reason, else approved; `folder` holds edited files.
    Raises ArchiveError, and decides nothing, where no such question waits, where several wait for
    one `folder`, and where its files may not run.
    """
    task = archive.task(run)
    chosen = [question for question in pending(archive, run) if question.id.startswith(wanted)]
    if not chosen:
        raise ArchiveError(f"nothing that waits in run {run} is called {wanted!r}")
    if folder is not None and len(chosen) > 1:
        raise ArchiveError(f"--edit is for one question, and {len(chosen)} begin with {wanted!r}")
    decisions = [
        Decision(
            id=question.id,
            approved=reject is None,
            reason=reject or "",
            files=_edited(question, folder, task) if folder is not None else None,
        )
        for question in chosen
    ]
    for decision in decisions:
        decide(archive, run, decision)
    return decisions


def _edited(question: Question, folder: Path, task: Task) -> dict[str, str]:
    """The program as a person left it in `folder`; raises ArchiveError where it may not run."""
    files = read(folder, question.after)
    if refused := admit(files, task).refused:
        raise ArchiveError(f"the edited program may not run, and nothing is decided: {refused[0]}")
    return files


def record(question: Question) -> dict[str, Any]:
    """A waiting question, as JSON."""
    return {**question.model_dump(mode="json", exclude={"before", "after"}), "diff": diff(question)}


def drawn(question: Question) -> RenderableType:
    """A question with the change that it is about, and the audit's flags."""
    head = Text(f"{line(question.id)}: {line(question.idea)}\n", style="bold")
    head.append(f"a child of {line(question.parent)}: {MATTERS[question.what]}")
    facts = [f"flag: {line(flag)}" for flag in question.flags]
    facts += [line(question.screen)] if question.screen else []
    return Group(head, Text("\n".join(facts)), view.diff_view({"diff": diff(question)}))


def diff(question: Question) -> str:
    """What the child changes, as untrusted text."""
    lines: list[str] = []
    for name in sorted({*question.before, *question.after}):
        before = question.before.get(name, "").splitlines(keepends=True)
        after = question.after.get(name, "").splitlines(keepends=True)
        lines += difflib.unified_diff(before, after, f"parent/{name}", f"child/{name}")
    return clean("".join(lines), most=100_000)
