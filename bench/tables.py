"""Put the figures of the statistical benchmarks into docs/statistics.md.

    python bench/tables.py FOLDER

FOLDER holds what `--json` wrote: null_rules.json, errors.json, power.json, intervals.json,
ranks.json, selection.json. Each that is there replaces the table between its two marks.
"""

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs" / "statistics.md"
Figures = Mapping[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def null_rules(figures: Figures, count: int) -> Iterator[str]:
    """Shares of searches with a false promotion; false promotions and seeds."""
    rules = list(next(iter(figures.values())))
    yield f"Share of searches with a false promotion, ± standard error; {count} searches a model."
    yield table(
        ["noise", *rules],
        [
            [model, *(f"{row[r]['any']:.3f} ± {row[r]['any_se']:.3f}" for r in rules)]
            for model, row in figures.items()
        ],
    )
    yield "False promotions a search, and seeds run for a candidate."
    yield table(
        ["noise", *rules],
        [
            [model, *(f"{row[r]['false']:.2f}; {row[r]['seeds']:.0f}" for r in rules)]
            for model, row in figures.items()
        ],
    )


def errors(figures: Figures, count: int) -> Iterator[str]:
    """Shares of searches with a false claim where seeds fail, and what a true gain costs."""
    yield (
        f"Share of {count} searches of 100 untrue claims that make a false one, ± standard error; "
        "the last two columns are of first claims, at a level of 0.019."
    )
    head = ["gains", "before", "after", "bounded mean", "after, bounded mean nil"]
    rows = [
        [
            name,
            *(f"{row[kind][0]:.3f} ± {row[kind][1]:.3f}" for kind in ("before", "after")),
            f"{row['mean']:+.2f}",
            f"{row['nil'][0]:.3f} ± {row['nil'][1]:.3f}",
            f"{row['first']:.3f}",
            f"{row['sequential']:.3f}",
        ]
        for name, row in figures["errors"].items()
    ]
    yield table([*head, "the first alone", "the first by a group-sequential t test"], rows)
    yield "Pairs (share detected) of a true gain with normal noise, at the 1st and the 5th claim."
    costs = figures["costs"]
    cells = [
        [name, *(f"{pairs:.0f} ({share:.2f})" for pairs, share in row.values())]
        for name, row in costs.items()
    ]
    yield table(["rule", *next(iter(costs.values()))], cells)


def power(figures: Figures, count: int) -> Iterator[str]:
    """Detection, pairs, and their ratio to those of the test of fixed size."""
    yield (
        f"{count} confirmations a line, ± standard error. The first ratio is of confirmations of "
        "true gains alone, the second of the stream; the last two are of screen and confirmation, "
        "in pairs and in seeds run. Each is over the test of fixed size with the same power."
    )
    head = ["gain", "rho", "level", "detected", "pairs", "fixed n", "ratio", "ratio in stream"]
    rows = []
    for name, cells in figures.items():
        whole, alone = cells["whole"], cells.get("alone")
        middle = ["", "", "", "", ""]
        if alone:
            middle = [
                f"{alone['detected']:.3f} ± {alone['detected_se']:.3f}",
                f"{alone['pairs']:.1f} ± {alone['pairs_se']:.1f}",
                number(alone["fixed"], 0),
                number(alone["ratio"]),
                number(cells["stream"]["ratio"]),
            ]
        detected = f"{whole['detected']:.3f} ± {whole['detected_se']:.3f}"
        last = [detected, number(whole["ratio"]), number(whole["runs"])]
        rows.append([*name.split(" | "), *middle, *last])
    yield table([*head, "detected with screen", "ratio in pairs", "ratio in seeds run"], rows)


def intervals(figures: Figures, count: int) -> Iterator[str]:
    """Bias and coverage."""
    yield f"{count} searches; coverage of the 95 % interval, where there is one."
    rows = [
        [
            group,
            name,
            f"{cell['bias']:+.4f} ± {cell['bias_se']:.4f}",
            f"{cell['rms']:.3f}",
            f"{cell['coverage']:.3f} ± {cell['coverage_se']:.3f}" if "coverage" in cell else "",
        ]
        for group, cells in figures.items()
        for name, cell in cells.items()
    ]
    yield table(["gain of", "estimate", "bias", "rms error", "coverage"], rows)


def ranks(figures: Figures, count: int) -> Iterator[str]:
    """Regret of the choice, and how near the gain of the chosen is to the truth."""
    yield f"{count} trees a row, ± standard error; coverage of 1.96 standard errors to each side."
    rows = [
        [
            row,
            way,
            f"{cell['regret']:.4f} ± {cell['regret_se']:.4f}",
            f"{cell['bias']:+.3f} ± {cell['bias_se']:.3f}",
            f"{cell['rms']:.3f}",
            f"{cell['coverage']:.3f} ± {cell['coverage_se']:.3f}",
        ]
        for row, cells in figures.items()
        for way, cell in cells.items()
    ]
    yield table(["kept nodes", "ranked by", "regret", "bias", "rms error", "coverage"], rows)


def selection(figures: Figures, count: int) -> Iterator[str]:
    """True scores, and how much more was claimed."""
    budgets = list(next(iter(figures.values())))
    for title, key in (("True score of the claimed best", "true"), ("Claimed minus true", "over")):
        error = {"true": "se", "over": "over_se"}[key]
        yield f"{title}, ± standard error; {count} landscapes."
        rows = [
            [name, *(f"{row[b][key]:+.2f} ± {row[b][error]:.2f}" for b in budgets)]
            for name, row in figures.items()
        ]
        yield table(["method", *budgets], rows)


def number(value: float, digits: int = 2) -> str:
    """A number, or a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def main() -> None:
    """Replace every table whose figures are there."""
    text = DOCS.read_text()
    for make in (null_rules, errors, power, intervals, ranks, selection):
        name = make.__name__
        path = Path(sys.argv[1]) / f"{name}.json"
        if not path.exists():
            continue
        data = json.loads(path.read_text())
        body = "\n\n".join(make(data["figures"], data["options"]["searches"]))
        marks = re.compile(rf"(?s)(<!-- {name} -->\n).*?(<!-- /{name} -->)")
        text, count = marks.subn(lambda match, b=body: f"{match[1]}\n{b}\n\n{match[2]}", text)  # type: ignore[misc]
        assert count == 1, name
    DOCS.write_text(text)


if __name__ == "__main__":
    main()
