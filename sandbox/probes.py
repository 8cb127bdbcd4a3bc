"""The attacks that a sandbox which isolates must withstand. attacker.py makes them in a box.

A box loads this file, so it uses the standard library alone. Each attack returns what stopped it,
or raises Through with what it could do. None sends a packet or leaves anything behind.
"""

import ctypes
import errno
import os
import signal
import socket
import time

from . import neighbours as around

FORKS, FILL_BYTES, PART_BYTES = 128, 256 << 20, 8 << 20
NEW_NAMESPACE, NEW_USER = 0x00020000, 0x10000000
ROOTS = ("/", "/usr", "/usr/local", "/usr/lib", "/etc", "/opt", "/var", "/root", "/home")
SETTINGS = ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger")
SOCKETS = ("docker.sock", "containerd/containerd.sock", "podman/podman.sock", "crio/crio.sock")
# environment variables that hold no secret
NAMES = {
    "HOME", "HOSTNAME", "LANG", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "PWD",
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "CUBLAS_WORKSPACE_CONFIG",
    "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "CUDA_VISIBLE_DEVICES",
}  # fmt: skip


class Through(Exception):
    """An attack got through."""


def network() -> str:
    """Find a route out. A datagram socket that connects asks the kernel and sends nothing."""
    stopped = set[str]()
    for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, 9))
        except OSError as error:
            stopped.add(name_of(error))
        else:
            raise Through(f"there is a route to {address}")
    try:
        others = [name for _, name in socket.if_nameindex() if name != "lo"]
    except OSError as error:
        return name_of(error)  # not even a socket
    if others:
        raise Through(f"there are network interfaces {', '.join(others)}")
    return ", ".join(sorted(stopped))


def root() -> str:
    """Make a file outside the work folder."""
    stopped = set[str]()
    for folder in ROOTS:
        path = os.path.join(folder, "ratchet-selfcheck")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileNotFoundError:
            continue
        except OSError as error:
            stopped.add(name_of(error))
            if error.errno not in (errno.EROFS, errno.EPERM):
                raise Through(f"{folder} is not read-only ({name_of(error)})") from error
        else:
            os.unlink(path)
            raise Through(f"{folder} is writable")
    return ", ".join(sorted(stopped))


def settings() -> str:
    """Change the kernel's settings."""
    stopped = set[str]()
    for path in SETTINGS:
        try:
            os.close(os.open(path, os.O_WRONLY))
        except OSError as error:
            stopped.add(name_of(error))
        else:
            raise Through(f"{path} is writable")
    return ", ".join(sorted(stopped))


def status(pid: str = "self") -> dict[str, str]:
    """The fields of /proc/PID/status."""
    with open(f"/proc/{pid}/status") as file:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in file)}


def capabilities() -> str:
    """Hold a capability."""
    own = status()
    for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"):
        if int(own.get(kind, "0"), 16):
            raise Through(f"{kind} is {own[kind]}")
    return "none"


def privileges() -> str:
    """Gain privileges from a file that grants them."""
    if status().get("NoNewPrivs") != "1":
        raise Through("NoNewPrivs is not set")
    return "NoNewPrivs"


def seccomp() -> str:
    """Make any system call."""
    if status().get("Seccomp") != "2":
        raise Through("system calls are not filtered")
    return "filter"


def identity() -> str:
    """Be root, or in its group."""
    ids = (*os.getresuid(), *os.getresgid(), *os.getgroups())
    if 0 in ids:
        raise Through("it runs as root or in root's group")
    return f"user {os.getuid()}"


def namespaces() -> str:
    """Mount a file system, and leave for a namespace in which to be root."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", os.getcwd().encode(), b"tmpfs", 0, None) == 0:
        raise Through("it could mount")
    for kind in (NEW_NAMESPACE, NEW_USER):
        if libc.unshare(kind) == 0:
            raise Through(f"it could unshare {kind:#x}")
    return os.strerror(ctypes.get_errno())


def processes() -> str:
    """Fork without end."""
    children: list[int] = []
    try:
        while len(children) < FORKS:
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            children.append(pid)
    except OSError as error:
        return f"{name_of(error)} after {len(children)}"
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)
    raise Through(f"it could start {FORKS} processes")


def disk() -> str:
    """Fill the work folder. Files of a moderate size meet the folder's limit, not a file's."""
    names: list[str] = []
    try:
        for number in range(FILL_BYTES // PART_BYTES):
            with open(f"fill-{number}", "wb", buffering=0) as file:
                names.append(file.name)
                os.posix_fallocate(file.fileno(), 0, PART_BYTES)
    except OSError as error:
        return f"{name_of(error)} within {len(names) * PART_BYTES >> 20} MiB"
    finally:
        for name in names:
            os.unlink(name)
    raise Through(f"it could write {FILL_BYTES >> 20} MiB")


def environment() -> str:
    """Read a secret from the environment."""
    if others := sorted(set(os.environ) - NAMES):
        raise Through(f"the environment holds {', '.join(others)}")
    return f"{len(os.environ)} plain settings"


def neighbours() -> str:
    """See the processes of other users, and open any entry of any process at all."""
    pids = [name for name in around.listed("/proc") if name.isdigit()]
    user = status()["Uid"].split()[0]
    for pid in pids:
        try:
            other = status(pid)
        except OSError:
            continue  # it has ended meanwhile
        if other["Uid"].split()[0] != user:
            raise Through(f"process {pid} ({other['Name']}) of another user is visible")
    for neighbour in around.others():
        if names := around.entries(neighbour):
            raise Through(f"of process {neighbour} it could open {', '.join(names[:9])}")
    return f"{len(pids)} in sight, no entry opens"


def reach() -> str:
    """Read, trace, signal or limit another process by a system call."""
    for other in around.others():
        if names := around.calls(other):
            raise Through(f"it could reach process {other} by {', '.join(names)}")
    return "refused"


def engine() -> str:
    """Reach a container engine."""
    for folder in ("/run", "/var/run"):
        for name in SOCKETS:
            if os.path.exists(f"{folder}/{name}"):
                raise Through(f"{folder}/{name} is there")
    return "absent"


def name_of(error: OSError) -> str:
    """The name of a system error, such as ENOSPC."""
    return errno.errorcode.get(error.errno or 0, str(error.errno))


ATTACKS = {
    "network": network,
    "root": root,
    "settings": settings,
    "capabilities": capabilities,
    "privileges": privileges,
    "seccomp": seccomp,
    "identity": identity,
    "namespaces": namespaces,
    "processes": processes,
    "disk": disk,
    "environment": environment,
    "neighbours": neighbours,
    "reach": reach,
    "engine": engine,
}
