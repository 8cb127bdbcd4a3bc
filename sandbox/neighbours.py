"""Try every entry that the kernel keeps of another process, and every call that could reach it.

Part of the attacks of probes.py: a box loads this file, so it uses the standard library alone.
"""

import contextlib
import ctypes
import errno
import os
import resource
import stat
from collections.abc import Iterator

# Entries of /proc/PID that tell of a process's memory, files or calls, whatever their mode says.
PRIVATE = {
    "mem", "maps", "smaps", "smaps_rollup", "numa_maps", "pagemap", "environ", "auxv",
    "syscall", "stack", "io", "personality", "clear_refs", "exe", "cwd", "root",
}  # fmt: skip
LISTS = ("fd", "fdinfo", "map_files", "ns")
# Entries that only the owner may open, and that tell nothing private: statistics of mounts, which
# /proc/PID/mounts lists anyway, and the state of a live patch of the kernel.
HARMLESS = {"mountstats", "patch_state"}
# Fields of /proc/PID/stat that are addresses, as proc(5) numbers them.
ADDRESSES = (26, 27, 28, 45, 46, 47, 48, 49, 50, 51)
LIKELY = range(1, 64)  # process ids that are tried even where /proc does not list them
SEIZE = 0x4206
CALLS = {  # name: number on x86-64 and on arm64
    "process_vm_readv": (310, 270),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "get_robust_list": (274, 100),
}

libc = ctypes.CDLL(None, use_errno=True)


class Vector(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def others() -> list[int]:
    """Ids of processes that are not this one: those listed, and those that may be there."""
    pids = {int(name) for name in listed("/proc") if name.isdigit()}
    own = {int(name) for name in listed("/proc/self/task")}
    return sorted({*pids, *LIKELY} - own - {os.getpid()})


def entries(pid: int) -> list[str]:
    """The entries of a process that could be opened and are not for everyone."""
    folder = f"/proc/{pid}"
    entries = [*opened(folder)]
    for task in listed(f"{folder}/task"):
        entries += [f"task/{task}/{name}" for name in opened(f"{folder}/task/{task}")]
    return entries


def opened(folder: str) -> Iterator[str]:
    """Names below the /proc folder of a process or a thread that gave something away."""
    for name in sorted({*listed(folder), *PRIVATE}):
        path = f"{folder}/{name}"
        if name in LISTS:
            inside = listed(path)
            yield from [name] if inside else []
            yield from (f"{name}/{inner}" for inner in inside if any(ways(f"{path}/{inner}")))
        elif name not in HARMLESS and private(path, name):
            yield name
    if addresses(folder):
        yield "stat"


def private(path: str, name: str) -> bool:
    """Whether an entry opens for more than its mode grants to everyone."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    if stat.S_ISDIR(mode):
        return False
    reads, writes, points = ways(path)
    hidden = name in PRIVATE
    return points or (reads and (hidden or not mode & 0o004)) or (writes and not mode & 0o002)


def ways(path: str) -> tuple[bool, bool, bool]:
    """Whether an entry can be read, opened for writing, and asked where it points."""
    worked = [False, False, False]
    for way, flags in enumerate((os.O_RDONLY, os.O_WRONLY)):
        try:
            descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            worked[way] = way == 1 or path.endswith("/mem") or bool(os.read(descriptor, 1))
        except OSError:
            pass
        finally:
            os.close(descriptor)
    with contextlib.suppress(OSError):
        worked[2] = bool(os.readlink(path))
    return worked[0], worked[1], worked[2]


def listed(folder: str) -> list[str]:
    """The names in a folder; none where it cannot be listed."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def addresses(folder: str) -> bool:
    """Whether /proc/PID/stat tells where the process keeps its code, stack and arguments."""
    try:
        with open(f"{folder}/stat") as file:
            fields = file.read().rpartition(")")[2].split()  # from the third field on
    except OSError:
        return False
    return any(int(fields[number - 3]) > 1 for number in ADDRESSES if len(fields) > number - 3)


def calls(pid: int) -> list[str]:
    """The system calls by which this process can reach another one, if that exists."""
    return [*raw_calls(pid), *library_calls(pid)]


def raw_calls(pid: int) -> list[str]:
    """The calls that reach process `pid` among those that Python does not offer."""
    column = ("x86_64", "aarch64").index(os.uname().machine)
    number = {name: numbers[column] for name, numbers in CALLS.items()}
    reached: list[str] = []
    buffer = ctypes.create_string_buffer(16)
    vector = Vector(ctypes.cast(buffer, ctypes.c_void_p), 8)
    vectors = (ctypes.byref(vector), 1, ctypes.byref(vector), 1, 0)
    # Where it is allowed, an address that the other does not have is EFAULT.
    if libc.syscall(number["process_vm_readv"], pid, *vectors) >= 0 or fault():
        reached.append("process_vm_readv")
    handle = libc.syscall(number["pidfd_open"], pid, 0)
    if handle >= 0:
        for descriptor in range(8):
            stolen = libc.syscall(number["pidfd_getfd"], handle, descriptor, 0)
            if stolen >= 0:
                os.close(stolen)
                reached.append(f"pidfd_getfd {descriptor}")
        os.close(handle)
    place = ctypes.byref(buffer), ctypes.byref(buffer, 8)
    if libc.syscall(number["get_robust_list"], pid, *place) == 0:
        reached.append("get_robust_list")
    if libc.ptrace(SEIZE, pid, None, None) == 0:
        reached.append("ptrace")
    return reached


def library_calls(pid: int) -> list[str]:
    """The calls that reach process `pid` among those that Python offers."""
    reached: list[str] = []
    for name, call in (
        ("kill", lambda: os.kill(pid, 0)),
        ("prlimit", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE)),
    ):
        try:
            call()
        except (OSError, ValueError):
            continue
        reached.append(name)
    return reached


def fault() -> bool:
    """Whether the last call failed for its addresses alone."""
    return ctypes.get_errno() == errno.EFAULT
