"""Compare the syntax tree of a candidate with the vocabulary of a training algorithm."""

import ast
import builtins
import re
from collections.abc import Iterator
from typing import NamedTuple

from ...tasks.library.vocabulary import BUILTINS, MODULES, RANDOM
from .forbidden import FORBIDDEN_ATTRIBUTES, FORBIDDEN_PREFIXES

BUILT_IN = {*dir(builtins), "copyright", "credits", "exit", "help", "license", "quit"} - {"_"}
OUTSIDE = re.compile(r"(?<![a-z0-9])(grader|guest|sealed|trainer|validation)(?![a-z0-9])")
MUTABLE = ast.Dict | ast.DictComp | ast.List | ast.ListComp | ast.Set | ast.SetComp
REFUSED = {
    ast.ClassDef: "defines a class",
    ast.AsyncFunctionDef: "defines a coroutine",
    ast.AsyncFor: "runs a coroutine",
    ast.AsyncWith: "runs a coroutine",
    ast.Await: "runs a coroutine",
}


class AuditFinding(NamedTuple):
    """A fault of a file, and its line (0 for the whole file).

    A `flag` does not refuse the program; it only tells a reader.
    """

    what: str
    line: int = 0
    flag: bool = False


def literals(tree: ast.AST) -> Iterator[ast.Constant]:
    """Every literal but the strings that stand alone, which no code can read."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and id(node) in alone:
                continue
            yield node


class Wording:
    """The checks of one file: its imports, and every name and text in it."""

    def __init__(
        self,
        tree: ast.Module,
        imports: frozenset[str],
        workloads: frozenset[str],
        library: frozenset[str],
    ) -> None:
        """Take the modules that may be imported, and the names that the task itself uses.

        Names of its `library` are forbidden as modules and attributes alone, and those of its
        `workloads` in strings. They are everyday words, which a variable may bear.
        """
        self._tree, self._imports = tree, imports
        self._workloads, self._library = workloads, library
        self._modules: dict[str, str] = {}

    def findings(self) -> Iterator[AuditFinding]:
        """All findings, in no particular order."""
        for node in ast.walk(self._tree):
            for what in self._imported(node):
                yield AuditFinding(what, getattr(node, "lineno", 0))
        judged: set[int] = set()  # ids of the parts of attribute chains that were seen as a whole
        for node in ast.walk(self._tree):
            line = getattr(node, "lineno", 0)
            for what in self._refused(node, judged):
                yield AuditFinding(what, line)
            for what in self._flagged(node):
                yield AuditFinding(what, line, flag=True)
        for constant in literals(self._tree):
            for what in self._constant(constant):
                yield AuditFinding(what, constant.lineno)
        yield from self._state()

    # Imports

    def _imported(self, node: ast.AST) -> Iterator[str]:
        """Note the names that stand for modules, and refuse what may not be imported."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                if not self._is_module(alias.name):
                    yield f"imports {alias.name}"
                bound = alias.asname or alias.name.partition(".")[0]
                yield from self._bind(bound, alias.name if alias.asname else bound)
        elif isinstance(node, ast.ImportFrom):
            if node.module == "__future__" and not node.level:
                return
            module = "." * node.level + (node.module or "")
            if not self._is_module(module):
                yield f"imports from {module}"
                return
            for alias in node.names:
                path = f"{module}.{alias.name}"
                if self._is_module(path):
                    yield from self._bind(alias.asname or alias.name, path)
                elif alias.name == "*" or not self._offers(module, alias.name):
                    yield f"imports {path}"

    def _bind(self, name: str, module: str) -> Iterator[str]:
        if self._modules.setdefault(name, module) != module:
            yield f"calls both {self._modules[name]} and {module} {name}"

    def _is_module(self, path: str) -> bool:
        part_of_import = path in MODULES and path.partition(".")[0] in self._imports
        return part_of_import or path in self._imports

    def _offers(self, module: str, name: str) -> bool:
        if module in MODULES:
            return name in MODULES[module]
        return _attribute(name) is None

    # Words

    def _refused(self, node: ast.AST, judged: set[int]) -> Iterator[str]:
        if type(node) in REFUSED:
            yield REFUSED[type(node)]
        if isinstance(node, ast.Attribute) and id(node) not in judged:
            yield from self._chain(node, judged)
        if isinstance(node, ast.Name) and id(node) not in judged:
            if node.id in self._modules and isinstance(node.ctx, ast.Load):
                yield f"hands the module {node.id} around"
            if node.id in BUILT_IN - BUILTINS:
                yield f"uses {node.id}"
        if isinstance(node, ast.Call) and _makes_tensor(node):
            yield "uses Tensor as a function, which may show memory that was another's"
        if isinstance(node, ast.MatchClass):
            yield from filter(None, map(_attribute, node.kwd_attrs))
        for name in _names(node):
            if name.startswith("__") and not isinstance(node, ast.ImportFrom):
                yield f"uses {name}"
            if outsider := _outside(name):
                yield f"names {outsider}, which lies outside a training algorithm"
            if isinstance(node, ast.Attribute) and name in self._library:
                yield f"uses .{name}, a module of the task's"
            if name in self._modules and _binds(node):
                yield f"gives another meaning to {name}"

    def _chain(self, outer: ast.Attribute, judged: set[int]) -> Iterator[str]:
        """Judge `a.b.c` as a whole, from the left."""
        names: list[str] = []
        node: ast.expr = outer
        while isinstance(node, ast.Attribute):
            judged.add(id(node))
            names.insert(0, node.attr)
            if not isinstance(node.ctx, ast.Load):
                yield f"assigns to the attribute .{node.attr}"
            node = node.value
        if isinstance(node, ast.Name) and node.id in self._modules:
            judged.add(id(node))
            path = self._modules[node.id]
            while names and self._is_module(f"{path}.{names[0]}"):
                path = f"{path}.{names.pop(0)}"
            if not names:
                yield f"hands the module {path} around"
            elif not self._offers(path, names[0]):
                yield f"uses {path}.{names[0]}, which is no numerical function"
            elif path in MODULES:
                names.pop(0)
        yield from filter(None, map(_attribute, names))

    def _constant(self, node: ast.Constant) -> Iterator[str]:
        if not isinstance(node.value, str):
            return
        if "__" in node.value:
            yield "holds the name of a private attribute in a string"
        for word in re.findall(r"\w+(?:\.py\b)?", node.value):
            module = word.removesuffix(".py")
            file = module != word and module in self._library
            named = file or module in self._workloads
            if outsider := word if named else _outside(module):
                yield f"names {outsider}, which lies outside a training algorithm, in a string"
                return

    # Flags

    def _flagged(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Attribute) and node.attr in RANDOM:
            yield f"draws random numbers ({node.attr})"
        if isinstance(node, ast.ImportFrom):
            for name in sorted({alias.name for alias in node.names} & RANDOM):
                yield f"draws random numbers ({name})"
        if isinstance(node, ast.Name) and node.id == "print":
            yield "prints"
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield "catches every exception"
        if isinstance(node, ast.Global):
            yield f"keeps state in the module ({', '.join(node.names)})"
        if isinstance(node, ast.arguments):
            defaults = [*node.defaults, *node.kw_defaults]
            if any(isinstance(default, MUTABLE) for default in defaults):
                yield "keeps state in a default argument"

    def _state(self) -> Iterator[AuditFinding]:
        """Mutable objects of the module, which outlive a call."""
        for node in self._tree.body:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            if isinstance(value, MUTABLE):
                yield AuditFinding("holds a mutable object in the module", node.lineno, flag=True)


def _makes_tensor(node: ast.Call) -> bool:
    """Whether the type Tensor is called, or handed to something other than a type check."""
    checks = isinstance(node.func, ast.Name) and node.func.id == "isinstance"
    places = [node.func, *([] if checks else node.args), *(k.value for k in node.keywords)]
    names = [getattr(place, "attr", getattr(place, "id", "")) for place in places]
    return "Tensor" in names


def _outside(word: str) -> str | None:
    """The part of `word` that names something on the other side of the wall, if any does."""
    match = OUTSIDE.search(word.lower())
    return match[1] if match else None


def _attribute(name: str) -> str | None:
    """The reason why no value may be asked for this attribute, or None."""
    if name.startswith("_"):
        return f"reaches for the private attribute {name}"
    if name in FORBIDDEN_ATTRIBUTES or name.startswith(FORBIDDEN_PREFIXES):
        return f"uses .{name}"
    return None


def _names(node: ast.AST) -> Iterator[str]:
    """Every identifier that a node itself holds."""
    if isinstance(node, ast.Constant):
        return
    for field, value in ast.iter_fields(node):
        if field == "type_comment":
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                yield item


def _binds(node: ast.AST) -> bool:
    """Whether a node gives its names a value, other than by importing."""
    if isinstance(node, ast.Name):
        return not isinstance(node.ctx, ast.Load)
    return not isinstance(node, ast.Attribute | ast.alias | ast.ImportFrom | ast.keyword)
