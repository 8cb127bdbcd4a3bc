"""Fixtures that several test files share."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ratchet.sandbox import Sandbox, open_sandbox

HERE = Path(__file__).parent
BOWL = str(HERE / "bowl")

Ratchet = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def process_sandbox() -> Iterator[Sandbox]:
    sandbox = open_sandbox("process", 2)
    yield sandbox
    sandbox.close()


@pytest.fixture
def ratchet(tmp_path: Path) -> Ratchet:
    """Run the command line as a user does, in an empty directory."""

    def run(*words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*words),
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from ratchet.app.cli import main; main()", *words]


def environment() -> dict[str, str]:
    """The user's environment, in which the agents of tests/stand_ins can be named."""
    return {**os.environ, "PYTHONPATH": str(HERE), "COLUMNS": "200", "NO_COLOR": "1"}
