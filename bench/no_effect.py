"""An agent whose proposals change nothing that matters: the null hypothesis, proposed.

It renames locals, swaps the operands of commutative operations, regroups sums and products, and
adds constants nobody reads. Regrouping changes the rounding, and training makes noise of that; the
rest changes not a bit. A search that confirms one of its proposals has made a false discovery.
"""

import ast
from random import Random

from ratchet.agents.base import Brief
from ratchet.evals import Candidate


def create() -> "NoEffect":
    """Open the agent."""
    return NoEffect()


class NoEffect:
    """Offers rewrites of the parent that compute the same thing, up to rounding."""

    def propose(self, brief: Brief) -> Candidate:
        """Rewrite every editable file."""
        old = brief.parent.candidate.files
        files = {name: rewrite(text, brief.rng) for name, text in old.items()}
        return Candidate(files=files, idea="no effect: renamed, reordered", proposer="no_effect")


def rewrite(source: str, rng: Random) -> str:
    """The same program in other words."""
    module = ast.parse(source)
    for function in [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]:
        assigned = {
            node.id
            for node in ast.walk(function)
            if isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
            and not node.id.startswith("_")
        }
        names = {name: f"{name}_{rng.randrange(10**6)}" for name in sorted(assigned)}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id in names:
                node.id = names[node.id]
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult):
                reorder(node, rng)
        dead = ast.parse(f"unread_{rng.randrange(10**6)} = {rng.random():.6f}").body[0]
        function.body.insert(1 if ast.get_docstring(function) else 0, dead)
    return ast.unparse(ast.fix_missing_locations(module)) + "\n"


def reorder(node: ast.BinOp, rng: Random) -> None:
    """Turn a + b into b + a, or (a + b) + c into a + (b + c), now and then."""
    inner = node.left
    if isinstance(inner, ast.BinOp) and type(inner.op) is type(node.op) and rng.random() < 0.3:
        node.left, node.right = inner.left, ast.BinOp(inner.right, node.op, node.right)
    if rng.random() < 0.5:
        node.left, node.right = node.right, node.left
