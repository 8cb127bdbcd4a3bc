"""Show a search as it runs: a panel on a terminal, a line per event where there is none."""

import time
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live as Panel
from rich.text import Text

from ...archive import Node
from ...search.budget import UNITS
from ...search.run import Run
from . import view

QUIET_SECONDS = 15.0


class Live:
    """Follows a search node by node."""

    def __init__(
        self, run: Run, minutes: float | None, console: Console, panel: bool = True
    ) -> None:
        """Show nothing yet; without a `panel` there is room for questions to a person."""
        self._run, self._minutes, self._console = run, minutes, console
        self._tree = run.archive.tree(run.id)
        self._last = self._tree[len(self._tree) - 1] if len(self._tree) else None
        self._start = self._spoke = time.monotonic()
        self._shown = panel and console.is_terminal
        self._panel = Panel(get_renderable=self._render, console=console, refresh_per_second=4)

    def __enter__(self) -> "Live":
        """Say what is about to run."""
        config, sandbox = self._run.config, self._run.lab.sandbox
        budget = [f"{config.turns} turns"] if config.turns else []
        budget += [f"{self._minutes:g} minutes"] if self._minutes else []
        caps = [(unit, config.caps.of(name)) for name, unit in UNITS.items()]
        budget += [f"{cap:g} {unit}" for unit, cap in caps if cap is not None]
        facts = {
            "run": f"{self._run.id}  (archive {self._run.archive.shown})",
            "task": self._run.task.manifest.title,
            "agent": f"{config.agent}, building on {config.select}",
            "sandbox": ", ".join(
                f"{key} {value}" if key != "sandbox" else value
                for key, value in sandbox.describe().items()
                if key in ("sandbox", "image", "engine", "python", "torch")
            ),
            "seed": str(config.seed) if config.seed is not None else "from the system's entropy",
            "budget": " or ".join(budget) + f", {self._run.workers} workers",
        }
        self._console.print(view.heading(facts))
        if self._shown:
            self._panel.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last picture standing."""
        if self._shown:
            self._panel.stop()
        else:
            self._console.print(self._status())

    def add(self, node: Node) -> None:
        """Take in a node, or a later state of one. Prints those that got as far as fresh seeds."""
        before = self._tree[node.number] if node.number < len(self._tree) else None
        self._tree, self._last = self._tree.grown(node), node
        settled = node.kept or node.given_up
        if settled and (before is None or before.standing != node.standing or not before.kept):
            self._console.print(view.node_line(self._tree, node))
        elif not self._shown and time.monotonic() - self._spoke > QUIET_SECONDS:
            self._spoke = time.monotonic()
            self._console.print(self._status())

    def _status(self) -> RenderableType:
        """One line of facts."""
        return Text("  |  ".join(f"{label} {value}" for label, value in self._facts().items()))

    def _render(self) -> RenderableType:
        """The panel: the facts, and the newest node."""
        tip = [view.node_line(self._tree, self._last)] if self._last else []
        return Group(view.heading(self._facts()), *tip)

    def _facts(self) -> dict[str, str]:
        tree = self._tree
        elapsed = time.monotonic() - self._start
        proposals = len(tree) - len(tree.roots())
        turns = f"/{self._run.config.turns}" if self._run.config.turns else ""
        left = f", {view.clock(max(0, self._minutes * 60 - elapsed))} left" if self._minutes else ""
        done = self._run.lab.trials
        return {
            "turn": f"{proposals}{turns}, {view.clock(elapsed)} elapsed{left}",
            "best kept": view.best_line(tree, self._run.task.metric.unit),
            "funnel": " ".join(f"{word} {count}" for word, count in tree.funnel().items()),
            "speed": f"{60 * done / max(elapsed, 1e-9):.0f} trials/min ({done} done)",
        }
