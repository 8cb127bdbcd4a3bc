"""Puzzles on a small board: counting routes, the cheapest route, and a walk by commands.

A puzzle is known by its facts: its kind, the rows of the board, and the commands of a walk. No
answer is worked out here.
"""

from random import Random

KINDS = {
    "routes": (
        "Count the ways from the top left cell to the bottom right cell of this board, moving "
        "only one cell right or one cell down at a time and never onto a # cell.",
        "A snail starts in the top left corner. It crawls only to the right or downwards, a cell "
        "at a time, and # cells are blocked. In how many ways can it reach the bottom right one?",
    ),
    "cheapest": (
        "Each cell of this board costs its number. Moving only right or down, one cell at a time, "
        "what is the least total cost of a route from the top left to the bottom right cell, with "
        "both of these counted?",
        "You travel from the top left to the bottom right of the map below, only right or down, "
        "and pay the number of every cell you are on, the first and the last one too. How little "
        "can you pay?",
    ),
    "walk": (
        "You stand on the top left cell and follow the commands, each one cell: N is up, S is "
        "down, E is right and W is left. A command that would lead off the board does nothing. "
        "After every command, whether or not it moved you, note the number of the cell you are on. "
        "What do the noted numbers add up to?",
        "A robot in the top left corner obeys the letters below one by one (N up, S down, E right, "
        "W left, always one cell); at the edge it stays where it is instead of leaving. After each "
        "letter it collects as many points as the number it stands on says. How many points does "
        "it collect?",
    ),
}
DRAWINGS = (
    lambda rows: [" ".join(row) for row in rows],
    lambda rows: [f"| {' | '.join(row)} |" for row in rows],
    lambda rows: [f"Row {number}: {', '.join(row)}" for number, row in enumerate(rows, 1)],
)


def board(rng: Random, side: int, steps: int) -> tuple[tuple, str]:
    """The facts of a puzzle on `side` x `side` cells, and its text; a walk has `steps` commands."""
    kind = rng.choice(list(KINDS))
    rows = _blocked(rng, side) if kind == "routes" else _numbered(rng, side)
    commands = "".join(rng.choice("NESSEW") for _ in range(steps)) if kind == "walk" else ""
    lines = [rng.choice(KINDS[kind]), "", *rng.choice(DRAWINGS)(rows)]
    if commands:
        lines += ["", f"Commands: {' '.join(commands)}"]
    return (kind, rows, commands), "\n".join(lines)


def _numbered(rng: Random, side: int) -> tuple[str, ...]:
    return tuple("".join(str(rng.randint(1, 9)) for _ in range(side)) for _ in range(side))


def _blocked(rng: Random, side: int) -> tuple[str, ...]:
    inner = [(r, c) for r in range(side) for c in range(side) if 1 < r + c < 2 * side - 3]
    shut = set(rng.sample(inner, side - 1))
    return tuple("".join(".#"[(r, c) in shut] for c in range(side)) for r in range(side))
