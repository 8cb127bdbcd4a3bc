"""The pool that hands warm boxes to jobs."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import replace

from .base import Job, Limits, Program, Result, SandboxError, digest_files
from .box import Box
from .gpu import GpuError

BoxKind = tuple[str, int, float, int, int]


class Pool:
    """Warm boxes for jobs from several threads.

    With `private`, a box that has met one set of untrusted files never meets another. A box with
    GPUs never does: what a candidate leaves in them is not known.
    """

    def __init__(
        self,
        open_box: Callable[[Program, Limits], Box],
        private: bool,
        keep: int,
        spare: int = 0,
        once: bool = False,
    ) -> None:
        """Keep up to `keep` used boxes for their owners and `spare` pristine ones per program.

        Pristine ones are made ahead once a job has asked for one: a new owner, or a job that is
        `fresh`.

        With `once`, a box that has met untrusted files is closed after that one job.
        """
        self._open_box, self._once = open_box, once
        self._private, self._keep, self._spare = private, keep, spare
        self._idle: OrderedDict[tuple[BoxKind, str], list[Box]] = OrderedDict()
        self._fresh: dict[BoxKind, list[Future[Box]]] = {}
        self._retired: set[Box] = set()
        self._busy: set[Box] = set()
        self._lock = threading.Lock()
        self._helpers = ThreadPoolExecutor(spare, "ratchet-box") if spare else None
        self._closed = False
        self.versions: dict[str, str] = {}

    def run(self, job: Job, retries: int = 2) -> Result:
        """Run `job` in a warm box; only a lost box is tried again.

        Raises SandboxError once the pool is closed, or if no box can be opened.
        """
        if job.files and not job.program.guest:
            raise SandboxError("a program without a guest cannot take files")
        private = self._private or job.limits.gpus
        owner = digest_files(job.files) if private and job.files else ""
        for _ in range(retries + 1):
            box = self._take(job, owner)
            with self._lock:
                late = self._closed
                self._busy.add(box)
            try:
                if late:
                    raise SandboxError("the sandbox is closed")
                result = box.run(job)
            except BaseException:
                box.close()
                raise
            finally:
                self._busy.discard(box)
            if self._closed:
                box.close()
                raise SandboxError("the sandbox is closed")
            if not box.broken and self._once and job.files:
                box.close()
            elif not box.broken:
                self._put((kind(job), owner), box)
            if result.status != "infra_lost":
                return result
        if not job.files:
            return result
        blame = f"the job ended its sandbox {retries + 1} times"
        return replace(result, status="candidate_error", log=f"{blame}\n{result.log}".strip())

    def close(self) -> None:
        """Close every box; jobs in flight end as lost."""
        with self._lock:
            self._closed = True
            for box in list(self._busy):
                box.channel.interrupt()
            idle = [box for boxes in self._idle.values() for box in boxes]
            fresh = [future for futures in self._fresh.values() for future in futures]
            self._idle.clear()
            self._fresh.clear()
        if self._helpers is not None:
            self._helpers.shutdown(wait=True, cancel_futures=True)
        opened = [f.result() for f in fresh if not f.cancelled() and f.exception() is None]
        with ThreadPoolExecutor(8) as closers:
            list(closers.map(Box.close, [*idle, *opened, *self._retired]))

    def _take(self, job: Job, owner: str) -> Box:
        with self._lock:
            if self._closed:
                raise SandboxError("the sandbox is closed")
            boxes = None if job.fresh else self._idle.get((kind(job), owner))
            if boxes:
                box = boxes.pop()
                if not boxes:
                    del self._idle[kind(job), owner]
                return box
            waiting = self._fresh.get(kind(job))
            future = waiting.pop(0) if waiting else None
        try:
            box = future.result() if future else self._open(job)
        except CancelledError:
            raise SandboxError("the sandbox is closed") from None
        self.versions = self.versions or box.versions
        if owner or job.fresh or (self._once and job.files):
            self._refill(job)
        return box

    def _open(self, job: Job) -> Box:
        """A new box; where it lacks a GPU that an idle box holds, that one is closed."""
        while True:
            try:
                return self._open_box(job.program, job.limits)
            except GpuError:
                with self._lock:
                    holders = [key for key in self._idle if key[0][-1]]
                    idle = self._idle.pop(holders[0]) if holders else []
                if not idle:
                    raise
                for box in idle:
                    box.close()

    def _refill(self, job: Job) -> None:
        """Warm boxes for the next owners, but only after this one has its own."""
        with self._lock:
            if self._helpers is None or self._closed or job.limits.gpus:
                return
            waiting = self._fresh.setdefault(kind(job), [])
            while len(waiting) < self._spare:
                waiting.append(self._helpers.submit(self._open_box, job.program, job.limits))

    def _put(self, key: tuple[BoxKind, str], box: Box) -> None:
        with self._lock:
            if not self._closed:
                self._idle.setdefault(key, []).append(box)
                self._idle.move_to_end(key)
                while sum(map(len, self._idle.values())) > self._keep:
                    self._retire(self._idle.popitem(last=False)[1])
                return
        box.close()

    def _retire(self, boxes: list[Box]) -> None:
        """Close boxes nobody is likely to ask for again, off the way of the next job."""
        for box in boxes:
            if self._helpers is None:
                box.close()
            else:
                self._retired.add(box)
                self._helpers.submit(self._end, box)

    def _end(self, box: Box) -> None:
        box.close()
        with self._lock:
            self._retired.discard(box)


def kind(job: Job) -> BoxKind:
    """The program and the limits that a box is opened with; jobs of one kind can share a box."""
    limits = job.limits
    return (job.program.digest, limits.memory_mb, limits.cpus, limits.pids, limits.gpus)
