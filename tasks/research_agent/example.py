"""Let the agent in agent.py tune a step on a small quadratic, with nothing but this file."""

import math
from random import Random
from types import SimpleNamespace

import agent

BUDGET, STEPS = 40, 20
START = """
RATE = 0.02


def step(x, grad, progress):
    change = -RATE * grad
    return change
"""


def loss(text):
    """The log loss that a step reaches; raises what the program raises."""
    space = {}
    exec(text, space)
    x = [1.0, 1.0]
    for number in range(STEPS):
        grads = [x[0], 9.0 * x[1]]
        x = [a + space["step"](a, g, number / STEPS) for a, g in zip(x, grads, strict=True)]
    return math.log(x[0] ** 2 + 9.0 * x[1] ** 2 + 1e-9)


def tried(files):
    """Whether a program runs."""
    try:
        return {"ok": math.isfinite(loss(files["step.py"])), "log": ""}
    except Exception as error:
        return {"ok": False, "log": str(error)}


def node(number, parent, text, idea):
    """A program as the agent sees it."""
    ran = tried({"step.py": text})["ok"]
    gain = loss(START) - loss(text) if ran else None
    known = {"number": number, "parent": parent, "files": {"step.py": text}, "idea": idea}
    return {**known, "gain": gain, "error": 0.0, "seeds": 1, "standing": "scored"}


def main():
    """Search, and print the best program and its gain over the first."""
    nodes = [node(0, None, START, "")]
    best = nodes[0]
    for number in range(1, BUDGET + 1):
        brief = SimpleNamespace(
            statement="Write a step that descends a quadratic.",
            nodes=nodes,
            parent=best,
            best=best,
            motifs=[{"name": "decay", "code": "x * (1.0 - progress)"}],
            left=1.0 - (number - 1) / BUDGET,
            rng=Random(number),
            try_out=tried,
        )
        found = agent.propose(brief)
        parent = found.get("parent", best["number"])
        nodes.append(node(number, parent, found["files"]["step.py"], found["idea"]))
        best = max((n for n in nodes if n["gain"] is not None), key=lambda n: n["gain"])
    print(best["files"]["step.py"])
    print(f"gain over the first program after {BUDGET} evaluations: {best['gain']:.2f} nats")


if __name__ == "__main__":
    main()
