"""One sandbox for all environments of a process that ask for the same, open while one uses it."""

import atexit
import os
import threading
from dataclasses import dataclass

from ...sandbox import Sandbox, open_sandbox

Key = tuple[int, str, bool]  # the process counts: a fork must not drive its parent's boxes


@dataclass
class _Shared:
    sandbox: Sandbox
    users: int = 0


_open: dict[Key, _Shared] = {}
_guard = threading.Lock()


class Lease:
    """A claim to the shared sandbox of some name. It opens at the first use."""

    def __init__(self, name: str, accept_unisolated: bool = False) -> None:
        """Open nothing yet; the arguments are those of `open_sandbox`."""
        self._name, self._accept = name, accept_unisolated
        self._key: Key | None = None  # of the sandbox that is in use

    def sandbox(self) -> Sandbox:
        """The shared sandbox; raises SandboxError if it cannot be opened."""
        with _guard:
            key = (os.getpid(), self._name, self._accept)
            if key not in _open:
                opened = open_sandbox(self._name, accept_unisolated=self._accept)
                _open[key] = _Shared(opened)
            if self._key != key:
                _open[key].users += 1
                self._key = key
            return _open[key].sandbox

    def close(self) -> None:
        """Give up the claim; the last one to do so closes the sandbox. Idempotent."""
        with _guard:
            key, self._key = self._key, None
            if key is None or key not in _open:
                return
            shared = _open[key]
            shared.users -= 1
            if shared.users == 0:
                del _open[key]
                shared.sandbox.close()


@atexit.register
def _close_all() -> None:
    """Close what environments that nobody closed have left open."""
    for key in [key for key in _open if key[0] == os.getpid()]:
        _open.pop(key).sandbox.close()
