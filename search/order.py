"""What a person or a program asks of a search: the records that set one up or take it up."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from ..sandbox import Sandbox, open_sandbox
from .budget import Caps
from .desk.consent import Mode
from .desk.wanted import Wanted
from .plan import Standards

Say = Callable[[str], object]  # takes one message, in plain text


class Chance(NamedTuple):
    """What all draws of a run follow from; each is drawn afresh where it is None.

    `seed` makes the proposals repeatable. The 32 hexadecimal digits of `secret` make the rest so.
    """

    seed: int | None = None
    secret: str | None = None


class Order(NamedTuple):
    """A new search: of which task, by which agent, and with how much at most.

    `task` is a built-in name or the path of a folder, `agent` what `open_agent` takes, and `select`
    a policy of `search.select`, by default the agent's own. `tune` is the share of the trials that
    go into tuning constants; by default the agent's own where the task can stack them. `learned` is
    a file of what earlier runs taught, or the word `nothing`; by default the archive's own, else
    the one that comes with Ratchet. Without `turns`, `minutes` and caps a search lasts
    `begin.MINUTES` minutes.
    """

    task: str
    agent: str = "evolver"
    select: str | None = None
    tune: float | None = None
    turns: int | None = None
    minutes: float | None = None
    caps: Caps = Caps()
    chance: Chance = Chance()
    standards: Standards = Standards()
    models: Wanted = Wanted()
    approve: Mode = "never"
    learned: str | None = None


class Extension(NamedTuple):
    """How much further a run may go; None leaves what its own configuration says.

    A cap takes the place of the run's, and what earlier sessions have spent still counts.
    """

    turns: int | None = None
    minutes: float | None = None
    caps: Caps = Caps()


class SandboxChoice(NamedTuple):
    """Which sandbox to open, for how many jobs at a time, and what those may share.

    `sandbox` is `auto`, `docker`, `namespace`, `process`, or a module with `create()`.
    """

    sandbox: str = "auto"
    workers: int = 2
    accept_unisolated: bool = False
    sharing: Literal["shared", "strict"] = "shared"

    @property
    def strict(self) -> bool:
        """Whether a job is one seed, and nothing is shared between jobs."""
        return self.sharing == "strict"

    def open(self, warn: Say) -> Sandbox:
        """Open it, and say once what it does not isolate. Raises SandboxError."""
        sandbox = open_sandbox(
            self.sandbox,
            self.workers,
            accept_unisolated=self.accept_unisolated,
            strict=self.strict,
        )
        if sandbox.isolation == "none":
            warn(
                f"the {sandbox.name} sandbox does not isolate: a candidate could read your files, "
                "use your network and write its own scores. What it measures is unvalidated, and "
                "is not built on until `ratchet replay` reproduces it with isolation."
            )
        return sandbox


class SandboxChange(NamedTuple):
    """Where to go on with a run: `sandbox` None is the one that it had. Sharing never changes."""

    sandbox: str | None = None
    workers: int = 2
    accept_unisolated: bool = False
