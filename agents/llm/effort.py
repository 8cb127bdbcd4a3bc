"""How long and how often one request is tried: what is spent, and what is left."""

import random
import time
from dataclasses import dataclass

from ...sandbox.text import line
from .dialects import Reading
from .faults import Fault
from .records import Reply

TRIES, FIRST_TRIES = 8, 4  # the second for a server that never gave a sensible answer
SLOW_TRIES = 2  # most tries that use up their time
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0


@dataclass
class Effort:
    """The seconds and tries that one `complete` has spent, and may still spend."""

    began: float
    working: float
    patience: float
    tries: int = 0
    retries: int = 0
    waited: float = 0.0

    def next_wait(self, fault: Fault, answered_before: bool) -> float | None:
        """The seconds to wait before the next try; None if there is to be none."""
        few = fault.kind == "garbled" or (fault.kind == "connection" and not answered_before)
        if fault.wait:
            wait = max(FIRST_WAIT, fault.wait)  # as often as patience allows
        elif self.tries < (FIRST_TRIES if few else TRIES):
            longest = min(LONGEST_WAIT, FIRST_WAIT * 2**self.retries)
            wait = longest * random.uniform(0.75, 1.0)
        else:
            return None
        if self.waited + wait > self.patience or self.working <= 0:
            return None
        self.waited += wait
        return wait

    def reply(self, reading: Reading, request_id: str) -> Reply:
        """The reply as read, with the tries and seconds it took."""
        return Reply(
            text=reading.text,
            usage=reading.usage,
            finish=reading.finish,
            model=line(reading.model, 200),
            request_id=request_id,
            retries=self.retries,
            seconds=time.monotonic() - self.began,
            why=line(reading.why, 400),
            answered=reading.answered,
            thoughts=reading.thoughts,
        )
