"""Parse Python source from any thread.

CPython up to 3.11 counts the depth of the tree it builds in one place for all threads, and two that
parse at once can end with a SystemError (python/cpython#106905). Every parse of ours goes through
here; what other libraries parse meanwhile is answered by trying again.
"""

import ast
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

Parsed = TypeVar("Parsed")

TRIES = 5

_one_at_a_time = threading.Lock()


def parse(source: str) -> ast.Module:
    """The syntax tree of a module; raises what `ast.parse` does."""
    return _patiently(lambda: ast.parse(source))


def parse_expression(source: str) -> ast.expr:
    """The syntax tree of an expression, which may span lines."""
    return _patiently(lambda: ast.parse(f"({source})", mode="eval")).body


def _patiently(attempt: Callable[[], Parsed]) -> Parsed:
    with _one_at_a_time:
        for _ in range(TRIES - 1):
            try:
                return attempt()
            except SystemError:
                continue
        return attempt()


def size(files: Mapping[str, str]) -> int:
    """How much program there is: the nodes of all syntax trees, whatever is named or documented.

    A file that is not Python counts a node a character.
    """
    return sum(_nodes(text) for text in files.values())


@lru_cache(maxsize=1024)
def _nodes(source: str) -> int:
    try:
        module = parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return len(source)
    documented = (ast.Module, ast.FunctionDef, ast.ClassDef)
    walked = list(ast.walk(module))
    words = sum(isinstance(n, documented) and ast.get_docstring(n) is not None for n in walked)
    return len(walked) - 2 * words  # a docstring is an expression and its constant
