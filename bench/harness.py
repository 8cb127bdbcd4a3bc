"""What the statistical benchmarks share: options, errors of a mean, a file of figures, a plot."""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any


def options(about: str | None, searches: int) -> argparse.ArgumentParser:
    """The options that every one of them has."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--searches", type=int, default=searches)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--plot", help="write a plot here, as SVG")
    parser.add_argument("--json", help="write the figures here")
    return parser


def mean_error(values: Sequence[float]) -> tuple[float, float]:
    """A mean and its standard error."""
    if not values:
        return math.nan, math.nan
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, math.nan
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def share_error(count: int, of: int) -> tuple[float, float]:
    """A share and its standard error; one that is 0 or 1 gets that of one case more or fewer."""
    near = min(max(count, 1), max(of - 1, 1)) / of
    return count / of, math.sqrt(near * (1 - near) / of)


def save(asked: argparse.Namespace, figures: Mapping[str, Any]) -> None:
    """Write the figures and the options they came from, if asked."""
    if not asked.json:
        return
    data = {"options": vars(asked), "figures": figures}
    with open(asked.json, "w") as file:
        json.dump(data, file, indent=1)
        file.write("\n")


def chart(
    path: str,
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    across: str,
    up: str,
    low: float | None = None,
) -> None:
    """Draw lines over `x`, which is drawn to a log scale, as an SVG that is the same each time."""
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(6.4, 4.0))
    for name, y in lines.items():
        axes.plot(x, y, marker="o", markersize=3, label=name)
    axes.set_xscale("log")
    axes.set_xticks(list(x), [f"{value:g}" for value in x])
    axes.minorticks_off()
    axes.set(xlabel=across, ylabel=up)
    axes.set_ylim(bottom=low)
    finish(plt, figure, axes, path)


def dots(
    path: str,
    names: Sequence[str],
    groups: Mapping[str, Sequence[tuple[float, float]]],
    across: str,
    level: float,
) -> None:
    """Draw values with their standard errors, a row a name, and a dashed line at `level`."""
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(6.4, 1.5 + 0.45 * len(names)))
    for number, (label, values) in enumerate(groups.items()):
        rows = [row + (number - (len(groups) - 1) / 2) * 0.1 for row in range(len(names))]
        means, errors = zip(*values, strict=True)
        axes.errorbar(means, rows, xerr=errors, fmt="o", markersize=3, linewidth=0.8, label=label)
    axes.axvline(level, color="black", linestyle="--", linewidth=0.8)
    axes.set_yticks(range(len(names)), list(names))
    axes.invert_yaxis()
    axes.set(xlabel=across)
    finish(plt, figure, axes, path)


def pyplot() -> Any:
    """Matplotlib, set up to write SVG; only plots need it (`pip install -e .[bench]`)."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "ratchet", "font.size": 10, "svg.fonttype": "none"})
    return plt


def finish(plt: Any, figure: Any, axes: Any, path: str) -> None:
    """Put the legend below, and write the file."""
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.45, -0.16), ncol=2)
    figure.savefig(path, format="svg", metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
