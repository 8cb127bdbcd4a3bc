"""An episode: the files as they stand, the best of them so far, and what may still be spent."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ...sandbox.text import clean, line
from ...tasks import Task, TaskError
from ..door import admit, unfit
from ..measure import probe
from ..records import Candidate
from .calls import Action, ActionError, Edit, Replace, Run, Submit, Validate, View, Write, parse
from .scores import Opener, Scored, Scorer, candidate
from .words import printed, validated

LONGEST_REPLY = 32_768  # characters: a whole file with line numbers
REMEMBERED, LONGEST_MEMORY = 30, 160  # actions in the history, and characters of each


class Reply(NamedTuple):
    """The answer to an action: safe text, whether the action was valid, and what it measured."""

    text: str
    valid: bool = True
    scored: Scored | None = None


@dataclass
class EpisodeBudget:
    """What is left of an episode: actions, and trials."""

    steps: int
    trials: int

    def __str__(self) -> str:
        """Both in words."""
        return f"{self.steps} steps and {self.trials} trials left"


class Episode:
    """Tools to edit a program with and to measure it. Reads and runs no file of this machine."""

    def __init__(
        self,
        task: Task,
        start: Mapping[str, str],
        scorer: Scorer,
        sandbox: Opener,
        budget: EpisodeBudget,
    ) -> None:
        """Begin with the files of `start`; raises TaskError if they are not the editable ones.

        Another start than the task's has to be text that is short enough.
        """
        if set(start) != set(task.manifest.editable):
            names = ", ".join(task.manifest.editable)
            raise TaskError(f"an episode of {task.name!r} starts from the files {names}")
        if start != task.start and (why := unfit(start, task.manifest.editable)):
            raise TaskError(f"no episode of {task.name!r} can start so: {why}")
        self.files, self.budget = dict(start), budget
        self.best = 0.0
        self.best_files = dict(start)
        self.submitted: Candidate | None = None
        self.end: Literal["", "submitted", "steps", "trials"] = ""
        self._task, self._start, self._scorer, self._sandbox = task, dict(start), scorer, sandbox
        self._history: deque[str] = deque(maxlen=REMEMBERED)
        self._count = 0

    @property
    def history(self) -> str:
        """The last actions with the first line of their answers, oldest first."""
        return "\n".join(self._history)

    @property
    def trials(self) -> int:
        """How many trials were taken, those of the start included."""
        return self._scorer.trials

    def digests(self) -> dict[str, str]:
        """Content addresses: of the files as they stand, the best ones, and what was submitted.

        `submitted` is "" until the end, and then the start's if nothing else was submitted.
        """
        final = self.submitted or candidate(self._start)
        return {
            "program": candidate(self.files).digest,
            "best": candidate(self.best_files).digest,
            "submitted": final.digest if self.end else "",
        }

    def act(self, action: Action | str) -> Reply:
        """Carry out one action, which costs a step even if it is invalid.

        Raises SandboxError or TaskError for what is no program's fault.
        """
        if self.end:
            return Reply("the episode is over: reset the environment", valid=False)
        self.budget.steps -= 1
        self._count += 1
        name = "?"
        try:
            call = parse(action) if isinstance(action, str) else action
            name = "files" if isinstance(call, Replace) else call.tool
            reply = self._carried_out(call)
        except ActionError as error:
            reply = Reply(f"error: {error}", valid=False)
        reply = reply._replace(text=clean(reply.text, LONGEST_REPLY))
        memory = f"{self._count} {name}: {reply.text.partition(chr(10))[0]}"
        self._history.append(line(memory, LONGEST_MEMORY))
        self._stop_if_spent()
        return reply

    def _carried_out(self, call: Action) -> Reply:
        match call:
            case View():
                return self._view(call)
            case Edit():
                return self._edit(call)
            case Write():
                return self._write({call.file: call.text})
            case Replace():
                self._write(call.files)
                return self._validate()
            case Run():
                return self._run()
            case Validate():
                return self._validate()
            case Submit():
                return self._submit()

    def _text(self, name: str) -> str:
        if name not in self.files:
            names = ", ".join(self.files)
            raise ActionError(f"there is no file {name!r} to edit: the files are {names}")
        return self.files[name]

    def _view(self, call: View) -> Reply:
        lines = self._text(call.file).split("\n")
        first = 1 if call.first is None else call.first
        last = len(lines) if call.last is None else min(call.last, len(lines))
        if not 1 <= first <= last:
            raise ActionError(
                f"view: {call.file} has the lines 1 to {len(lines)}, not {first} to {call.last}"
            )
        excerpt = "\n".join(f"{n}\t{lines[n - 1]}" for n in range(first, last + 1))
        return Reply(f"{call.file}, lines {first} to {last} of {len(lines)}:\n{excerpt}")

    def _edit(self, call: Edit) -> Reply:
        text = self._text(call.file)
        if not call.old:
            raise ActionError("edit: `old` is empty: quote the text that is to be replaced")
        places = _places(text, call.old)
        if not places:
            raise ActionError(
                f"edit: `old` does not occur in {call.file}: quote it with its exact spaces and "
                f"line breaks; nothing was changed"
            )
        if len(places) > 1:
            where = ", ".join(str(text.count("\n", 0, at) + 1) for at in places[:9])
            raise ActionError(
                f"edit: `old` occurs {len(places)} times in {call.file} (at lines {where}): quote "
                f"more of the lines around it; nothing was changed"
            )
        at = places[0]
        return self._write({call.file: text[:at] + call.new + text[at + len(call.old) :]})

    def _write(self, files: Mapping[str, str]) -> Reply:
        for name in files:
            self._text(name)
        if why := unfit(files, tuple(files)):
            raise ActionError(f"{why}; nothing was changed")
        if not files or all(self.files[name] == text for name, text in files.items()):
            return Reply("no text is different: nothing was changed")
        self.files |= files
        return Reply(f"changed {', '.join(files)}; the program has not been run")

    def _run(self) -> Reply:
        admission = admit(self.files, self._task)
        if admission.refused:
            return Reply(_not_allowed(admission.refused))
        result = probe(candidate(self.files), self._task, self._sandbox())
        outcome = "it runs" if result.status == "ok" else f"it fails: {result.status}"
        flags = "".join(f"\nnote: {flag}" for flag in admission.flags)
        return Reply(f"{outcome}{flags}{printed(result.log)}")

    def _validate(self) -> Reply:
        if refused := admit(self.files, self._task).refused:
            return Reply(_not_allowed(refused))
        cost = self._scorer.cost(self.files)
        if cost > self.budget.trials:
            left = self.budget.trials
            raise ActionError(f"it takes {cost} evaluations to measure this, and {left} are left")
        self.budget.trials -= cost
        scored = self._scorer.score(self.files)
        if scored.valid and scored.gain.gain > self.best:
            self.best, self.best_files = scored.gain.gain, dict(self.files)
        return Reply(validated(self._task, scored, self.best), scored=scored)

    def _submit(self) -> Reply:
        """The files as they stand if they have a score, else the best that have one."""
        try:
            reply = self._validate()
        except ActionError as error:
            reply = Reply(str(error))
        if reply.scored and reply.scored.valid:
            self._finish("submitted", self.files)
            return reply._replace(text=f"submitted: {reply.text}")
        self._finish("submitted", self.best_files)
        return reply._replace(text=f"submitted the best program so far instead: {reply.text}")

    def _stop_if_spent(self) -> None:
        if self.end:
            return
        if self.budget.steps <= 0:
            self._finish("steps", self.best_files)
        elif self.budget.trials < self._scorer.seeds:
            self._finish("trials", self.best_files)

    def _finish(
        self, end: Literal["submitted", "steps", "trials"], files: Mapping[str, str]
    ) -> None:
        self.end = end
        self.submitted = candidate(files) if dict(files) != self._start else None


def _not_allowed(refused: Sequence[str]) -> str:
    return "not allowed: " + "\nnot allowed: ".join(refused)


def _places(text: str, part: str) -> list[int]:
    """The positions at which `part` occurs in `text`, overlaps included."""
    places = [at] if (at := text.find(part)) >= 0 else []
    while places and (at := text.find(part, places[-1] + 1)) >= 0:
        places.append(at)
    return places
