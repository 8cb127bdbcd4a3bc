"""Standard output and error that cannot fail: what cannot be shown is dropped.

What a command does must not depend on who watches. A reader that has gone, a full disk, a closed
terminal or an encoding without our signs would else end a search in the middle, from whatever line
happened to print. So the streams themselves are mended, once, below everything that writes to them.
"""

import codecs
import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

PLAIN = {"✔": "+", "✗": "x", "≈": "=", "·": ".", "●": "*", "○": "o", "±": "+-", "…": "..."}
ERRORS = "ratchet-plain"  # the name of the error handler `_plain` among the codecs
STUCK_SECONDS = 5.0  # for a reader to make room in a pipe that does not block


class Display(io.RawIOBase):
    """A descriptor whose writes always succeed. `lost` is the first error that was kept quiet."""

    def __init__(self, descriptor: int) -> None:
        """Write to `descriptor`, which stays open."""
        self._descriptor = descriptor
        self.lost: OSError | None = None

    def write(self, data: object, /) -> int:
        """Write what can be written, and say that all of it was."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]  # bytes, by the contract
        rest = view
        while rest and self.lost is None:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError as error:
                if not select.select([], [self._descriptor], [], STUCK_SECONDS)[1]:
                    self.lost = error
            except OSError as error:
                self.lost = error
        return len(view)

    @property
    def full(self) -> str:
        """Why something was lost that somebody may still want; a reader that left wants none."""
        if self.lost is None or self.lost.errno in (errno.EPIPE, errno.EIO, errno.EBADF):
            return ""
        return self.lost.strerror or str(self.lost)

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether the descriptor leads to a terminal."""
        with suppress(OSError):
            return os.isatty(self._descriptor)
        return False

    def writable(self) -> bool:
        """Always true."""
        return True


@contextmanager
def unfailing() -> Iterator[Display]:
    """Mend the standard streams for as long as the block lasts; yields standard output's display.

    A standard stream that was closed leads to nothing, and no file of ours takes its place.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    _fill_gaps()
    codecs.register_error(ERRORS, _plain)
    out, err = (Display(_descriptor(number, before[number])) for number in (1, 2))
    if before[0] is None:
        sys.stdin = io.StringIO()
    mended = _text(out, before[1]), _text(err, before[2])
    sys.stdout, sys.stderr = mended
    try:
        yield out
    finally:
        for stream in mended:
            stream.flush()
        sys.stdin, sys.stdout, sys.stderr = before


def _fill_gaps() -> None:
    """Occupy closed standard descriptors, so that no file opened later becomes standard output."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest that is free


def _descriptor(number: int, stream: TextIO | None) -> int:
    return number if stream is not None else os.open(os.devnull, os.O_WRONLY)


def _text(display: Display, like: TextIO | None) -> io.TextIOWrapper:
    """A text stream over a display, in the encoding that the user wants."""
    encoding = getattr(like, "encoding", None) or "utf-8"
    binary = io.BufferedWriter(display)
    lines = display.isatty() or bool(getattr(like, "line_buffering", False))
    return io.TextIOWrapper(binary, encoding, ERRORS, line_buffering=lines)


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Plain characters for those that the encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(PLAIN.get(character, "?") for character in lacking), error.end
