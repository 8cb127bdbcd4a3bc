"""The system calls that an engine leaves to the trusted processes of a container with cells.

An engine's own profile refuses namespaces and mounts to whoever has no capabilities, and a cell is
made of them. Ours allows these few, and beside them much less than an engine's does: what a
candidate may call (`inside/seccomp.py`), and what starting and watching its processes takes.
Candidates run under the narrower filter on top of this one.
"""

import json

from .inside import seccomp
from .inside.alike import FIXED_ADDRESSES

# to start, watch and end the processes of jobs, and to confine them
PROCESSES = (
    "clone", "clone3", "fork", "vfork", "execve", "wait4", "waitid",
    "kill", "tgkill", "tkill", "pidfd_open", "pidfd_send_signal", "setsid", "setpgid",
    "prlimit64", "prctl", "seccomp",
    "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
)  # fmt: skip
# to make a cell: namespaces, mounts, and the ids within them
CELLS = (
    "unshare", "mount", "umount2", "pivot_root", "mount_setattr", "sethostname",
    "capset", "capget", "setgroups", "setresuid", "setresgid", "setuid", "setgid",
)  # fmt: skip
# to pass bytes and descriptors between the processes of a job
MESSAGES = (
    "socketpair", "sendmsg", "recvmsg", "sendto", "recvfrom", "shutdown",
    "getsockopt", "setsockopt", "getsockname", "getpeername",
)  # fmt: skip
# calls that trusted programs may make freely, and candidates may not
REST = (
    # files
    "fcntl", "flock", "openat2", "symlink", "symlinkat", "link", "linkat", "fchdir",
    "chown", "fchown", "lchown", "fchownat", "mknod", "mknodat", "utime", "utimes", "futimesat",
    "getxattr", "lgetxattr", "fgetxattr", "fadvise64",
    "preadv", "pwritev", "preadv2", "pwritev2", "splice", "tee",
    # memory
    "memfd_create", "mlock", "munlock", "mlock2", "msync",
    "get_mempolicy", "set_mempolicy", "mbind",
    # events, timers and signals
    "epoll_create", "eventfd", "signalfd4", "inotify_init1",
    "timerfd_create", "timerfd_settime", "timerfd_gettime",
    # scheduling
    "sched_setaffinity", "sched_setscheduler", "sched_setparam", "setpriority",
    # devices and sockets; a container has no network
    "ioctl", "socket", "connect", "bind",
)  # fmt: skip


def profile() -> str:
    """The profile as JSON in the format of container engines."""
    candidates = [line.split()[0] for line in seccomp.ALLOWED.replace("\n", " ").split(",")]
    names = sorted({*candidates, *PROCESSES, *CELLS, *MESSAGES, *REST})
    fixed = {"index": 0, "value": FIXED_ADDRESSES, "op": "SCMP_CMP_EQ"}
    document = {
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [
            {"names": names, "action": "SCMP_ACT_ALLOW", "args": []},
            {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [fixed]},
        ],
    }
    return json.dumps(document)
