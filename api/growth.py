"""A search that goes on in a thread of its own, while others follow it, wait for it or stop it."""

import concurrent.futures.thread  # noqa: F401  has to register its hook before `leave`
import logging
import math
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack

from .archive import Node as Record

log = logging.getLogger(__name__)
HEARING = 0.5  # seconds after which an interrupt is heard that came to another thread


class Growth:
    """One session of a run. Starts at once, and ends when its states do, or when it is stopped.

    A stop lets the jobs in flight end, and begins none. What they measured is archived.
    """

    def __init__(
        self,
        run: str,
        states: Iterator[Record],
        stop: Callable[[], object],
        means: ExitStack,
    ) -> None:
        """Draw `states` from now on; `means` is closed at the end, whatever that is like.

        `stop` asks them to end soon, and may be called from any thread.
        """
        self.run = run
        self._stop, self._means = stop, means
        self._states = list[Record]()
        self._change = threading.Condition()
        self._over = self._heard = False
        self._error: BaseException | None = None
        growing.append(self)
        threading.Thread(
            target=self._grow, args=(states,), name=f"ratchet-run-{run}", daemon=True
        ).start()

    @property
    def over(self) -> bool:
        """Whether it has ended, and let go of everything it used."""
        return self._over

    def stop(self) -> None:
        """Begin no further job. Returns at once."""
        self._stop()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for its end, at most so long, and raise what ended it where that was an error.

        An interrupt stops it, and is raised once it has ended.
        """
        try:
            self._await(seconds)
        except KeyboardInterrupt:
            self.stop()
            self._await(None)
            raise
        self._raise()

    def finish(self) -> None:
        """Wait for its end, and log what ended it if nobody was told."""
        self._await(None)
        if self._error is not None and not self._heard:
            self._heard = True
            log.error("run %s has ended early: %s", self.run, self._error)

    def follow(self) -> Generator[Record]:
        """Every state from the first on, as they come; raises at the end what ended it.

        Whoever leaves before the end stops it, and goes on once it has ended.
        """
        follower, place = threading.get_ident(), 0
        try:
            while (state := self._state(place)) is not None:
                yield state
                place += 1
        except (GeneratorExit, KeyboardInterrupt):
            self.stop()
            # A loop that was left behind may be cleared away by a thread that we would wait for.
            if threading.get_ident() == follower:
                self._await(None)
            raise
        self._raise()

    def _grow(self, states: Iterator[Record]) -> None:
        try:
            with self._means:
                for state in states:
                    with self._change:
                        self._states.append(state)
                        self._change.notify_all()
        except BaseException as error:  # raised again in whoever waits or follows
            self._error = error
        finally:
            with self._change:
                self._over = True
                self._change.notify_all()

    def _await(self, seconds: float | None) -> None:
        end = math.inf if seconds is None else time.monotonic() + seconds
        with self._change:
            while not self._over and (left := end - time.monotonic()) > 0:
                self._change.wait(min(left, HEARING))

    def _state(self, place: int) -> Record | None:
        """The state at that place, once it is there; None where the end came before it."""
        with self._change:
            while not (len(self._states) > place or self._over):
                self._change.wait(HEARING)
            return self._states[place] if len(self._states) > place else None

    def _raise(self) -> None:
        if self._over and self._error is not None:
            self._heard = True
            raise self._error


growing = list[Growth]()  # of this process


def leave() -> None:
    """Let the searches of this process end before it does.

    A script that has come to its end waits for them. One that failed, and a person who leaves an
    interactive session, stops them; so does an interrupt. An error that nobody heard of is logged.
    """
    stopped = hasattr(sys, "last_value") or hasattr(sys, "ps1")
    for growth in growing:
        if stopped:
            growth.stop()
        try:
            growth.finish()
        except KeyboardInterrupt:
            stopped = True
            growth.stop()
            growth.finish()


# Not `atexit`: by then no thread pool takes work any more, and a search could only break off. Hooks
# run in the opposite order, so that this one comes before that of the pools, imported above.
threading._register_atexit(leave)  # type: ignore[attr-defined]
