"""Parse Python source from any thread.

CPython up to 3.11 counts the depth of the tree it builds in one place for all threads, and two that
parse at once can end with a SystemError (python/cpython#106905). Every parse of ours goes through
here; what other libraries parse meanwhile is answered by trying again.
"""

import ast
import builtins
import threading
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

Parsed = TypeVar("Parsed")

TRIES = 5  # of a parse that meets the fault above
LONGEST = 40_000  # characters that are parsed at all: a megabyte would cost seconds
DEPTH = 100  # levels of a syntax tree; what people and models write has fewer than 20

_one_at_a_time = threading.Lock()


class Unreadable(ValueError):
    """A text that is too long or too deeply nested to be read."""


def parse(source: str) -> ast.Module:
    """The syntax tree of a module; raises SyntaxError and ValueError, as `ast.parse` does.

    Raises Unreadable for a text of more than LONGEST characters, and for a tree of more than DEPTH
    levels, on which what walks the tree could run out of stack. The parser itself does so sooner or
    later by the thread that it is called from, so all of these say the same.
    """
    if len(source) > LONGEST:
        raise Unreadable(f"has {len(source)} characters, and no more than {LONGEST} are read")
    deep = f"is nested more than {DEPTH} levels deep, which no program needs"
    try:
        tree = _patiently(lambda: ast.parse(source))
    except (RecursionError, MemoryError) as error:
        raise Unreadable(deep) from error
    level, nodes = 0, [*ast.iter_child_nodes(tree)]
    while nodes:
        level += 1
        nodes = [child for node in nodes for child in ast.iter_child_nodes(node)]
    if level > DEPTH:
        raise Unreadable(deep)
    return tree


def parse_expression(source: str) -> ast.expr:
    """The syntax tree of an expression, which may span lines; raises as `ast.parse` does."""
    return _patiently(lambda: ast.parse(f"({source})", mode="eval")).body


def undefined(source: str) -> set[str]:
    """Names that a module reads and binds nowhere, in any function; raises as `parse` does."""
    bound = {*dir(builtins), "__file__", "__name__"}
    wanted = set[str]()
    for node in ast.walk(parse(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                wanted.add(name)
            case ast.Name(id=name) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.MatchAs(name=str(name)):
                bound.add(name)
            case ast.alias(name=name, asname=own):
                bound.add(own or name.partition(".")[0])
            case _:
                pass
    return wanted - bound


def _patiently(attempt: Callable[[], Parsed]) -> Parsed:
    # What Python would warn of is the author's business: it is neither printed on the terminal of
    # whoever searches, nor an error where a user has made warnings that.
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(TRIES - 1):
            try:
                return attempt()
            except SystemError:
                continue
        return attempt()


def size(files: Mapping[str, str]) -> int:
    """The size of a program: how many nodes its syntax trees have, docstrings left out.

    A file that is not Python, or that `parse` takes for unreadable, counts a node a character.
    Raises nothing, whatever the files hold.
    """
    texts = files.values()
    return sum(_nodes(text) if len(text) <= LONGEST else len(text) for text in texts)


@lru_cache(maxsize=1024)
def _nodes(source: str) -> int:
    try:
        module = parse(source)
    except Exception:  # whatever strange text makes the parser raise: it is no program then
        return len(source)
    documented = (ast.Module, ast.FunctionDef, ast.ClassDef)
    walked = list(ast.walk(module))
    docstrings = sum(isinstance(n, documented) and ast.get_docstring(n) is not None for n in walked)
    return len(walked) - 2 * docstrings  # each is an expression and its constant
