"""Keep a candidate that sees one seed of a stack from seeing the others.

Under `torch.func.vmap` a tensor stands for those of all seeds, and no operation tells one seed of
another. But its text shows the whole stack, and whether some operations fail depends on all of it.
So what a guarded module writes as text is checked first, and an error within a stacked call cannot
be caught: the guest goes on seed by seed then, as with all that vmap cannot follow.
"""

import ast
import copy
import sys
from collections.abc import Callable
from types import ModuleType

SHOWN, MODULO, RIGHT, CAUGHT = "__shown__", "__modulo__", "__right__", "__caught__"
TEXTS = {"str": "__str__", "repr": "__repr__", "print": "__print__"}
PLAIN = (str, bytes, int, float, bool, complex, range, slice, type(None))
GROUPS = (tuple, list, set, frozenset)

stacked: list[bool] = []  # one entry for each stacked call that is under way


class Hidden(TypeError):
    """A value whose text would show more than the candidate's own seed."""


def stack(function: Callable, *arguments: object) -> object:
    """Call what calls the candidate for all seeds at once."""
    stacked.append(True)
    try:
        return function(*arguments)
    finally:
        stacked.pop()


def shown(value: object) -> object:
    """The value, if its text shows nothing but one seed's own numbers; raises Hidden."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind in GROUPS:
        for member in value:
            shown(member)
        return value
    if kind is dict:
        for pair in value.items():
            shown(pair)
        return value
    if isinstance(value, BaseException):
        shown(value.args)
        return value
    if torch := sys.modules.get("torch"):
        own = isinstance(value, torch.Tensor) and not wrapped(torch, value)
        if own or isinstance(value, torch.dtype | torch.Size | torch.device):
            return value
    raise Hidden(f"the text of a {kind.__name__} is not for a candidate to see")


def wrapped(torch: ModuleType, tensor: object) -> bool:
    """Whether a tensor stands for more than it shows."""
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def text(value: object = "", *rest: str) -> str:
    """What `str` gives for what may be shown."""
    return str(shown(value), *rest)


def represented(value: object) -> str:
    """What `repr` gives for what may be shown."""
    return repr(shown(value))


def printed(*values: object, **options: object) -> None:
    """Print what may be shown."""
    print(*map(shown, values), **options)


def right(left: object, value: object) -> object:
    """The right side of `left % value`, which is text if the left one is."""
    return shown(value) if isinstance(left, str | bytes) else value


def modulo(left: object, value: object) -> object:
    """`left % value`, of numbers or of a text."""
    return left % right(left, value)


def caught() -> None:
    """Raise the error under way again, if it arose within a stacked call."""
    error = sys.exc_info()[1]
    if stacked and error is not None:
        raise error


def guarded(tree: ast.Module, module: ModuleType) -> ast.Module:
    """The tree with its texts and its handlers checked, for execution in `module`."""
    checks = (shown, modulo, right, caught, text, represented, printed)
    names = (SHOWN, MODULO, RIGHT, CAUGHT, *TEXTS.values())
    module.__dict__.update(zip(names, checks, strict=True))
    return ast.fix_missing_locations(Guard(tree).visit(tree))


def types(tree: ast.Module) -> set[int]:
    """Names that stand for a type and make no text: in annotations, patterns and type checks."""
    places: list[ast.AST | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            places.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            places.append(node.returns)
        elif isinstance(node, ast.MatchClass):
            places.append(node.cls)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            places.append(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            places += node.args[1:] if node.func.id == "isinstance" else []
    return {id(node) for place in places if place for node in ast.walk(place)}


class Guard(ast.NodeTransformer):
    """Puts the checks in their places. Their names are none that a candidate may write."""

    def __init__(self, tree: ast.Module) -> None:
        """Learn which names of the tree are types."""
        self._types = types(tree)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A function that makes text, by which name it is handed around."""
        makes = node.id in TEXTS and isinstance(node.ctx, ast.Load)
        if makes and id(node) not in self._types:
            return ast.copy_location(ast.Name(TEXTS[node.id], ast.Load()), node)
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        """A value within an f-string."""
        self.generic_visit(node)
        node.value = call(SHOWN, node.value)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """The remainder, which is text where its left side is."""
        self.generic_visit(node)
        if isinstance(node.op, ast.Mod):
            return ast.copy_location(call(MODULO, node.left, node.right), node)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """The same in place."""
        self.generic_visit(node)
        if isinstance(node.op, ast.Mod):
            left = copy.deepcopy(node.target)
            left.ctx = ast.Load()
            node.value = call(RIGHT, left, node.value)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        """What catches an error."""
        self.generic_visit(node)
        node.body.insert(0, ast.Expr(call(CAUGHT)))
        return node

    def visit_Try(self, node: ast.Try) -> ast.AST:
        """What may end with a return in spite of an error."""
        self.generic_visit(node)
        if node.finalbody:
            node.finalbody.insert(0, ast.Expr(call(CAUGHT)))
        return node

    visit_TryStar = visit_Try


def call(name: str, *arguments: ast.expr) -> ast.Call:
    """A call of a check."""
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
