"""How a verb prints what it has to say, and how it leaves."""

import json
import sys
from typing import Any, NoReturn

import typer

INTERRUPTED = 130  # the exit code after Ctrl-C, as shells have it


def dump(record: Any) -> None:
    """Print a record as JSON."""
    json.dump(record, sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")


def show_or_dump(record: Any, as_json: bool, draw: Any) -> None:
    """Print a record as JSON, or as `draw` makes it."""
    if as_json:
        dump(record)
        return
    from .terminal import console

    console().print(draw(record))


def fail(code: int, message: object) -> NoReturn:
    """Print one sentence to standard error, and raise SystemExit with `code`."""
    from ...sandbox.text import clean

    typer.secho(f"error: {clean(str(message))}", fg="red", err=True)
    raise SystemExit(code)
