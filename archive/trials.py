"""Finished trials, kept by what they were measured on, so that none is measured twice."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from ..evals import Seed, Split, Trial
from .database import Database
from .tables import TRIALS, once


class Trials:
    """The trials of an archive: environment, task and candidate are named by their digests."""

    def __init__(self, database: Database) -> None:
        """Keep trials in `database`."""
        self._db = database

    def add(
        self, environment: str, task: str, candidate: str, split: Split, trials: Iterable[Trial]
    ) -> None:
        """Keep finished trials; those archived already stay as they are."""
        key = {"environment": environment, "task": task, "candidate": candidate, "role": split}
        rows = [
            {
                **key,
                "seed": trial.seed.train,
                "sealed": trial.seed.sealed,
                "data": trial.model_dump(mode="json"),
            }
            for trial in trials
        ]
        if rows:
            with self._db.writing() as db:
                once(db, TRIALS, *rows)

    def of(
        self, environment: str, task: str, candidate: str, split: Split, seeds: Sequence[Seed]
    ) -> dict[Seed, Trial]:
        """The archived ones of the trials on these seeds, in the order of the seeds."""
        query = sa.select(TRIALS.c.seed, TRIALS.c.data).where(
            TRIALS.c.environment == environment,
            TRIALS.c.task == task,
            TRIALS.c.candidate == candidate,
            TRIALS.c.role == split,
            TRIALS.c.seed.in_([seed.train for seed in seeds]),
        )
        trials = [
            self._db.record(Trial, row["data"], f"a trial of {candidate} on seed {row['seed']}")
            for row in self._db.rows(query, TRIALS)
        ]
        archived = {trial.seed: trial for trial in trials}
        return {seed: archived[seed] for seed in seeds if seed in archived}
