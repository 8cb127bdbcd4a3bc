"""Mark answers: the share that is right, of each workload and seed.

The problems are drawn again from the train seeds, and solved here: the box in which the candidate
ran held their texts and never an answer.
"""

import json
import re

import quiz

INTEGER = re.compile(r"[+-]?[0-9]{1,15}")


def run(request: bytes, guest) -> bytes:
    """Mark the answers that follow the first line of the request."""
    line, artefact = request.split(b"\n", 1)
    asked = json.loads(line)
    answers = json.loads(artefact)
    scores = {
        workload: [
            mark(quiz.problems(workload, seed), given)
            for seed, given in zip(asked["seeds"], answers[workload], strict=True)
        ]
        for workload in asked["workloads"]
    }
    return json.dumps({"scores": scores}).encode()


def mark(problems: list[quiz.Problem], given: list[str | None]) -> float:
    """The share of right answers."""
    pairs = zip(problems, given, strict=True)
    return sum(number(answer) == solve(problem.facts) for problem, answer in pairs) / len(problems)


def number(answer: str | None) -> int | None:
    """The integer that an answer is, if it is one; commas between digits may group them."""
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", (answer or "").strip())
    return int(plain) if INTEGER.fullmatch(plain) else None


def solve(facts: tuple) -> int:
    """The answer to a problem of any kind."""
    kind = facts[0]
    if kind in BOARDS:
        return BOARDS[kind](facts[1], facts[2])
    if kind in JOURNEYS:
        return JOURNEYS[kind](*facts[1:])
    return told(facts)


def told(facts: tuple) -> int:
    """The answer to a word problem."""
    count = 0
    for word, *numbers in facts:
        count = STEPS[word](count, *numbers)
    return count


STEPS = {
    "start": lambda count, n: n,
    "more": lambda count, n: count + n,
    "less": lambda count, n: count - n,
    "packs": lambda count, n, each: count + n * each,
    "times": lambda count, n: count * n,
    "left": lambda count: count,
    "bags": lambda count, n: count // n,
    "over": lambda count, n: count % n,
    "both": lambda count, n: 2 * count + n,
}


def routes(rows: tuple[str, ...], commands: str) -> int:
    """How many ways lead right and down through the free cells."""
    ways = [1, *[0] * (len(rows) - 1)]
    for row in rows:
        for column, cell in enumerate(row):
            left = ways[column - 1] if column else 0
            ways[column] = 0 if cell == "#" else ways[column] + left
    return ways[-1]


def cheapest(rows: tuple[str, ...], commands: str) -> int:
    """The least sum of the cells on a way right and down."""
    far = 10**9
    costs = [0, *[far] * (len(rows) - 1)]
    for row in rows:
        for column, cell in enumerate(row):
            left = costs[column - 1] if column else far
            costs[column] = min(costs[column], left) + int(cell)
    return costs[-1]


def walk(rows: tuple[str, ...], commands: str) -> int:
    """The sum of the cells stood on after each command."""
    row = column = total = 0
    last = len(rows) - 1
    for command in commands:
        row = min(max(row + (command == "S") - (command == "N"), 0), last)
        column = min(max(column + (command == "E") - (command == "W"), 0), last)
        total += int(rows[row][column])
    return total


BOARDS = {"routes": routes, "cheapest": cheapest, "walk": walk}
JOURNEYS = {
    "arrival": lambda start, legs: start + sum(map(sum, legs)),
    "travel": lambda start, legs: sum(moving for moving, _ in legs),
    "waiting": lambda start, legs: sum(waiting for _, waiting in legs),
}
