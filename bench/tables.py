"""Put the figures of the statistical benchmarks into docs/statistics.md.

    python bench/tables.py FOLDER

FOLDER holds what `--json` wrote: dear.json, null_rules.json, errors.json, power.json,
intervals.json, ranks.json, selection.json. Each that is there replaces the tables between its two
marks.
"""

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dear import GAIN, RULE

from ratchet.search.plan import dear_seeds

DOCS = Path(__file__).parents[1] / "docs" / "statistics.md"
Figures = Mapping[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def within(cell: Figures, key: str, digits: int = 3, error: str = "", sign: str = "") -> str:
    """A figure and its standard error, which is under the same key with `_se` or under `error`."""
    return f"{cell[key]:{sign}.{digits}f} ± {cell[error or f'{key}_se']:.{digits}f}"


def dear(figures: Figures, options: Figures) -> Iterator[str]:
    """Shares of searches with a false claim where trials are few, and shares of true ones found."""
    seeds = dear_seeds(options["planted"])
    yield (
        f"{options['searches']} searches of {options['claims']} untrue claims of {RULE.block} to "
        f"{RULE.most} pairs, after {options['planted']} planted programs on {seeds} seeds each: "
        "share with a\nfalse claim."
    )
    rows = {tuple(name.rsplit(", ", 1)): row for name, row in figures.items()}
    errs = {name: row for name, row in rows.items() if name[1] != "found"}
    finds = {name: row for name, row in rows.items() if name[1] == "found"}
    yield table(
        ["noise of a gain", "child's spread", *next(iter(errs.values()))],
        [
            [*name, *(f"{share:.3f} ± {error:.3f}" for share, error in row.values())]
            for name, row in errs.items()
        ],
    )
    yield f"Share of claims that hold where the gain is {GAIN:g} standard deviations."
    yield table(
        ["noise of a gain", *next(iter(finds.values()))],
        [[name[0], *(f"{share:.2f}" for share in row.values())] for name, row in finds.items()],
    )


def null_rules(figures: Figures, options: Figures) -> Iterator[str]:
    """Shares of searches with a false promotion; false promotions and seeds."""
    count, rules = options["searches"], list(next(iter(figures.values())))
    yield f"Share of searches with a false promotion, ± standard error; {count} searches a model."
    yield table(
        ["noise", *rules],
        [[model, *(within(row[rule], "any") for rule in rules)] for model, row in figures.items()],
    )
    yield "False promotions a search, and seeds run for a candidate."
    yield table(
        ["noise", *rules],
        [
            [model, *(f"{row[r]['false']:.2f}; {row[r]['seeds']:.0f}" for r in rules)]
            for model, row in figures.items()
        ],
    )


def errors(figures: Figures, options: Figures) -> Iterator[str]:
    """Shares of searches with a false claim where seeds fail, and what a true gain costs."""
    count = options["searches"]
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


def power(figures: Figures, options: Figures) -> Iterator[str]:
    """Detection, pairs, and their ratio to those of the test of fixed size."""
    count = options["searches"]
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
                within(alone, "detected"),
                within(alone, "pairs", 1),
                number(alone["fixed"], 0),
                number(alone["ratio"]),
                number(cells["stream"]["ratio"]),
            ]
        last = [within(whole, "detected"), number(whole["ratio"]), number(whole["runs"])]
        rows.append([*name.split(" | "), *middle, *last])
    yield table([*head, "detected with screen", "ratio in pairs", "ratio in seeds run"], rows)


def intervals(figures: Figures, options: Figures) -> Iterator[str]:
    """Bias and coverage."""
    count = options["searches"]
    yield f"{count} searches; coverage of the 95 % interval, where there is one."
    rows = [
        [
            group,
            name,
            within(cell, "bias", 4, sign="+"),
            f"{cell['rms']:.3f}",
            within(cell, "coverage") if "coverage" in cell else "",
        ]
        for group, cells in figures.items()
        for name, cell in cells.items()
    ]
    yield table(["gain of", "estimate", "bias", "rms error", "coverage"], rows)


def ranks(figures: Figures, options: Figures) -> Iterator[str]:
    """Regret of the choice, and how near the gain of the chosen is to the truth."""
    count = options["searches"]
    yield f"{count} trees a row, ± standard error; coverage of 1.96 standard errors to each side."
    rows = [
        [
            row,
            way,
            within(cell, "regret", 4),
            within(cell, "bias", sign="+"),
            f"{cell['rms']:.3f}",
            within(cell, "coverage"),
        ]
        for row, cells in figures.items()
        for way, cell in cells.items()
    ]
    yield table(["kept nodes", "ranked by", "regret", "bias", "rms error", "coverage"], rows)


def selection(figures: Figures, options: Figures) -> Iterator[str]:
    """True scores, and how much more was claimed."""
    count = options["searches"]
    budgets = list(next(iter(figures.values())))
    for title, key in (("True score of the claimed best", "true"), ("Claimed minus true", "over")):
        error = {"true": "se", "over": "over_se"}[key]
        yield f"{title}, ± standard error; {count} landscapes."
        rows = [
            [name, *(within(row[budget], key, 2, error, "+") for budget in budgets)]
            for name, row in figures.items()
        ]
        yield table(["method", *budgets], rows)


def number(value: float, digits: int = 2) -> str:
    """A number, or a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def main() -> None:
    """Replace every table whose figures are there."""
    text = DOCS.read_text()
    for make in (dear, null_rules, errors, power, intervals, ranks, selection):
        name = make.__name__
        path = Path(sys.argv[1]) / f"{name}.json"
        if not path.exists():
            continue
        data = json.loads(path.read_text())
        body = "\n\n".join(make(data["figures"], data["options"]))
        marks = re.compile(rf"(?s)(<!-- {name} -->\n).*?(<!-- /{name} -->)")
        text, count = marks.subn(lambda match, b=body: f"{match[1]}\n{b}\n\n{match[2]}", text)  # type: ignore[misc]
        assert count == 1, name
    DOCS.write_text(text)


if __name__ == "__main__":
    main()
