"""Take in what a job sends, within its limits."""

import contextlib
import os
import select
import time

from . import frames
from .system import watch

LOG_MOST = 256 << 20  # bytes; a job that prints more than this is ended


class Watcher:
    """Takes in reply and log of one job, within its caps and its deadline."""

    def __init__(self, job: frames.Header, trusted: int, reply: int, log: int, inward: int) -> None:
        """Watch the process `trusted` and what it sends on the descriptors `reply` and `log`.

        The host says nothing while a job runs, so its descriptor `inward` turns readable only when
        the host is gone.
        """
        self.job, self.inward = job, inward
        self._trusted, self._reply, self._log = trusted, reply, log
        self.reply, self.log = bytearray(), bytearray()
        self.broke = ""
        self._printed = 0

    def collect(self, deadline: float) -> None:
        """Watch until the trusted process ends or the job breaks a limit, which `broke` then names.

        `deadline` is a time on the monotonic clock.
        """
        exited = watch(self._trusted)
        ends = {self._reply, self._log, exited, self.inward} - {-1}
        try:
            while not self.broke and (exited >= 0 or self._reply in ends):
                left = deadline - time.monotonic()
                if left <= 0:
                    self.broke = "timeout"
                    return
                ready = select.select(ends, [], [], left)[0]
                if self.inward in ready:
                    self.broke = "cancelled"
                for end in ends.intersection(ready, (self._reply, self._log)):
                    if not self._take(end):
                        ends.discard(end)
                if exited in ready and self._reply not in ready:
                    return
        finally:
            if exited >= 0:
                os.close(exited)

    def finish(self) -> None:
        """Take what is left of the log once everyone has gone."""
        with contextlib.suppress(BlockingIOError):
            while self._printed < LOG_MOST and self._take(self._log):
                pass
        os.close(self._reply)
        os.close(self._log)

    def _take(self, end: int) -> bool:
        """Read what is there; False at the end of the stream."""
        part = os.read(end, 1 << 18)
        if end == self._reply:
            self.reply += part
            if len(self.reply) > self.job["reply_bytes"]:
                self.broke = "output_overflow"
        else:
            self._printed += len(part)
            self.log += part
            del self.log[: -self.job["log_bytes"]]  # keep the tail
            if self._printed > LOG_MOST:
                self.broke = "output_overflow"
        return bool(part)
