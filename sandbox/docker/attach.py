"""Bytes to and from a container over the engine's attach stream."""

import contextlib
import socket
import struct
import time
from collections.abc import Callable

from ..box import RUNNER_LOG_BYTES

FLOOD_BYTES = 256 << 20
STDOUT = 1


class AttachChannel:
    """A `Channel` over one attached socket, whose output the engine multiplexes.

    Each chunk starts with a byte that tells stdout from stderr, three zeros and a length.
    """

    def __init__(
        self, connection: socket.socket, end: Callable[[], None], cause: Callable[[], str]
    ) -> None:
        """Own `connection`; `end` removes the container and `cause` asks why it ended."""
        self._socket = connection
        self._end, self._cause = end, cause
        self._head = b""
        self._left = 0
        self._stream = STDOUT
        self._log = bytearray()
        self._logged = 0
        self._closed = False

    def write(self, data: bytes, deadline: float) -> None:
        """Write every byte; raises TimeoutError or EOFError."""
        view = memoryview(data)
        while view:
            self._wait_until(deadline)
            try:
                view = view[self._socket.send(view[: 1 << 18]) :]
            except TimeoutError:
                raise
            except OSError as error:
                raise EOFError("the container is gone") from error

    def read(self, deadline: float) -> bytes:
        """The next bytes from the runner, keeping the end of its standard error as the log.

        Raises TimeoutError at the deadline, and EOFError once the container is gone or has written
        more than FLOOD_BYTES to its standard error.
        """
        while True:
            self._wait_until(deadline)
            try:
                data = self._socket.recv(1 << 18)
            except TimeoutError:
                raise
            except OSError as error:
                raise EOFError("the container is gone") from error
            if not data:
                raise EOFError("the container is gone")
            output = self._split(data)
            if self._logged > FLOOD_BYTES:
                raise EOFError(f"more than {FLOOD_BYTES >> 20} MiB on standard error")
            if output:
                return output

    def log(self) -> str:
        """The end of the runner's own standard error."""
        return self._log.decode(errors="replace")

    def cause(self) -> str:
        """Why the container ended: "output_overflow", "oom", "engine" or "".

        "engine" is for an engine that went away, "" for an end that the runner itself chose.
        """
        return "output_overflow" if self._logged > FLOOD_BYTES else self._cause()

    def interrupt(self) -> None:
        """Hang up from another thread; whoever waits on the socket sees its end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up, then remove the container: a full stream would otherwise block the kill."""
        if self._closed:
            return
        self._closed = True
        self.interrupt()
        self._socket.close()
        self._end()

    def _wait_until(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)

    def _split(self, data: bytes) -> bytes:
        output = bytearray()
        view = memoryview(data)
        while view:
            if self._left == 0:
                missing = 8 - len(self._head)
                self._head += bytes(view[:missing])
                view = view[missing:]
                if len(self._head) == 8:
                    self._stream, self._left = struct.unpack(">BxxxI", self._head)
                    self._head = b""
                continue
            part = view[: self._left]
            view = view[len(part) :]
            self._left -= len(part)
            if self._stream == STDOUT:
                output += part
            else:
                self._logged += len(part)
                self._log += part
                del self._log[:-RUNNER_LOG_BYTES]
        return bytes(output)
