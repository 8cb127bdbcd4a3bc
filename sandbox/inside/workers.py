"""The two processes of a job: the program that is trusted, and the guest that holds the candidate.

The trusted one gets the request and replies. The guest gets the untrusted files and answers the
messages of the other; it never sees the request. Both map one piece of memory, for tensors.
"""

import contextlib
import math
import mmap
import os
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from . import cell, frames, landlock, seccomp
from .causes import ERROR, GUEST, OVERFLOW, cause

Answer = Callable[[bytes, memoryview], bytes]

HEAD = struct.Struct(">II")  # the number of a question, and how many bytes follow
SHARED_BYTES = 256 << 20  # of address space: a page counts once it is written
FILE_BYTES, OPEN_FILES = 64 << 20, 256


class GuestError(Exception):
    """The guest has ended, or does not keep to the protocol."""


class AnswerTooLarge(Exception):
    """The guest's answer is larger than the job's reply may be."""


class Guest:
    """The trusted program's line to its guest."""

    def __init__(self, line: int, memory: memoryview, most: int) -> None:
        """Speak on the descriptor `line` and take answers of at most `most` bytes."""
        self.memory = memory
        self._line, self._most, self._asked = line, most, 0

    def ask(self, message: bytes) -> bytes:
        """Send a message and wait for its answer.

        Raises GuestError if none comes, and AnswerTooLarge for one that is over the cap.
        """
        self._asked += 1
        try:
            frames.write_all(self._line, HEAD.pack(self._asked, len(message)) + message)
            number, size = HEAD.unpack(frames.read_exactly(self._line, HEAD.size))
            if number != self._asked:
                raise GuestError("the guest answers what it was not asked")
            if size > self._most:
                raise AnswerTooLarge
            return frames.read_exactly(self._line, size)
        except (EOFError, ConnectionError) as error:
            raise GuestError("the guest has ended") from error


def relay(request: bytes, guest: Guest) -> bytes:
    """Reply with the guest's answer: the trusted side of a program without an entry."""
    return guest.ask(request)


def trusted(run: Callable[[bytes, Guest], bytes], line: int, ends: dict[str, int]) -> None:
    """Read the job from `ends["request"]`, run it, and leave the reply; never returns."""
    code = ERROR
    try:
        adopt(ends["log"])
        close_all_but(line, ends["memory"], ends["request"], ends["reply"])
        prctl(cell.SET_DEATH_SIGNAL, signal.SIGKILL)
        memory = share(ends["memory"])
        job, request = frames.receive(ends["request"])
        limit_resources(job)
        limit(resource.RLIMIT_DATA, job["memory_mb"] << 20)
        reply = run(request, Guest(line, memory, job["reply_bytes"]))
        if not isinstance(reply, bytes):
            raise TypeError(f"run returned {type(reply).__name__}, not bytes")
        frames.write_all(ends["reply"], reply)
        code = 0
    except GuestError:
        code = GUEST
    except AnswerTooLarge:
        code = OVERFLOW
    except BaseException as error:
        code = blame(error)
    finally:
        leave(code)


def guest(
    answer: Answer, line: int, memory: int, log: int, setup: dict[str, Any], codes: dict[int, int]
) -> None:
    """Read the candidate's files from `line`, then answer until it closes; never returns.

    `codes` are the exit codes by which this one guest tells what ended it.
    """
    code = ERROR
    try:
        adopt(log)
        close_all_but(line, memory)
        prctl(cell.SET_DEATH_SIGNAL, signal.SIGKILL)
        prctl(cell.SET_DUMPABLE, 0)
        shared = share(memory)
        os.makedirs(setup["workspace"], exist_ok=True)
        os.chdir(setup["workspace"])
        job, body = frames.receive(line)
        unpack(job["files"], body)
        limit_resources(job)
        limit(resource.RLIMIT_CPU, guest_cpu_limit(job))
        if setup["nested"] and not setup["cell"].get("counted"):
            limit(resource.RLIMIT_NPROC, job["pids"])
        if setup["filtered"]:
            # One process then: what it maps is all there is to count.
            limit(resource.RLIMIT_AS, address_space() + (job["memory_mb"] << 20))
            landlock.confine(setup["workspace"], setup["readable"])
            seccomp.install()
        else:
            limit(resource.RLIMIT_DATA, job["memory_mb"] << 20)
        for number, message in messages(line):
            reply = answer(message, shared)
            if not isinstance(reply, bytes):
                raise TypeError(f"the program answered {type(reply).__name__}, not bytes")
            flush()
            frames.write_all(line, HEAD.pack(number, len(reply)) + reply)
        code = 0
    except BaseException as error:
        code = blame(error)
    finally:
        leave(codes.get(code, code))


def messages(line: int) -> Iterator[tuple[int, bytes]]:
    """The questions of the trusted side, each with its number, until it hangs up."""
    while True:
        try:
            number, size = HEAD.unpack(frames.read_exactly(line, HEAD.size))
            message = frames.read_exactly(line, size)
        except (EOFError, ConnectionError):
            return
        yield number, message


def blame(error: BaseException) -> int:
    """The exit code for an exception, whose traceback is left in the log if it can be."""
    try:
        traceback.print_exception(error)
    except MemoryError as shortage:  # a library may have raised another error for want of memory
        error = shortage
    except BaseException:
        pass
    with contextlib.suppress(BaseException):
        return cause(error)
    return ERROR


def leave(code: int) -> None:
    """End this process at once: a normal exit would first take torch apart."""
    with contextlib.suppress(BaseException):
        flush()
    os._exit(code)


def flush() -> None:
    """Send what was printed to the log."""
    sys.stdout.flush()
    sys.stderr.flush()


def adopt(log: int) -> None:
    """Print into the descriptor `log`, and let SIGTERM end this process again."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.dup2(log, 1)
    os.dup2(log, 2)


def close_all_but(*descriptors: int) -> None:
    """Close every descriptor but the standard ones and these `descriptors`."""
    low = 3
    for descriptor in sorted(descriptors):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, 4096)


def share(descriptor: int) -> memoryview:
    """Map the memory that both processes of a job see, and close its descriptor."""
    mapped = memoryview(mmap.mmap(descriptor, SHARED_BYTES))
    os.close(descriptor)
    return mapped


def unpack(files: list[tuple[str, int]], payload: bytes) -> None:
    """Write `files`, whose contents lie in `payload` one after the other, in this folder."""
    at = 0
    for name, size in files:
        if folder := os.path.dirname(name):
            os.makedirs(folder, exist_ok=True)
        with open(name, "wb") as file:
            file.write(payload[at : at + size])
        at += size


def limit_resources(job: dict[str, Any]) -> None:
    """Set limits for this process alone. Usually the job's deadline comes first."""
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_FSIZE, FILE_BYTES)
    limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    limit(resource.RLIMIT_CPU, cpu_limit(job))


def cpu_limit(job: dict[str, Any]) -> int:
    """CPU seconds that one process may use: up to the deadline on its cores, and 2 to start."""
    return int(job["wall_seconds"] * job["cpus"]) + 2


def guest_cpu_limit(job: dict[str, Any]) -> int:
    """Whole CPU seconds that the guest's process may use."""
    own = job["guest_cpu_seconds"]
    return min(math.ceil(own), cpu_limit(job)) if own else cpu_limit(job)


def limit(kind: int, value: int) -> None:
    """Lower one resource limit, never above what is already allowed."""
    _, hard = resource.getrlimit(kind)
    lower = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (lower, lower))


def address_space() -> int:
    """Bytes this process has mapped."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * mmap.PAGESIZE


def prctl(option: int, value: int) -> None:
    """Set a process attribute; on systems without prctl, do nothing."""
    function = getattr(cell.libc, "prctl", None)
    if function is not None:
        function(option, value, 0, 0, 0)
