"""Every task as a gymnasium environment: `gymnasium.make("ratchet.evals.env:Ratchet/schedule-v0")`.

Importing this module registers the built-in tasks as `Ratchet/<task>-v0`. See docs/gym.md.
"""

import json
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from ..sandbox import Sandbox
from ..tasks import Task, TaskError, load, names
from .audit import SOURCE_BYTES
from .gateway import Gateway
from .gym import (
    LONGEST_ACTION,
    Action,
    Episode,
    EpisodeBudget,
    Lease,
    Reply,
    Scorer,
    statement,
    unit,
)
from .gym.episode import LONGEST_MEMORY, LONGEST_REPLY, REMEMBERED
from .gym.scores import STREAM
from .gym.words import rendered
from .records import Candidate
from .seeds import Keys, draw

Observation = dict[str, Any]
ESCAPED = 6  # characters of JSON for one that has to be escaped


class SettingsError(ValueError):
    """An environment was asked for with settings that cannot work."""

    exit_code = 2


class AnyText(spaces.Text):
    """Any text of at most `max_length` characters, be it empty or in any script."""

    def __init__(self, max_length: int, seed: int | np.random.Generator | None = None) -> None:
        """Samples are of printable ASCII."""
        super().__init__(max_length, min_length=0, charset=string.printable, seed=seed)

    def contains(self, x: object) -> bool:
        """Whether x is a text that is not too long."""
        return isinstance(x, str) and len(x) <= self.max_length


class ResearchEnv(gymnasium.Env[Observation, str]):
    """Improve a task's program by tool calls, each one a JSON text.

    An episode's return is the gain of its best validated program over the start, on the search
    seeds of that episode, in standard deviations of the start's score (`unit`), less the penalties.
    It ends with a submission (terminated) or when a budget is spent (truncated), and then the best
    program counts as submitted. Seeds that confirm or report a gain are never drawn here.
    """

    metadata = {"render_modes": ["ansi", "human"], "render_fps": 1}  # noqa: RUF012

    def __init__(
        self,
        task: str | Task,
        sandbox: str = "auto",
        steps: int = 30,
        trials: int = 256,
        accept_unisolated: bool = False,
        seeds: int = 8,
        penalty: float = 0.0,
        start: Mapping[str, str] | None = None,
        render_mode: str | None = None,
        backend: Sandbox | None = None,
        gateway: Gateway | None = None,
    ) -> None:
        """Open the task, and no sandbox yet.

        `task` is a name, a folder or an open task, `sandbox` as for `open_sandbox`, `steps` and
        `trials` are the budgets of an episode, `seeds` the trials of one validation. An
        invalid action costs `penalty`. `start` replaces the task's starting program. `backend` is
        an open sandbox to use instead, which is not closed here; `gateway` answers programs that
        ask a language model. With an open task, a `backend` or a `gateway` a spec has no JSON.
        Raises TaskError or SettingsError.
        """
        if steps < 1 or seeds < 2 or trials < seeds or penalty < 0:
            raise SettingsError(
                "an environment needs at least 1 step, 2 seeds, as many trials as seeds, and "
                "a penalty that is not negative"
            )
        if render_mode not in (None, "ansi", "human"):
            raise SettingsError(f"no render mode {render_mode!r}: use ansi or human")
        self.task = task if isinstance(task, Task) else load(task)
        self.render_mode = render_mode
        self._budget, self._seeds, self._penalty = (steps, trials), seeds, penalty
        self._start = dict(self.task.start if start is None else start)
        self._lease = Lease(sandbox, accept_unisolated)
        self._backend, self._gateway = backend, gateway
        self._statement = statement(self.task, seeds)
        self._episode: Episode | None = None
        self._feedback = ""
        self.action_space = AnyText(LONGEST_ACTION)
        self.observation_space = self._spaces()

    def _spaces(self) -> spaces.Dict:
        steps, trials = self._budget
        size = sum(max(SOURCE_BYTES, len(t)) + len(n) + 8 for n, t in self._start.items())
        budget: dict[str, spaces.Space[Any]] = {
            "steps": spaces.Discrete(steps + 1),
            "trials": spaces.Discrete(trials + 1),
        }
        return spaces.Dict(
            {
                "statement": AnyText(len(self._statement)),
                "files": AnyText(ESCAPED * size),
                "feedback": AnyText(LONGEST_REPLY),
                "history": AnyText(REMEMBERED * (LONGEST_MEMORY + 1)),
                "budget": spaces.Dict(budget),
                "best": spaces.Box(0.0, float(np.finfo(np.float64).max), (), np.float64),
            }
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode with new search seeds; equal `seed`s give equal episodes.

        Raises TaskError for a start whose files are not the task's.
        """
        super().reset(seed=seed)
        steer, sealed = (self.np_random.bytes(16).hex() for _ in range(2))
        keys = Keys(steer, sealed, self.task.data)
        seeds = draw(keys, STREAM, self._seeds)
        scorer = Scorer(self.task, self._sandbox, self._start, seeds, self._gateway)
        budget = EpisodeBudget(*self._budget)
        self._episode = Episode(self.task, self._start, scorer, self._sandbox, budget)
        self._feedback = ""
        return self._observation(), self._info(Reply(""))

    def step(self, action: str) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Carry out an action, and say in the observation what is wrong with it.

        Raises ResetNeeded where no episode runs, and what `measure` raises.
        """
        if self.over:
            raise gymnasium.error.ResetNeeded("the episode is over: call reset() first")
        episode = self._running()
        best = episode.best
        reply = self._act(action)
        reward = 0.0
        if not reply.valid:
            reward -= self._penalty
        if episode.best > best:
            reward += (episode.best - best) / self.unit
        terminated = episode.end == "submitted"
        truncated = episode.end in ("steps", "trials")
        return self._observation(), reward, terminated, truncated, self._info(reply)

    def call(self, tool: Action) -> str:
        """Carry out a tool call outside of `step`, with the same effects; returns the feedback.

        Raises what `step` raises.
        """
        return self._act(tool).text

    @property
    def unit(self) -> float:
        """The gain that earns a reward of one, in the metric's unit; measured at the first use."""
        return unit(self.task, self._sandbox(), self._gateway)

    @property
    def over(self) -> bool:
        """Whether the episode has ended."""
        return bool(self._running().end)

    @property
    def submitted(self) -> Candidate | None:
        """The program that the episode ended with; None before, or if nothing beat the start."""
        return self._running().submitted

    @property
    def trials(self) -> int:
        """How many trials the episode has taken, those of the start included."""
        return self._running().trials

    def render(self) -> str | None:
        """The state in a few lines: returned in mode ansi, printed in mode human."""
        if self.render_mode is None:
            return None
        episode = self._running()
        text = rendered(self.task, str(episode.budget), episode.best, self._feedback)
        if self.render_mode == "ansi":
            return text
        print(text)
        return None

    def close(self) -> None:
        """Give the sandbox back; the last environment to do so closes it. Idempotent."""
        self._lease.close()

    def _act(self, action: Action | str) -> Reply:
        reply = self._running().act(action)
        self._feedback = reply.text
        if self.render_mode == "human":
            self.render()
        return reply

    def _running(self) -> Episode:
        if self._episode is None:
            raise gymnasium.error.ResetNeeded("there is no episode yet: call reset() first")
        return self._episode

    def _sandbox(self) -> Sandbox:
        return self._lease.sandbox() if self._backend is None else self._backend

    def _observation(self) -> Observation:
        episode = self._running()
        return {
            "statement": self._statement,
            "files": json.dumps(episode.files),
            "feedback": self._feedback,
            "history": episode.history,
            "budget": {
                "steps": np.int64(episode.budget.steps),
                "trials": np.int64(episode.budget.trials),
            },
            "best": np.array(episode.best),
        }

    def _info(self, reply: Reply) -> dict[str, Any]:
        """The `info` of a step, without clock and seed; it has the gain after a validation."""
        episode = self._running()
        info: dict[str, Any] = {"valid": reply.valid, "end": episode.end, **episode.digests()}
        if reply.scored and reply.scored.valid:
            gain = reply.scored.gain
            info |= {"gain": gain.gain, "low": gain.low, "high": gain.high}
        return info


def register_task(folder: str | Path) -> str:
    """Register the task in a folder as `Ratchet/<its name>-v0`, and return that id.

    Raises TaskError if the folder is not a task, or if its name belongs to a built-in one.
    """
    path = str(Path(folder).resolve())
    name = load(path).name
    if name in names():
        raise TaskError(f"the task in {path} has the name of a built-in one: give it another")
    return _register(name, path)


def _register(name: str, task: str) -> str:
    identifier = f"Ratchet/{name}-v0"
    spec = gymnasium.registry.get(identifier)
    if spec is None or spec.kwargs != {"task": task}:
        gymnasium.register(identifier, f"{__name__}:{ResearchEnv.__name__}", kwargs={"task": task})
    return identifier


for _name in names():
    _register(_name, _name)
