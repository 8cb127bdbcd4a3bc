"""An agent whose proposals change nothing that matters: the null hypothesis, proposed.

It renames locals, swaps the operands of commutative operations, and adds constants nobody reads. A
search that confirms one of its proposals has made a false discovery.
"""

import ast
from random import Random

from ratchet.archive import Node, Tree
from ratchet.evals import Candidate
from ratchet.tasks import Task


def create() -> "NoEffect":
    """Open the agent."""
    return NoEffect()


class NoEffect:
    """Offers rewrites of the parent that compute the same thing, up to rounding."""

    def propose(self, task: Task, parent: Node, tree: Tree, rng: Random) -> Candidate:
        """Rewrite every editable file."""
        files = {name: rewrite(text, rng) for name, text in parent.candidate.files.items()}
        return Candidate(files=files, idea="no effect: renamed, reordered", proposer="no_effect")


def rewrite(source: str, rng: Random) -> str:
    """The same program in other words."""
    module = ast.parse(source)
    for function in [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]:
        assigned = {
            node.id
            for node in ast.walk(function)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        names = {name: f"{name}_{rng.randrange(10**6)}" for name in sorted(assigned)}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id in names:
                node.id = names[node.id]
            swaps = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult)
            if swaps and rng.random() < 0.5:
                assert isinstance(node, ast.BinOp)
                node.left, node.right = node.right, node.left
        dead = ast.parse(f"unread_{rng.randrange(10**6)} = {rng.random():.6f}").body[0]
        function.body.insert(1 if ast.get_docstring(function) else 0, dead)
    return ast.unparse(ast.fix_missing_locations(module)) + "\n"
