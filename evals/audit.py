"""Read a candidate before it runs. Defence in depth: the sandbox is the wall, this is the sign."""

import ast
from collections.abc import Iterator, Mapping

from .syntax import parse

IMPORTS = {"math", "torch"}
SOURCE_BYTES = 20_000
NUMBER_BYTES = 2_000
FORBIDDEN = {
    "breakpoint",
    "compile",
    "delattr",
    "eval",
    "exec",
    "exit",
    "getattr",
    "globals",
    "input",
    "locals",
    "memoryview",
    "open",
    "print",
    "quit",
    "setattr",
    "vars",
}
FORBIDDEN_ATTRIBUTES = {
    "from_file",
    "hub",
    "jit",
    "load",
    "manual_seed",
    "multiprocessing",
    "save",
    "seed",
    "set_rng_state",
    "utils",
}


def audit(files: Mapping[str, str]) -> tuple[str, ...]:
    """One sentence for each thing a training algorithm has no need of; empty means none."""
    return tuple(finding for name in sorted(files) for finding in _file(name, files[name]))


def _file(name: str, source: str) -> Iterator[str]:
    if len(source.encode()) > SOURCE_BYTES:
        yield f"{name} is larger than {SOURCE_BYTES} bytes"
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        where = f":{line}" if line else ""
        yield f"{name}{where} is not Python: {getattr(error, 'msg', error)}"
        return
    numbers = 0
    for node in ast.walk(tree):
        numbers += isinstance(node, ast.Constant) and len(_literal(node))
        if finding := _node(node):
            yield f"{name}:{getattr(node, 'lineno', 0)} {finding}"
    if numbers > NUMBER_BYTES:
        yield f"{name} holds {numbers} bytes of literals: more than {NUMBER_BYTES} looks like data"


def _node(node: ast.AST) -> str | None:
    if isinstance(node, ast.Import):
        foreign = sorted({a.name for a in node.names if a.name.split(".")[0] not in IMPORTS})
        return f"imports {', '.join(foreign)}" if foreign else None
    if isinstance(node, ast.ImportFrom):
        module = node.module or "."
        return None if module.split(".")[0] in IMPORTS else f"imports from {module}"
    if isinstance(node, ast.Name) and (node.id in FORBIDDEN or node.id.startswith("__")):
        return f"uses {node.id}"
    if isinstance(node, ast.Attribute):
        if node.attr.startswith("_"):
            return f"reaches for the private attribute {node.attr}"
        if node.attr in FORBIDDEN_ATTRIBUTES:
            return f"uses .{node.attr}"
    return None


def _literal(node: ast.Constant) -> str:
    return repr(node.value) if isinstance(node.value, int | float | complex | bytes) else ""
