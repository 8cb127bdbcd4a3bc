"""The names and texts that a task may have. They are shown, stored, and made into files."""

import re
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field

from ..sandbox.text import clean, line

BASELINE = re.compile(r"\w[\w. -]{0,59}")
RESERVED = {"trainer.py", "grader.py", "guest.py", "predictor.py", "alone.py", "task.toml"}


def _plain(text: str) -> str:
    """One line of visible text; raises ValueError if none is left."""
    if not (cleaned := line(text)):
        raise ValueError("holds no text")
    return cleaned


def _file_name(name: str) -> str:
    """The name of a file that lies beside a task's programs; raises ValueError for any other."""
    if re.fullmatch(r"\w[\w-]{0,59}(\.\w{1,10})?\.(py|md|toml)", name) is None:
        raise ValueError(f"{line(name, 80)!r} is no file name such as step.py")
    if name in RESERVED:
        raise ValueError(f"{name} is the name of a program of the task itself")
    return name


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Label = Annotated[str, AfterValidator(_plain), Field(max_length=200)]
Prose = Annotated[str, AfterValidator(partial(clean, most=20_000))]
FileName = Annotated[str, AfterValidator(_file_name)]
Module = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.\w+)*$", max_length=100)]
