"""A connection by which to tell whether the engine that was there is still there."""

import json
import socket
from urllib.parse import quote

HELLO_SECONDS = 5
NEVER = quote(json.dumps({"label": {"ratchet.never": True}}))
REQUEST = f"GET /events?filters={NEVER} HTTP/1.1\r\nHost: engine\r\n\r\n".encode()


class Lifeline:
    """A request for events that never happen: it ends when the engine that took it ends.

    An engine that was restarted answers like the one before it, and its containers look as if they
    had ended by themselves. Only the end of an open request tells the two apart. Other addresses
    than Unix sockets are taken on trust.
    """

    def __init__(self, address: str) -> None:
        """Open the request; raises OSError if nobody answers it within a few seconds."""
        self._socket: socket.socket | None = None
        path = address.partition("unix://")[2]
        if not path:
            return
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(HELLO_SECONDS)
            connection.connect(path)
            connection.sendall(REQUEST)
            answer = connection.recv(1 << 12)
            if not answer:
                raise ConnectionResetError(f"{path} hung up")
            connection.setblocking(False)
        except BaseException:
            connection.close()
            raise
        if answer.split(b"\r\n")[0].split()[1:2] == [b"200"]:
            self._socket = connection
        else:
            connection.close()  # a proxy that forbids events; the engine itself answers

    def broken(self) -> bool:
        """Whether the engine that took the request has ended. May be called from any thread."""
        if self._socket is None:
            return False
        try:
            while self._socket.recv(1 << 12):
                pass
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
