"""Why a job ended: from what happened to its process, not from words that a candidate can write.

An exception counts as a lack of memory or of processes only where the interpreter or a library
raised it, rather than a `raise` of the program, and where the process is indeed at its limit, or
would not get what was asked for. For a process that ends without an exception, its wait status and
the kernel's counts decide.
"""

import errno
import mmap
import opcode
import os
import re
import resource
import signal
import sys
import threading

MEMORY, ERROR, PROCESSES, OVERFLOW, GUEST = 101, 102, 103, 104, 105
TRUSTED = {MEMORY: "oom", PROCESSES: "pids", OVERFLOW: "output_overflow"}
UNTRUSTED = {MEMORY: "oom", PROCESSES: "pids"}
NEAR_BYTES = 32 << 20  # what allocators ask for at a time, and so may leave unused at the limit
ASKED_BYTES = re.compile(r"allocate (\d{1,18}) bytes")
UNMAPPED = "failed to map segment"


def cause(error: BaseException) -> int:
    """The exit code that tells why `error` ended this process: MEMORY, PROCESSES or ERROR."""
    if isinstance(error, MemoryError):
        return ERROR if spoken(error) and not full() else MEMORY
    if spoken(error):
        return ERROR
    if isinstance(error, BlockingIOError) and error.errno == errno.EAGAIN:
        return PROCESSES
    if isinstance(error, RuntimeError) and not starts_threads():
        return PROCESSES
    if isinstance(error, RuntimeError | ImportError | SystemError | OSError):
        return MEMORY if full() or refused(str(error)) else ERROR
    return ERROR


def spoken(error: BaseException) -> bool:
    """Whether a `raise` in a program made this exception, rather than a call that failed."""
    place = error.__traceback__
    if place is None:
        return False
    while place.tb_next is not None:
        place = place.tb_next
    code = place.tb_frame.f_code.co_code
    at = place.tb_lasti
    return 0 <= at < len(code) and opcode.opname[code[at]].startswith("RAISE")


def full() -> bool:
    """Whether this process has had nearly all the memory it may have."""
    bytes_of = counts()
    peak = {
        resource.RLIMIT_AS: bytes_of.get("VmPeak", 0),
        # There is no peak of data. What was resident and of no file comes near, but for what was
        # mapped and never touched.
        resource.RLIMIT_DATA: max(
            bytes_of.get("VmData", 0), bytes_of.get("VmHWM", 0) - bytes_of.get("RssFile", 0)
        ),
    }
    for kind, used in peak.items():
        most = resource.getrlimit(kind)[0]
        near = NEAR_BYTES if kind == resource.RLIMIT_AS else most // 4
        if most != resource.RLIM_INFINITY and most - used < near:
            return True
    return False


def counts() -> dict[str, int]:
    """Bytes that the kernel counts of this process, by its names; empty where it does not say."""
    try:
        with open("/proc/self/status") as file:
            lines = [line.split() for line in file]
    except OSError:
        return {}
    return {line[0][:-1]: int(line[1]) << 10 for line in lines if line[-1] == "kB"}


def refused(message: str) -> bool:
    """Whether the kernel would refuse the memory that a library says it did not get."""
    request = ASKED_BYTES.search(message)
    size = int(request[1]) if request else largest_library() if UNMAPPED in message else 0
    if not size:
        return False
    try:
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # what a limit on data counts
        mmap.mmap(-1, min(size, sys.maxsize), private).close()
    except (OSError, OverflowError, ValueError):
        return True
    return False


def largest_library() -> int:
    """Bytes of the largest library in the folders of those that are loaded.

    It stands for the library that could not be mapped, whose name no error tells.
    """
    folders = {os.path.dirname(path) for path in mapped() if ".so" in os.path.basename(path)}
    sizes = [0]
    for folder in folders:
        for entry in os.scandir(folder):
            if ".so" in entry.name:
                sizes.append(entry.stat().st_size)
    return max(sizes)


def mapped() -> set[str]:
    """Files that this process has mapped."""
    with open("/proc/self/maps") as file:
        return {fields[5] for line in file if len(fields := line.split(None, 5)) == 6}


def starts_threads() -> bool:
    """Whether this process may start one more thread."""
    thread = threading.Thread(target=int)
    try:
        thread.start()
    except RuntimeError:
        return False
    thread.join()
    return True


def kills() -> int:
    """How often this machine's kernel has ended a process for want of memory; -1 if unknown."""
    try:
        with open("/proc/vmstat") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
    except (OSError, StopIteration):
        return -1


def judge(trusted: int | None, guest: int | None, used_up: str, starved: bool) -> tuple[str, str]:
    """Status and remark for a job that broke no limit of ours, from two wait statuses.

    `used_up` says what CPU time a process was ended for, if it was. `starved`: the kernel may have
    ended a process for its memory.
    """
    if trusted is None:
        return "candidate_error", "the job was ended"
    if trusted == 0:
        return "ok", ""
    status, statuses = trusted, TRUSTED
    if os.WIFEXITED(trusted) and os.WEXITSTATUS(trusted) == GUEST:
        if guest is None:
            return "candidate_error", "the candidate hung up on its trainer"
        status, statuses = guest, UNTRUSTED
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
    if code > 128:  # also how an inner cell tells of a signal
        return of_signal(code - 128, used_up, starved)
    if code == ERROR or code in statuses:
        return statuses.get(code, "candidate_error"), ""
    return "candidate_error", ""


def of_signal(number: int, used_up: str, starved: bool) -> tuple[str, str]:
    """Status and remark for a job that a signal ended."""
    remark = f"the job was killed by signal {number}"
    if number in (signal.SIGKILL, signal.SIGXCPU) and used_up:
        return "timeout", used_up
    if number == signal.SIGKILL and starved:
        return "oom", remark
    if number == signal.SIGABRT:
        remark += " (abort), as C++ libraries end when they get no memory, among other reasons"
    return "candidate_error", remark
