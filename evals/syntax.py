"""Parse Python source from any thread.

CPython up to 3.11 counts the depth of the tree it builds in one place for all threads, and two that
parse at once can end with a SystemError (python/cpython#106905). Every parse goes through here.
"""

import ast
import threading

_one_at_a_time = threading.Lock()


def parse(source: str) -> ast.Module:
    """The syntax tree of a module; raises what `ast.parse` does."""
    with _one_at_a_time:
        return ast.parse(source)


def parse_expression(source: str) -> ast.expr:
    """The syntax tree of an expression, which may span lines."""
    with _one_at_a_time:
        return ast.parse(f"({source})", mode="eval").body
