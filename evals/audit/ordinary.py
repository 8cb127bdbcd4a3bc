"""The checks of an ordinary program: what hides or breaks walls is refused, the rest is shown.

A program of this level may hold classes, optimizers, arguments and files, as people write them. The
walls of the sandbox hold it. So the audit refuses only what no reader can follow and what reaches
for the walls, and flags what a reader should know of.
"""

import ast
import re
import sys
from collections.abc import Iterator

from . import walls
from .wording import AuditFinding

BLOB = re.compile(r"[A-Za-z0-9+/=_\-\\]{120,}")  # a run that no language has
HEX_BLOB = re.compile(r"[0-9a-fA-F]{64,}")
SPELLED = 8  # numbers in a row that read as letters, next to what makes letters of numbers
ESCAPED = re.compile(r"\\(x[2-7][0-9a-fA-F]|u00[2-7][0-9a-fA-F]|N\{LATIN|[01][0-7]{2})")
SPELLERS = frozenset(("bytearray", "bytes", "chr"))
OUTSIDE = re.compile(r"(?<![a-z0-9])(grader|sealed)(?![a-z0-9])")
USUAL = frozenset(("numpy", "torch", "__future__"))


class Ordinary:
    """The checks of one file of a task whose audit level is `program`."""

    def __init__(
        self, source: str, tree: ast.Module, imports: frozenset[str], library: frozenset[str]
    ) -> None:
        """Take a program; modules that the task `imports` are neither refused nor flagged.

        Modules of the task's `library` are refused.
        """
        self._source, self._tree = source, tree
        self._imports, self._library = imports, library
        self._modules: dict[str, str] = {}
        self._bound = {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
        } | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}

    def findings(self) -> Iterator[AuditFinding]:
        """All findings, in no particular order."""
        nodes = list(ast.walk(self._tree))
        for node in nodes:
            yield from self._imported(node)
        for node in nodes:
            line = getattr(node, "lineno", 0)
            for what in self._refused(node):
                yield AuditFinding(what, line)
            for what in self._shown(node):
                yield AuditFinding(what, line, flag=True)
        yield from self._spelled(nodes)

    # Imports

    def _imported(self, node: ast.AST) -> Iterator[AuditFinding]:
        paths: list[tuple[str, str]] = []  # a dotted name, and what it is called here
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                paths.append((alias.name, alias.asname or first))
                self._modules[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                yield AuditFinding("imports from a package that the task has not", node.lineno)
                return
            for alias in node.names:
                paths.append((f"{module}.{alias.name}", alias.asname or alias.name))
                self._modules[alias.asname or alias.name] = f"{module}.{alias.name}"
                if alias.name == "*":
                    yield AuditFinding(f"imports everything of {module}", node.lineno, flag=True)
        for path, _ in paths:
            yield from self._module(path, getattr(node, "lineno", 0))

    def _module(self, path: str, line: int) -> Iterator[AuditFinding]:
        first = path.partition(".")[0]
        if first in self._imports or path in self._imports:
            pass
        elif first in self._library:
            yield AuditFinding(f"imports {first}, a module of the task's", line)
        elif why := walls.MODULES.get(first):
            yield AuditFinding(f"imports {first}, which {why}", line)
        elif why := walls.SHOWN_MODULES.get(first):
            yield AuditFinding(f"imports {first}, which {why}", line, flag=True)
        elif first not in USUAL and first not in sys.stdlib_module_names:
            yield AuditFinding(f"imports {first}, which need not be there", line, flag=True)
        for what in self._path(path):
            yield AuditFinding(what, line)

    # What is refused

    def _refused(self, node: ast.AST) -> Iterator[str]:
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name in walls.CALLED:
                if name != "compile" or name not in self._bound:
                    yield f"uses {name}, which runs built text"
            case ast.Name(id=name):
                yield from _private(name)
            case ast.Attribute():
                yield from _private(node.attr)
                yield from self._path(self._dotted(node) or f"?.{node.attr}")
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield from _private(name)
            case ast.MatchClass(kwd_attrs=names):
                for name in names:
                    yield from _private(name)
            case ast.Constant(value=str() as text):
                for word in re.findall(r"\w+", text):
                    yield from (f"{what} in a string" for what in _private(word))
                yield from _blob(text)
            case ast.Constant(value=bytes() as text):
                yield from _blob(text.decode("latin-1"))
            case _:
                pass

    def _path(self, path: str) -> Iterator[str]:
        """Refuse a dotted name that leads out, by its full name or by one of its parts."""
        module, *names = path.split(".")
        if module in self._imports - USUAL:
            return
        for name in names:
            if name in walls.ATTRIBUTES:
                yield f"uses .{name}, which leads out of the program"
            elif module == "os" and name.startswith(walls.PREFIXES):
                yield f"uses os.{name}, which starts other processes"
            elif module == "sys" and name == "modules":
                yield "uses sys.modules, which leads out of the program"

    def _dotted(self, node: ast.expr) -> str:
        """The full dotted name of an attribute of a module, or "" of anything else."""
        if isinstance(node, ast.Name):
            return self._modules.get(node.id, "")
        if isinstance(node, ast.Attribute):
            owner = self._dotted(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return ""

    def _spelled(self, nodes: list[ast.AST]) -> Iterator[AuditFinding]:
        """Text that is written in numbers or escapes, so that nobody can read it."""
        spells = SPELLERS & {node.id for node in nodes if isinstance(node, ast.Name)}
        for node in nodes:
            line = getattr(node, "lineno", 0)
            match node:
                case ast.List(elts=items) | ast.Tuple(elts=items) if spells and _letters(items):
                    yield AuditFinding("spells text in code points", line)
                case ast.Call(func=ast.Name(id="chr"), args=[ast.Constant()]):
                    yield AuditFinding("spells text in code points", line)
                case ast.Constant(value=str() | bytes()):
                    if ESCAPED.search(ast.get_source_segment(self._source, node) or ""):
                        yield AuditFinding("writes plain letters as escapes", line)

    # What is shown

    def _shown(self, node: ast.AST) -> Iterator[str]:
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in walls.SHOWN_CALLS:
                yield walls.SHOWN_CALLS[name]
            case ast.Attribute(attr=name):
                if name in walls.SHOWN_ATTRIBUTES:
                    yield walls.SHOWN_ATTRIBUTES[name]
                path = self._dotted(node)
                if path in walls.SHOWN_PATHS:
                    yield walls.SHOWN_PATHS[path]
                if not isinstance(node.ctx, ast.Load) and path:
                    yield f"changes the module {path.partition('.')[0]}"
            case ast.ExceptHandler(type=None | ast.Name(id="BaseException")):
                yield "catches every exception"
            case ast.Global(names=names):
                yield f"keeps state in the module ({', '.join(names)})"
            case ast.keyword(arg="metaclass"):
                yield "gives a class a type of its own"
            case ast.Constant(value=str() as text) if outside := OUTSIDE.search(text.lower()):
                yield f"names {outside[1]} in a string"
            case ast.Name(id=name) | ast.arg(arg=name) if not name.isascii():
                yield f"uses letters of another alphabet in the name {name}"
            case _:
                pass


def _private(name: str) -> Iterator[str]:
    if name in walls.PRIVATE:
        yield f"reaches for {name}"


def _blob(text: str) -> Iterator[str]:
    if BLOB.search(text) or HEX_BLOB.search(text):
        yield "holds a block of encoded data in a string"


def _letters(elements: list[ast.expr]) -> bool:
    values = [element.value for element in elements if isinstance(element, ast.Constant)]
    letters = [v for v in values if isinstance(v, int) and 32 <= v < 127]
    return len(letters) >= SPELLED and len(letters) == len(elements)
