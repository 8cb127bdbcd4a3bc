"""Putting a motif's templates in the terms of a program."""

import ast
from collections.abc import Mapping

from ...evals.syntax import parse
from ...tasks.motifs import Motif
from .scope import Env


class Unfit(Exception):
    """The motif has no place where it was tried."""


class Binder(ast.NodeTransformer):
    """Puts a template in the terms of the program at one place."""

    def __init__(
        self,
        env: Env,
        motif: Motif,
        renamed: Mapping[str, str],
        holes: Mapping[str, ast.expr],
        lenient: bool = False,
    ) -> None:
        """Know the place by its `env`; a `lenient` binder leaves names it does not know alone."""
        self.roles: dict[str, str] = {}
        for name, type_ in env.items():
            self.roles.setdefault(type_.role, name)
        self.slots, self.renamed, self.holes = motif.slots, renamed, holes
        self.lenient = lenient

    def text(self, template: str) -> str:
        """The template as a line of the program; raises Unfit if a name has no meaning there."""
        return ast.unparse(self.visit(parsed(template))).replace("'", '"')

    def own(self, slot: str) -> str:
        """A slot of the state as it was; raises Unfit where there is no state."""
        return self.text(f'state[name]["{slot}"]')

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Rename the motif's slots; prefer a local name for an entry of an argument."""
        key = node.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value in self.slots:
            node = ast.Subscript(node.value, ast.Constant(self.renamed[key.value]), node.ctx)
        if isinstance(node.value, ast.Name) and isinstance(key, ast.Name) and key.id == "name":
            alias = self.roles.get(f"{node.value.id}[]")
            if alias and not self.lenient:
                return ast.Name(alias, ast.Load())
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Fill holes, rename what is the motif's own, find what is an argument."""
        if node.id in self.holes:
            return self.holes[node.id]
        if node.id in self.renamed:
            return ast.Name(self.renamed[node.id], node.ctx)
        if self.lenient or node.id in ("torch", "math", "min", "max", "abs", "float", "True"):
            return node
        if node.id not in self.roles:
            raise Unfit(node.id)
        return ast.Name(self.roles[node.id], node.ctx)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Rename a helper."""
        node.name = self.renamed.get(node.name, node.name)
        return self.generic_visit(node)


def parsed(text: str) -> ast.stmt:
    """A new tree of one statement."""
    return parse(text).body[0]
