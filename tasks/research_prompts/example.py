"""Have agent.py improve a program for one evaluation, with you in the place of the model."""

from random import Random
from types import SimpleNamespace

import agent

PROGRAM = """RATE = 0.02


def step(x, grad, progress):
    return -RATE * grad
"""


def ask(prompt):
    """Show a prompt, and read the reply up to a line with a full stop."""
    print(f"--- prompt\n{prompt}\n--- your reply, ended by a line with a full stop")
    return "\n".join(iter(input, "."))


def tried(files):
    """Whether a program defines a step."""
    space = {}
    try:
        exec(files["step.py"], space)
    except Exception as error:
        return {"ok": False, "log": f"{type(error).__name__}: {error}"}
    return {"ok": "step" in space, "log": "" if "step" in space else "it has no step()"}


def main():
    """Print what the agent proposes."""
    node = {"number": 0, "parent": None, "files": {"step.py": PROGRAM}, "idea": "", "gain": 0.0}
    node |= {"error": 0.0, "seeds": 1, "standing": "start"}
    brief = SimpleNamespace(
        statement="step.py defines step(x, grad, progress) -> change, to descend a quadratic.",
        nodes=[node],
        parent=node,
        best=node,
        motifs=[],
        left=1.0,
        rng=Random(1),
        ask=ask,
        try_out=tried,
    )
    found = agent.propose(brief)
    print(f"--- proposal: {found['idea']}\n{found['files']['step.py']}")


if __name__ == "__main__":
    main()
