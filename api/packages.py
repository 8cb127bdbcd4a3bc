"""The sub-packages that can be called: `ratchet.search(...)`, `ratchet.tasks()` and so on.

A package and a function cannot have one name: once anything imports `ratchet.search.loop`, the
import system makes `ratchet.search` that package. So the package itself is the function. The root
gives it one of these classes as soon as it is loaded; whatever it holds stays where it was.
"""

from types import ModuleType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .runs import Run
    from .search.budget import Caps
    from .search.desk.wanted import Wanted
    from .search.plan import Standards


class Search(ModuleType):
    """`ratchet.search`, which is also `ratchet.search(...)`. Its arguments:

    `task` is a built-in name (`ratchet.tasks()`) or the path of a task folder; `agent` a built-in
    name (`ratchet.agents()`), RUN.NUMBER, or a module with `create()`.

    How long: `minutes` of the clock, and no more than `turns` proposals; 5 minutes where neither
    these nor `caps` say. `caps` bound all that the run may spend: tokens, dollars, GPU seconds,
    trials.

    What chance decides: `seed` makes proposals repeatable, and with the `secret` of an archived
    run, 32 hexadecimal digits, also everything else.

    How it searches: `select` names the policy that picks what to build on, by default the agent's
    own. `tune` is the share of the trials that go into tuning the constants of programs, by default
    the agent's own where the task can stack constants. `standards` are those of its verdicts: what
    a confirmation takes, the error budget `alpha` and what it bounds, and the smallest gain that
    matters (`effect`, in the metric's unit). `learned` is a file of `ratchet learn` with what paid
    in earlier searches, or the word nothing; by default the file beside the archive, else the one
    that comes with Ratchet. `models` are the language models that an agent asks, or the name of
    one. `approve` says what waits for a person, who answers with `ratchet approve`.

    Where: `sandbox` is auto, docker, namespace, process, or a module with `create()`, for `workers`
    jobs at a time; `sharing="strict"` gives every seed a fresh process. One that does not isolate
    wants `accept_unisolated`, and its results are unvalidated. `archive` is a path or URL; by
    default `$RATCHET_ARCHIVE`, else `.ratchet/archive.db`. It is made if need be.

    `say` is told in sentences what the set-up does, which may take a minute: the noise of a task is
    measured once for a machine.
    """

    def __call__(
        self,
        task: "str | Path",
        agent: str = "evolver",
        *,
        minutes: float | None = None,
        turns: int | None = None,
        seed: int | None = None,
        secret: str | None = None,
        select: str | None = None,
        tune: float | None = None,
        sandbox: str = "auto",
        workers: int = 2,
        accept_unisolated: bool = False,
        sharing: Literal["shared", "strict"] = "shared",
        archive: "str | Path | None" = None,
        standards: "Standards | None" = None,
        models: "Wanted | str | None" = None,
        caps: "Caps | None" = None,
        approve: Literal["never", "candidates", "confirmations", "all"] = "never",
        learned: "str | Path | None" = None,
        say: "Callable[[str], object] | None" = None,
    ) -> "Run":
        """Begin a search for better programs on a task. It goes on in a thread, until it ends.

        The call sets the search up and returns its Run: follow it with `for node in run`, or wait
        for its end with `run.wait()`. A script that does neither waits for it before it exits. The
        arguments are described in the class.

        Raises TaskError, AgentError, SandboxError and ArchiveError for what cannot be opened or
        used, BudgetError for a budget that cannot find the `effect` or measure the baselines,
        ModelChoiceError and ModelError for language models, and ValueError for a number out of
        range. What ends the search later is raised in whoever follows it or waits.
        """
        from .beginning import search, wanted
        from .problems import named
        from .search.budget import Caps
        from .search.order import Chance, Order, SandboxChoice
        from .search.plan import Standards

        order = Order(
            task=named(task),
            agent=agent,
            select=select,
            tune=tune,
            turns=turns,
            minutes=minutes,
            caps=caps or Caps(),
            chance=Chance(seed, secret),
            standards=standards or Standards(),
            models=wanted(models),
            approve=approve,
            learned=None if learned is None else str(learned),
        )
        choice = SandboxChoice(sandbox, workers, accept_unisolated, sharing)
        return search(order, choice, archive, say)


class Tasks(ModuleType):
    """`ratchet.tasks`, which is also `ratchet.tasks()`."""

    def __call__(self) -> list[str]:
        """Names of the built-in tasks, in alphabetical order; `ratchet.load_task` opens one."""
        from .tasks.base import names

        return names()


class Agents(ModuleType):
    """`ratchet.agents`, which is also `ratchet.agents()`."""

    def __call__(self) -> list[str]:
        """Names of the built-in agents, in alphabetical order, as `ratchet.search` takes them."""
        from .agents.opening import names

        return names()
