"""Fixtures that several test files share."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from stand_ins.template import Template

from ratchet.sandbox import Sandbox, SandboxError, open_sandbox
from ratchet.sandbox.choose import ISOLATED

gc.set_threshold(50_000)  # as the command line does: a quarter of the time of collecting the tests
HERE = Path(__file__).parent
SECRET = "0123456789abcdef" * 2
UNISOLATED = ["--sandbox", "process", "--accept-unisolated"]
ON_A_TERMINAL = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from ratchet.app.cli.main import main
main()
"""
BOWL = str(HERE / "bowl")
# Verbs that take up what another process made: its hashes are others, which may not matter.
ELSEWHERE = {"replay", "resume"}

Ratchet = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def process_sandbox() -> Iterator[Sandbox]:
    sandbox = open_sandbox("process", 2, accept_unisolated=True)
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="session")
def isolated_sandbox() -> Iterator[Sandbox]:
    """The quickest backend that isolates here: only what it measured may be built on."""
    for name in reversed(ISOLATED):
        try:
            sandbox = open_sandbox(name, 2)
        except SandboxError:
            continue
        yield sandbox
        sandbox.close()
        return
    pytest.skip("no sandbox that isolates works here: install Docker or allow user namespaces")


@pytest.fixture(scope="session")
def template() -> Iterator[Template]:
    with closing(Template(environment())) as template:
        yield template


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Template]:
    """A template whose processes have other hashes than those of the first."""
    with closing(Template(environment())) as template:
        yield template


@pytest.fixture(scope="session")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bool]:
    """Whether a verb has not yet run, in any worker, and so has not done imports of its own."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder

    def unseen(verb: str) -> bool:
        try:
            (folder / f"seen-{verb}").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    return unseen


@pytest.fixture
def ratchet(
    tmp_path: Path, unseen: Callable[[str], bool], request: pytest.FixtureRequest
) -> Ratchet:
    """Run the command line as a user does, in an empty directory."""

    def run(*words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        where, verb = environment(), words[0]
        # What `doctor` looks at is the process that it runs in.
        if verb != "doctor" and not unseen(verb):
            chosen = request.getfixturevalue("elsewhere" if verb in ELSEWHERE else "template")
            done: subprocess.CompletedProcess[str] = chosen.run(words, tmp_path, where, timeout)
            return done
        return subprocess.run(
            command(*words),
            cwd=tmp_path,
            env=where,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run


def command(*words: str) -> list[str]:
    """The command line as on a terminal: where the tests run as a job in the background, or under
    nohup, signals are ignored, and what they start would inherit that."""
    return [sys.executable, "-c", ON_A_TERMINAL, *words]


def environment() -> dict[str, str]:
    """The user's environment, in which the agents of tests/stand_ins can be named."""
    return {**os.environ, "PYTHONPATH": str(HERE), "COLUMNS": "200", "NO_COLOR": "1"}


@pytest.fixture
def quick_ratchet(ratchet: Ratchet, isolated_sandbox: Sandbox) -> Ratchet:
    """The same in the quickest sandbox that isolates, for tests that are not about sandboxes."""

    def run(verb: str, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        taken = verb in ("search", "resume", "replay", "calibrate") and "--sandbox" not in words
        box = ["--sandbox", isolated_sandbox.name] if taken else []
        return ratchet(verb, *words, *box, timeout=timeout)

    return run
