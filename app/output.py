"""How a verb prints what it found."""

import json
import sys
from typing import Any


def dump(record: Any) -> None:
    """Print a record as JSON."""
    json.dump(record, sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")


def show_or_dump(record: Any, as_json: bool, draw: Any) -> None:
    """Print a record as JSON, or as `draw` makes it."""
    if as_json:
        dump(record)
        return
    from .view import console

    console().print(draw(record))
