"""A digest of what a program says, blind to how it is written down."""

import ast
import hashlib
from collections.abc import Mapping
from functools import lru_cache

from .syntax import LONGEST, parse

DIGITS = 4
LONG = 14_000  # bits of a number from which on Python may refuse to write out its digits
SKIPPED = frozenset(("ctx", "annotation", "returns", "type_comment", "type_params", "kind"))


def canonical(files: Mapping[str, str]) -> str:
    """Equal for programs that differ only in names, comments, annotations, layout or tiny numbers.

    A file that is not Python, or that `parse` takes for unreadable, counts by its text. Raises
    nothing, whatever the files hold.
    """
    hasher = hashlib.sha256()
    for name in sorted(files):
        text = files[name]
        form = _form(text) if len(text) <= LONGEST else text
        hasher.update(f"{name}\0{form}\0".encode(errors="surrogatepass"))
    return hasher.hexdigest()[:16]


@lru_cache(maxsize=1024)
def _form(source: str) -> str:
    try:
        return _Form(parse(source)).text()
    except Exception:  # whatever strange text makes the parser raise: it is no program then
        return source


class _Form:
    """One module, with every name of its own replaced by its order of appearance.

    Functions that the module itself never reads are its interface, and keep their names.
    """

    def __init__(self, module: ast.Module) -> None:
        walked = list(ast.walk(module))
        read = {n.id for n in walked if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        self.functions = {n.name: n for n in module.body if isinstance(n, ast.FunctionDef)}
        self.interface = sorted(set(self.functions) - read)
        self.constants: dict[str, ast.expr] = {}
        self.rest: list[ast.stmt] = []
        for node in module.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.constants[name] = value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self.constants[name] = value
                case ast.FunctionDef():
                    pass
                case _ if not _docstring(node):
                    self.rest.append(node)
        keys = {k.value for n in walked if isinstance(n, ast.Dict) for k in n.keys if _text(k)}  # type: ignore[union-attr]
        self.keys = keys & {n.slice.value for n in walked if _by_text(n)}  # type: ignore[attr-defined]
        self.slots: dict[str, str] = {}
        self.globals: dict[str, str] = {}
        self.locals: dict[str, str] = {}
        self.bound: frozenset[str] = frozenset()

    def text(self) -> str:
        """The interface, then what it uses in order of first use, then all other statements."""
        parts = [self.function(self.functions[name]) for name in self.interface]
        self.bound = frozenset()
        parts += [self.show(node) for node in self.rest]
        visited: set[str] = set()
        while pending := [name for name in self.globals if name not in visited]:
            for name in pending:
                visited.add(name)
                helper = self.functions.get(name)
                self.bound = frozenset()
                form = self.function(helper) if helper else self.show(self.constants[name])
                parts.append(f"{self.globals[name]}={form}")
        return "\n".join(parts)

    def function(self, node: ast.FunctionDef) -> str:
        """A function of the module, its locals renamed."""
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and _stores(n)}
        self.bound = frozenset(names | {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)})
        self.locals = {}
        name = node.name if node.name in self.interface else "helper"
        return f"def {name} {self.show(node.args)} {self.show(node.body)}"

    def show(self, node: object) -> str:
        """A node as text, in the manner of `ast.dump`."""
        match node:
            case ast.Name(id=name) | ast.arg(arg=name):
                return self.named(name)
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                if abs(value) < 1e300:
                    return format(value, f".{DIGITS}g")
                if isinstance(value, int) and value.bit_length() > LONG:
                    return hex(value)
                return repr(value)
            case ast.Constant(value=value):
                if isinstance(value, str) and value in self.keys:
                    return self.slots.setdefault(value, f"slot{len(self.slots)}")
                return repr(value)
            case ast.AnnAssign(target=target, value=value):
                return f"Assign([{self.show(target)}],{self.show(value)})"
            case ast.AST():
                fields = [self.show(v) for k, v in ast.iter_fields(node) if k not in SKIPPED]
                return f"{type(node).__name__}({','.join(fields)})"
            case list():
                return f"[{','.join(self.show(item) for item in node if not _docstring(item))}]"
        return repr(node)

    def named(self, name: str) -> str:
        """The canonical form of a name."""
        if name in self.bound:
            return self.locals.setdefault(name, f"local{len(self.locals)}")
        if name in self.constants or name in self.functions:
            return self.globals.setdefault(name, f"global{len(self.globals)}")
        return name


def _docstring(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _stores(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _text(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _by_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and _text(node.slice)
