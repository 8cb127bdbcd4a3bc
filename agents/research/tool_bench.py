"""A workspace with tools: an episode of the gym, put down as text after every call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...evals import Candidate, Estimate, Evaluation, Seed, judge
from ...evals.gym import Call, Episode, EpisodeBudget, Reply, Scorer
from ...sandbox import Isolation, Job, Result
from ...tasks import Frozen
from ..base import Brief, Desk


class Workspace(Frozen):
    """An episode between two calls, whole: nothing of it is kept anywhere else.

    `steps` and `trials` are left, `spent` are the trials made, those of the start
    included. `held` are all measurements by the program's digest. `end` says why no call follows,
    and then `submitted` is what it came to: nothing, where it is None.
    """

    files: Mapping[str, str]
    steps: int
    trials: int
    best_files: Mapping[str, str]
    best: float = 0.0
    spent: int = 0
    held: Mapping[str, Evaluation] = {}
    end: str = ""
    submitted: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Bench:
    """The workspace in which a proposal edits, runs and measures programs, on its own seeds."""

    brief: Brief
    seeds: Sequence[Seed]

    def begin(self, steps: int, trials: int) -> Workspace:
        """A workspace that holds the parent."""
        start = self.brief.parent.candidate.files
        return Workspace(files=start, best_files=start, steps=steps, trials=trials)

    def act(self, space: Workspace, call: Call) -> tuple[Workspace, Reply]:
        """Carry out one call.

        Raises what the desk raises, and what `measure` does; then it was not carried out.
        """
        brief, start = self.brief, self.brief.parent.candidate.files
        sandbox = AtDesk(brief.desk)
        scorer = Paid(brief, sandbox, self.seeds, space.held)
        left = EpisodeBudget(space.steps, space.trials)
        episode = Episode(brief.task, start, scorer, lambda: sandbox, left)
        episode.files = dict(space.files)
        episode.best, episode.best_files = space.best, dict(space.best_files)
        reply = episode.act(call)
        now = Workspace(
            files=episode.files,
            steps=left.steps,
            trials=left.trials,
            best_files=episode.best_files,
            best=episode.best,
            spent=space.spent + episode.trials,
            held=scorer.held,
            end=episode.end,
            submitted=episode.submitted.files if episode.submitted else None,
        )
        return now, reply

    def left(self, space: Workspace) -> Workspace:
        """The workspace when nobody goes on: its best program counts as submitted."""
        changed = space.best_files != self.brief.parent.candidate.files
        best = space.best_files if changed else None
        return space.model_copy(update={"end": "left", "submitted": best})

    def gain(self, space: Workspace, files: Mapping[str, str]) -> Estimate | None:
        """A program's gain over the parent, if both were measured."""
        own, start = (space.held.get(digest(f)) for f in (files, self.brief.parent.candidate.files))
        if own is None or start is None:
            return None
        return judge.estimate(judge.gains(own, start, self.brief.task.metric))


class Paid(Scorer):
    """A scorer whose measurements the run pays for, each program once."""

    def __init__(
        self,
        brief: Brief,
        sandbox: "AtDesk",
        seeds: Sequence[Seed],
        measured: Mapping[str, Evaluation],
    ) -> None:
        """Take over what is `measured`, by the program's digest."""
        super().__init__(brief.task, lambda: sandbox, brief.parent.candidate.files, seeds)
        self._desk = brief.desk
        self._evaluations |= measured

    @property
    def held(self) -> Mapping[str, Evaluation]:
        """All measurements so far, by the program's digest."""
        return dict(self._evaluations)

    def _measured(self, program: Candidate) -> Evaluation:
        if program.digest in self._evaluations:
            return self._evaluations[program.digest]
        with self._desk.charge(self.seeds):
            return super()._measured(program)


class AtDesk:
    """A desk's sandbox as a sandbox, which stays its owner's to close."""

    name = "desk"
    isolation: Isolation = "none"  # a desk promises none, and nothing here is kept as measured

    def __init__(self, desk: Desk) -> None:
        """Run at `desk`."""
        self._desk = desk

    def run(self, job: Job) -> Result:
        """Run `job`."""
        return self._desk.run(job)

    def describe(self) -> dict[str, str]:
        """An empty description: the run has described its sandbox already."""
        return {}

    def close(self) -> None:
        """Leave it open."""


def digest(files: Mapping[str, str]) -> str:
    """The content address by which programs are held."""
    return Candidate(files=files, idea="", proposer="").digest
