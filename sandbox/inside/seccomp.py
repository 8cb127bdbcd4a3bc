"""The system calls a candidate may make: an allow list, as a seccomp filter without privileges.

What computes on memory and on files of its own is allowed. There are no new processes or programs,
no sockets, no signals, limits or tracing but on itself, no mounts, namespaces, keys, shared memory
objects, message queues, io_uring, bpf or modules: they fail with EPERM, and a new process with
EAGAIN, as at a process limit.
"""

import ctypes
import errno
import os

from .cell import SET_NO_NEW_PRIVILEGES

libc = ctypes.CDLL(None, use_errno=True)

# name: number on x86-64 and on arm64, -1 where the machine has no such call
ALLOWED = """
read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, open 2 -1,
openat 257 56, close 3 57, close_range 436 436, fstat 5 80, newfstatat 262 79, stat 4 -1,
lstat 6 -1, statx 332 291, lseek 8 62, statfs 137 43, fstatfs 138 44, getdents64 217 61,
getcwd 79 17, chdir 80 49, mkdir 83 -1, mkdirat 258 34, rmdir 84 -1, unlink 87 -1,
unlinkat 263 35, rename 82 -1, renameat 264 38, renameat2 316 276, readlink 89 -1,
readlinkat 267 78, access 21 -1, faccessat 269 48, faccessat2 439 439, chmod 90 -1, fchmod 91 52,
fchmodat 268 53, umask 95 166, truncate 76 45, ftruncate 77 46, fallocate 285 47, fsync 74 82,
fdatasync 75 83, utimensat 280 88, sendfile 40 71, copy_file_range 326 285, dup 32 23,
dup2 33 -1, dup3 292 24, pipe 22 -1, pipe2 293 59, poll 7 -1, ppoll 271 73, select 23 -1,
pselect6 270 72, epoll_create1 291 20, epoll_ctl 233 21, epoll_wait 232 -1, epoll_pwait 281 22,
eventfd2 290 19, mmap 9 222, munmap 11 215, mremap 25 216, mprotect 10 226, madvise 28 233,
mincore 27 232, brk 12 214, membarrier 324 283, futex 202 98, futex_waitv 449 449,
set_robust_list 273 99, get_robust_list 274 100, rseq 334 293, set_tid_address 218 96,
rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136,
rt_sigsuspend 130 133, rt_sigtimedwait 128 137, sigaltstack 131 132, restart_syscall 219 128,
alarm 37 -1, setitimer 38 103, getitimer 36 102, nanosleep 35 101, clock_nanosleep 230 115,
clock_gettime 228 113, clock_getres 229 114, gettimeofday 96 169, time 201 -1, times 100 153,
getrandom 318 278, getpid 39 172, getppid 110 173, gettid 186 178, getuid 102 174,
geteuid 107 175, getgid 104 176, getegid 108 177, getresuid 118 148, getresgid 120 150,
getgroups 115 158, getpgrp 111 -1, getpgid 121 155, getsid 124 156, getpriority 140 141,
sched_yield 24 124, sched_getaffinity 204 123, sched_getparam 143 121,
sched_getscheduler 145 120, sched_get_priority_max 146 125, sched_get_priority_min 147 126,
getrlimit 97 163, setrlimit 160 164, getrusage 98 165, sysinfo 99 179, uname 63 160,
getcpu 309 168, arch_prctl 158 -1, exit 60 93, exit_group 231 94
"""
# Calls whose first argument must be this very process; prlimit64 also knows it as 0.
ON_ITSELF = {"kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261)}
PRCTL, IOCTL, FCNTL = (157, 167), (16, 29), (72, 25)
PRCTL_OPTIONS = (3, 15, 16, 0x53564D41)  # read dumpable; set, get a thread's name; name memory
IOCTL_REQUESTS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # terminal?, size, pending, ...
FCNTL_COMMANDS = (*range(5), 1030, 1032)  # duplicate, flags; no locks, which others would see
CLONE, CLONE3, FORKS = (56, 220), (435, 435), ((57, -1), (58, -1))
CLONE_THREAD, CLONE_NAMESPACES = 0x10000, 0x7E020000
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, MACHINE, FIRST, SECOND = 0, 4, 16, 24
X32 = 0x40000000
SET_SECCOMP, MODE_FILTER = 22, 2

Instruction = tuple[int, int, int, int]
ALLOWING: Instruction = (RETURN, 0, 0, ALLOW)
PERMISSION: Instruction = (RETURN, 0, 0, REFUSE | errno.EPERM)
BUSY: Instruction = (RETURN, 0, 0, REFUSE | errno.EAGAIN)


class Filter(ctypes.Structure):
    """struct sock_filter."""

    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    )


class FilterProgram(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter)))


def supported() -> bool:
    """Whether this machine's call numbers are known."""
    return os.uname().machine in MACHINES


def rules(machine: str, pid: int) -> list[Instruction]:
    """The filter for the process `pid` on `machine`, as BPF instructions (code, jt, jf, k)."""
    column, architecture = MACHINES[machine]
    steps = [
        (LOAD, 0, 0, MACHINE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32),
        PERMISSION,
    ]
    for line in ALLOWED.replace("\n", " ").split(","):
        number = int(line.split()[1 + column])
        if number >= 0:
            steps += [(EQUAL, 0, 1, number), ALLOWING]
    return [*steps, *by_argument(column, pid), *new_processes(column), PERMISSION]


def by_argument(column: int, pid: int) -> list[Instruction]:
    """Allow calls whose argument is this process, or a request that is known to be harmless."""
    arguments: list[tuple[int, int, tuple[int, ...]]]
    arguments = [(ON_ITSELF[name][column], FIRST, (pid,)) for name in ("kill", "tgkill")]
    arguments += [
        (ON_ITSELF["prlimit64"][column], FIRST, (0, pid)),
        (PRCTL[column], FIRST, PRCTL_OPTIONS),
        (IOCTL[column], SECOND, IOCTL_REQUESTS),
        (FCNTL[column], SECOND, FCNTL_COMMANDS),
    ]
    steps: list[Instruction] = []
    for number, offset, values in arguments:
        checks = [step for value in values for step in ((EQUAL, 0, 1, value), ALLOWING)]
        steps += [(EQUAL, 0, len(checks) + 2, number), (LOAD, 0, 0, offset), *checks, PERMISSION]
    return steps


def new_processes(column: int) -> list[Instruction]:
    """Allow new threads, and refuse new processes as at a process limit."""
    steps = [
        (EQUAL, 0, 5, CLONE[column]),
        (LOAD, 0, 0, FIRST),
        (ANY_BIT, 2, 0, CLONE_NAMESPACES),
        (ANY_BIT, 0, 1, CLONE_THREAD),
        ALLOWING,
        BUSY,
        (EQUAL, 0, 1, CLONE3[column]),
        (RETURN, 0, 0, REFUSE | errno.ENOSYS),  # the C library falls back to clone
    ]
    for fork in FORKS:
        if fork[column] >= 0:
            steps += [(EQUAL, 0, 1, fork[column]), BUSY]
    return steps


def install() -> None:
    """Confine this process, and all its threads to come, for good. Raises OSError on refusal."""
    steps = [Filter(*step) for step in rules(os.uname().machine, os.getpid())]
    array = (Filter * len(steps))(*steps)
    program = FilterProgram(len(steps), array)
    refused = libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if refused or libc.prctl(SET_SECCOMP, MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "the system call filter was refused")
