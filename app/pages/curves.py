"""Draw how far searches get for what they spend; the one part of the command line that plots."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from ...search.studies.contest.compare import BenchTable, Outing

WIDTH, HEIGHT, GRID = 4.8, 3.6, 200  # of a panel in inches, and how many budgets it shows


class PlotError(Exception):
    """There is nothing to draw with, or nowhere to draw to."""

    exit_code = 2


def check(path: Path) -> None:
    """Raise PlotError before anything is measured for a plot that could not be made."""
    _pyplot()
    if path.suffix != ".svg":
        raise PlotError(f"--plot {path} is no SVG: give a name that ends in .svg")
    if not path.absolute().parent.is_dir():
        raise PlotError(f"--plot {path} is in a folder that does not exist: make that first")


def plot(tables: Sequence[BenchTable], path: Path) -> None:
    """A panel a task: gain over the best baseline against trials, a line an agent.

    Lines are medians over searches, and bands reach from the lower to the upper quartile.
    """
    plt = _pyplot()
    figure, panels = plt.subplots(
        1, len(tables), figsize=(WIDTH * len(tables), HEIGHT), squeeze=False
    )
    for table, axes in zip(tables, panels[0], strict=True):
        _panel(table, axes)
    figure.tight_layout()
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(
        handles, labels, frameon=False, fontsize=8, ncol=4, loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
    )  # fmt: skip
    try:
        figure.savefig(path, format="svg", metadata={"Date": None}, bbox_inches="tight")
    except OSError as error:
        raise PlotError(f"cannot write {path}: {error.strerror}") from error
    finally:
        plt.close(figure)


def _panel(table: BenchTable, axes: Any) -> None:
    budgets = [table.trials * step / GRID for step in range(GRID + 1)]
    axes.axhline(0.0, color="black", linestyle="--", linewidth=0.8)
    for standing in table.standings:
        own = [outing for outing in table.searches if outing.agent == standing.agent]
        spread = [[at(outing, budget) for outing in own] for budget in budgets]
        middle = [median(gains) for gains in spread]
        (line,) = axes.step(budgets, middle, where="post", label=standing.agent)
        low, high = zip(*map(_quartiles, spread), strict=True)
        axes.fill_between(budgets, low, high, step="post", alpha=0.2, color=line.get_color(),
                          linewidth=0)  # fmt: skip
    axes.set(
        title=f"{table.task}, over {table.baseline}",
        xlabel="trials spent by a search",
        ylabel=f"gain on sealed seeds ({table.unit})",
    )
    axes.spines[["top", "right"]].set_visible(False)


def at(outing: Outing, budget: float) -> float:
    """The sealed gain of what a search would have handed over after so many trials."""
    return next((p.gain for p in reversed(outing.curve) if p.trials <= budget), 0.0)


def _quartiles(gains: Sequence[float]) -> tuple[float, float]:
    if len(gains) < 2:
        return gains[0], gains[0]
    low, _, high = quantiles(gains, n=4, method="inclusive")
    return low, high


def _pyplot() -> Any:
    """Matplotlib, set up to write the same SVG each time; raises PlotError where it is missing."""
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        raise PlotError(
            "a plot needs matplotlib, which is not installed: pip install 'ratchet[bench]', "
            "or leave --plot out"
        ) from error
    mpl.use("svg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "ratchet", "font.size": 10, "svg.fonttype": "none"})
    return plt
