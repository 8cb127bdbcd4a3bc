"""The command line: its verbs put together, and run so that every end has an exit code.

Every verb imports what it needs when it runs, so that --help is instant.
"""

import gc
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import typer

from .benches import bench
from .checking import checking
from .display import unfailing
from .images import images
from .making import making
from .output import INTERRUPTED, fail
from .reading import reading
from .searching import searching

EPILOG = """Exit codes: 0 done; 1 a bug in Ratchet; 2 bad input; 3 sandbox, archive or model
server unusable, or a check failed; 4 searched, but no candidate was valid; 5 a replay drifted;
6 a replay failed; 130 interrupted."""

# Imports make objects by the hundred thousand and leave no garbage. Looking through them again and
# again took a sixth of the time of a short command. At the end it has to be: it closes databases.
BETWEEN_COLLECTIONS = 50_000
# Options by names that they once had, which scripts may still use.
OLD_NAMES = {
    "--max-evaluations": "--max-trials",
    "--evaluations": "--trials",
    "--isolation": "--sharing",
}
# Verbs whose output is all that they are for.
READERS = ("runs", "tree", "show", "diff", "rejudge", "tasks", "agents")
THREADS, ENDING_SECONDS = "ratchet-turn", 1.0

app = typer.Typer(
    name="ratchet",
    help="Search for better training algorithms, and keep only what fresh evidence confirms.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(making)
app.add_typer(searching)
app.add_typer(checking)
app.add_typer(reading)
app.add_typer(bench, name="bench")
app.add_typer(images, name="sandbox")


def main() -> None:
    """Run the command line. An error that a user can mend is one sentence and its exit code."""
    gc.set_threshold(BETWEEN_COLLECTIONS)
    with unfailing() as display:
        try:
            _run()
        except SystemExit as leaving:
            sys.stdout.flush()
            sys.stderr.flush()
            if not leaving.code and display.full and sys.argv[1:2] and sys.argv[1] in READERS:
                fail(3, f"not all of it could be written: {display.full}")
            if isinstance(leaving.code, int) and (leaving.code == INTERRUPTED or _busy()):
                # Everything finished is archived; a thread may still wait for a box or a model.
                os._exit(leaving.code)
            raise


def _current(arguments: Sequence[str]) -> list[str]:
    """The arguments of a command line, with options by the names that they have now."""
    pairs = [argument.partition("=") for argument in arguments]
    return [OLD_NAMES.get(name, name) + rest + value for name, rest, value in pairs]


def _run() -> None:
    sys.argv[1:] = _current(sys.argv[1:])
    try:
        sys.path.append(str(Path.cwd()))  # so that `--agent mine.idea` finds the user's module
    except FileNotFoundError:
        if "--help" not in sys.argv:
            fail(2, "the current folder is no longer there: change to one that is")
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except OSError as error:
        if error.filename is None:
            raise
        fail(2, f"cannot use {str(error.filename)[:200]}: {error.strerror}")
    except Exception as error:
        code = getattr(error, "exit_code", None)
        if code is None:
            raise
        fail(code, error)


def _busy() -> bool:
    """Whether a thread of a search is still at work, after all of them had a moment to end."""
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(THREADS)]
    for thread in threads:
        thread.join(ENDING_SECONDS / len(threads))
    return any(thread.is_alive() for thread in threads)
