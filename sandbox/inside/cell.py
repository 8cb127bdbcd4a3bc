"""Namespaces without privileges: a cell for the whole box, and an inner one for each job.

The cell (user, mount, process, network, IPC and host-name namespaces) has a root of its own, in
which only the interpreter, its libraries and a few devices exist, all read-only, and one small
writable folder. No network interface is up and no process of the host is visible. The inner cell
gives a job fresh user, process and IPC namespaces, a fresh folder and a /proc that shows the job
itself and nothing else, so that a job finds nothing of the jobs before it. The same code builds
both on a plain host and inside a container. See user_namespaces(7), pivot_root(2),
mount_setattr(2).
"""

import contextlib
import ctypes
import errno
import os
import signal
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)
here = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock, as a fork must

NEW_MOUNTS, NEW_HOSTNAME, NEW_IPC = 0x20000, 0x4000000, 0x8000000
NEW_USER, NEW_PIDS, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
READ_ONLY, NO_SUID, NO_DEVICES, NO_EXEC, REMOUNT, BIND, RECURSIVE = 1, 2, 4, 8, 32, 4096, 16384
PRIVATE, DETACH = 1 << 18, 2
SET_DEATH_SIGNAL, GET_DUMPABLE, SET_DUMPABLE, SET_NO_NEW_PRIVILEGES = 1, 3, 4, 38
DROP_BOUND = 24
CALLS = {"x86_64": {"clone": 56, "pivot_root": 155}, "aarch64": {"clone": 220, "pivot_root": 41}}
MOUNT_SETATTR, AT_RECURSIVE, AT_EMPTY_PATH = 442, 0x8000, 0x1000
CAPABILITIES_3 = 0x20080522
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
ID = 10001
STRANGER = 29_281  # a user id that owns nothing, for a cell that root starts
# The /proc of a job, best first: tasks alone, and of those only its own; before Linux 5.8, all.
VIEWS = ("subset=pid,hidepid=ptraceable", "")
# Files of an older kernel's /proc that everyone can read and no job has a use for.
SECRETS = (
    "/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/timer_list", "/proc/sched_debug",
    "/proc/sysrq-trigger", "/proc/kmsg", "/proc/kallsyms", "/proc/kpagecount", "/proc/kpageflags",
    "/proc/kpagecgroup", "/proc/latency_stats", "/proc/timer_stats", "/proc/slabinfo",
)  # fmt: skip


class CellError(Exception):
    """The kernel refused a step; the message names which."""


def check(result: int, step: str) -> int:
    """The `result` of a call; raises CellError, naming the `step`, if the call failed."""
    if result < 0:
        raise CellError(f"{step}: {os.strerror(ctypes.get_errno())}")
    return result


def call(name: str) -> int:
    """The number of a system call that the C library does not wrap; raises CellError."""
    try:
        return CALLS[os.uname().machine][name]
    except KeyError:
        raise CellError(f"no call numbers are known for {os.uname().machine}") from None


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Call mount(2); raises CellError if the kernel refuses."""
    names = [name.encode() or None for name in (source, target, kind)]
    result = libc.mount(*names, ctypes.c_ulong(flags), data.encode() or None)
    check(result, f"mounting {target or source}")


def map_ids(user: int, group: int) -> None:
    """Become `ID`, the one id of the user namespace just made; raises CellError.

    `user` and `group` are the ids of this process outside of it.
    """
    before = libc.prctl(GET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(SET_DUMPABLE, 1, 0, 0, 0)  # else /proc/self belongs to root
    try:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{ID} {user} 1"),
            ("gid_map", f"{ID} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    except OSError as error:
        raise CellError(f"mapping the user id: {error.strerror}") from error
    libc.prctl(SET_DUMPABLE, before, 0, 0, 0)


def drop_bounds() -> None:
    """Let no program that is started from here ever have a capability."""
    for capability in range(64):
        if libc.prctl(DROP_BOUND, capability, 0, 0, 0) < 0:
            return  # there are no more


def drop_capabilities() -> None:
    """Give up every capability in this namespace, for good."""
    drop_bounds()
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_3, 0)
    check(libc.capset(header, (ctypes.c_uint32 * 6)()), "dropping capabilities")
    check(libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "giving up new privileges")


def enter(cell: dict[str, Any]) -> None:
    """Move this process into a new cell: returns in its first process, with no capabilities.

    The process that called stays outside, collects whoever is orphaned there, and ends when the
    cell does. `cell` has `binds`, the folders to see, `folder`, the writable one, its `megabytes`
    and `files`, `root`, any folder to build on, and `privileged`: without a user namespace, which
    takes CAP_SYS_ADMIN. Raises CellError if the kernel refuses a step.
    """
    privileged, user, group = cell["privileged"], os.getuid(), os.getgid()
    spaces = NEW_MOUNTS | NEW_PIDS | NEW_NETWORK | NEW_IPC | NEW_HOSTNAME
    check(libc.unshare(spaces | (0 if privileged else NEW_USER)), "making namespaces")
    if not privileged:
        map_ids(user, group)
    build(cell, STRANGER if privileged else ID)
    first = os.fork()
    if first:
        for descriptor in (0, 1):
            os.close(descriptor)
        os._exit(outlive(first))
    libc.prctl(SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    mount("proc", "/proc", "proc", NO_SUID | NO_DEVICES | NO_EXEC)
    check(libc.umount2(b"/outside", DETACH), "leaving the host's files")
    os.rmdir("/outside")
    mount("", "/", "", REMOUNT | BIND | READ_ONLY | NO_SUID | NO_DEVICES)
    libc.sethostname(b"ratchet", 7)
    if privileged:
        drop_bounds()
        become_stranger()
    drop_capabilities()
    libc.prctl(SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    os.chdir(cell["folder"])


def become_stranger() -> None:
    """Give up root's user id, and its groups; raises CellError."""
    try:
        os.setgroups([])
        os.setresgid(STRANGER, STRANGER, STRANGER)
        os.setresuid(STRANGER, STRANGER, STRANGER)
    except OSError as error:
        raise CellError(f"giving up root's user id: {error.strerror}") from error


def outlive(child: int) -> int:
    """Collect every child until `child` ends; returns its exit code, 128 + N after signal N."""
    status = 0
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, 0))[0] != child:
            pass
        status = ended[1]
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def build(cell: dict[str, Any], owner: int) -> None:
    """Make the new root and turn to it; the old one stays at /outside for a moment."""
    root = cell["root"]  # what lies on it is seen in this namespace alone
    paths = [path for path in (*cell["binds"], *DEVICES) if os.path.exists(path)]
    descriptors = {path: os.open(path, os.O_PATH) for path in paths if not os.path.islink(path)}
    links = {path: os.readlink(path) for path in paths if path not in descriptors}
    folders = {path for path in descriptors if os.path.isdir(path)}
    mount("", "/", "", PRIVATE | RECURSIVE)
    mount("tmpfs", root, "tmpfs", NO_SUID | NO_DEVICES, "size=1m,nr_inodes=1k,mode=755")
    for path in sorted(paths):
        target = root + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if path in links:
            os.symlink(links[path], target)
            continue
        if path in folders:
            os.makedirs(target, exist_ok=True)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
        mount(f"/proc/self/fd/{descriptors[path]}", target, "", BIND | RECURSIVE)
        os.close(descriptors[path])
        protect(target, READ_ONLY | NO_SUID | (0 if path in DEVICES else NO_DEVICES))
    for folder in ("/proc", "/outside", cell["folder"]):
        os.makedirs(root + folder, exist_ok=True)
    work(root + cell["folder"], cell, owner)
    os.chdir(root)
    check(libc.syscall(call("pivot_root"), b".", b"outside"), "turning to the new root")
    os.chdir("/")


def protect(target: str, flags: int) -> None:
    """Set mount flags on `target` and all that is mounted below it."""
    attributes = (ctypes.c_uint64 * 4)(flags, 0, 0, 0)
    folder = os.open(target, os.O_PATH)
    result = libc.syscall(
        MOUNT_SETATTR, folder, b"", AT_EMPTY_PATH | AT_RECURSIVE, attributes, ctypes.c_size_t(32)
    )
    os.close(folder)
    if result < 0 and ctypes.get_errno() == errno.ENOSYS:  # before Linux 5.12
        mount("", target, "", REMOUNT | BIND | flags)
    else:
        check(result, f"protecting {target}")


def work(target: str, cell: dict[str, Any], owner: int) -> None:
    """Mount the one writable folder, which belongs to the user id `owner`."""
    sizes = f"size={cell['megabytes']}m,nr_inodes={cell['files']},mode=700,uid={owner},gid={owner}"
    mount("tmpfs", target, "tmpfs", NO_SUID | NO_DEVICES | NO_EXEC, sizes)


def show_itself() -> None:
    """Mount a /proc that shows this cell's own processes, and that nobody can write to."""
    flags = READ_ONLY | NO_SUID | NO_DEVICES | NO_EXEC
    for view in VIEWS:
        try:
            mount("proc", "/proc", "proc", flags, view)
        except CellError:
            if not view:
                raise
            continue
        break
    for path in SECRETS if not view else ():
        if os.path.exists(path):
            mount("/dev/null", path, "", BIND)


def fork_inside(cell: dict[str, Any]) -> int:
    """Fork into an inner cell; returns 0 there and, outside, the id of its first process.

    That first process only waits, and ends as the job does: killing it ends all that is inside.
    """
    user, group = os.getuid(), os.getgid()
    flags = NEW_USER | NEW_MOUNTS | NEW_PIDS | NEW_IPC | signal.SIGCHLD
    first = check(here.syscall(call("clone"), flags, 0, 0, 0, 0), "making an inner namespace")
    if first:
        return first
    ctypes.pythonapi.PyOS_AfterFork_Child()
    try:
        map_ids(user, group)
        work(cell["folder"], cell, ID)
        show_itself()
        os.chdir(cell["folder"])
        drop_capabilities()
        job = os.fork()
    except BaseException as error:
        os.write(2, f"the inner cell was refused: {error}\n".encode())
        os._exit(1)
    if job == 0:
        return 0
    os._exit(outlive(job))
