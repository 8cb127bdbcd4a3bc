"""The threads of a search, which can be waited for at its end without waiting for ever."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Crew(ThreadPoolExecutor):
    """A pool of threads that remembers which of its calls have not finished."""

    def __init__(self, workers: int, name: str) -> None:
        """Start without a thread; their names will be `name` and a number."""
        super().__init__(workers, name)
        self._flying: set[Future[object]] = set()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call `fn` in a thread, as soon as one is free."""
        future = super().submit(fn, *args, **kwargs)
        self._flying.add(future)  # type: ignore[arg-type]  # futures are read only
        future.add_done_callback(self._flying.discard)
        return future

    def land(self, patience: Callable[[], float | None]) -> None:
        """Begin nothing more, and wait for what was begun.

        `patience` is called again and again for the seconds that the rest may still take. At zero
        the rest is left to itself; None is to wait without limit.
        """
        self.shutdown(wait=False, cancel_futures=True)
        while flying := [future for future in self._flying.copy() if not future.done()]:
            seconds = patience()
            if seconds is not None and seconds <= 0:
                return
            wait(flying, min(1.0, seconds or 1.0))


@contextmanager
def threads(workers: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads whose end, as at Ctrl-C, waits for nothing that is still being done."""
    pool = ThreadPoolExecutor(workers, name)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
