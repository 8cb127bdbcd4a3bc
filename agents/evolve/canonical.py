"""A digest of what a program says, blind to how it is written down."""

import ast
import hashlib
from collections.abc import Mapping
from functools import lru_cache

DIGITS = 4


def canonical(files: Mapping[str, str]) -> str:
    """Equal for programs that differ only in names, comments, annotations, layout or tiny numbers.

    A file that is not Python counts by its text.
    """
    hasher = hashlib.sha256()
    for name in sorted(files):
        hasher.update(f"{name}\0{_form(files[name])}\0".encode())
    return hasher.hexdigest()[:16]


@lru_cache(maxsize=1024)
def _form(source: str) -> str:
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return source
    return _Form(module).text()


class _Form:
    """One module, with every name of its own replaced by its order of appearance."""

    def __init__(self, module: ast.Module) -> None:
        self.module = module
        self.names: dict[str, str] = {}
        self.slots: dict[str, str] = {}
        walked = list(ast.walk(module))
        self.values = {
            node.targets[0].id: node.value
            for node in module.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        } | {
            node.target.id: node.value
            for node in module.body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
        }
        self.functions = {n.name: n for n in module.body if isinstance(n, ast.FunctionDef)}
        read = {n.id for n in walked if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        self.helpers = [name for name in self.functions if name in read]
        bound = {n.id for n in walked if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        bound |= {n.arg for n in walked if isinstance(n, ast.arg)}
        self.own = bound | set(self.helpers)
        keys = {k.value for n in walked if isinstance(n, ast.Dict) for k in n.keys if _text(k)}
        self.keys = keys & {n.slice.value for n in walked if _by_text(n)}

    def text(self) -> str:
        """Functions of the interface first, then what they use, in order of first use."""
        parts = [self.show(self.functions[n]) for n in sorted(set(self.functions) - set(self.helpers))]
        rest = [
            node
            for node in self.module.body
            if not isinstance(node, ast.Assign | ast.AnnAssign | ast.FunctionDef)
            and not _docstring(node)
        ]
        parts += [self.show(node) for node in rest]
        done: set[str] = set()
        while pending := [name for name in self.names if name not in done]:
            for name in pending:
                done.add(name)
                meaning = self.values.get(name) or (
                    self.functions[name] if name in self.helpers else None
                )
                if meaning is not None:
                    parts.append(f"{self.names[name]}={self.show(meaning)}")
        others = [node for node in self.module.body if isinstance(node, ast.Assign)]
        parts += [self.show(n) for n in others if not isinstance(n.targets[0], ast.Name)]
        return "\n".join(parts)

    def show(self, node: object) -> str:
        """A node as text, in the manner of `ast.dump`."""
        match node:
            case ast.Name(id=name):
                return self.named(name)
            case ast.arg(arg=name):
                return self.named(name)
            case ast.Constant(value=bool() | None):
                return repr(node.value)
            case ast.Constant(value=int() | float() as value):
                return format(float(value), f".{DIGITS}g") if abs(value) < 1e300 else repr(value)
            case ast.Constant(value=str() as value) if value in self.keys:
                return self.slots.setdefault(value, f"slot{len(self.slots)}")
            case ast.AnnAssign(target=target, value=value):
                return f"Assign([{self.show(target)}],{self.show(value)})"
            case ast.FunctionDef(name=name, args=args, body=body):
                label = self.named(name) if name in self.helpers else name
                kept = [each for each in body if not _docstring(each)]
                return f"def {label}({self.show(args)},{self.show(kept)})"
            case ast.AST():
                skipped = ("ctx", "annotation", "type_comment", "kind", "returns")
                fields = [self.show(v) for k, v in ast.iter_fields(node) if k not in skipped]
                return f"{type(node).__name__}({','.join(fields)})"
            case list():
                return f"[{','.join(map(self.show, node))}]"
        return repr(node)

    def named(self, name: str) -> str:
        """The canonical form of a name."""
        if name not in self.own:
            return name
        return self.names.setdefault(name, f"v{len(self.names)}")


def _docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _text(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _by_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and _text(node.slice)
