"""The records that pass between proposing, measuring, judging and archiving."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from ..sandbox import Status, digest_files
from ..tasks import Frozen


class Candidate(Frozen):
    """The editable files of a task, the idea behind them, and who proposed them."""

    files: Mapping[str, str]
    idea: str
    proposer: str

    @property
    def digest(self) -> str:
        """Content address: equal programs have equal digests, whatever the idea."""
        return digest_files({name: text.encode() for name, text in self.files.items()})[:16]
