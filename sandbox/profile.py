"""The system calls that an engine leaves to the trusted processes of a container with cells.

An engine's own profile refuses namespaces and mounts to whoever has no capabilities, and a cell is
made of them. Ours allows these few, and beside them much less than an engine's does: what a
candidate may call (`inside/seccomp.py`), and what starting and watching its processes takes.
Candidates run under the narrower filter on top of this one.
"""

import json

from .inside import seccomp

PROCESSES = (
    *("clone", "clone3", "fork", "vfork", "execve", "wait4", "waitid", "kill", "tgkill", "tkill"),
    *("pidfd_open", "pidfd_send_signal", "setsid", "setpgid", "prlimit64", "prctl", "seccomp"),
    *("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"),
)
CELLS = (
    *("unshare", "mount", "umount2", "pivot_root", "mount_setattr", "sethostname", "capset"),
    *("capget", "setgroups", "setresuid", "setresgid", "setuid", "setgid"),
)
MESSAGES = (
    *("socketpair", "sendmsg", "recvmsg", "sendto", "recvfrom", "shutdown", "getsockopt"),
    *("setsockopt", "getsockname", "getpeername"),
)
REST = (
    *("ioctl", "fcntl", "memfd_create", "symlink", "symlinkat", "link", "linkat", "fchdir"),
    *("chown", "fchown", "lchown", "fchownat", "mlock", "munlock", "mlock2", "msync"),
    *("fadvise64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "inotify_init1"),
    *("get_mempolicy", "set_mempolicy", "mbind", "epoll_create", "eventfd", "signalfd4"),
    *("timerfd_create", "timerfd_settime", "timerfd_gettime", "mknod", "mknodat", "utime"),
    *("utimes", "futimesat", "getxattr", "lgetxattr", "fgetxattr", "openat2", "splice", "tee"),
    *(
        "flock",
        "preadv",
        "pwritev",
        "preadv2",
        "pwritev2",
        "socket",
        "connect",
        "bind",
        "setpriority",
    ),
)


def profile() -> str:
    """The profile in the engine's own words."""
    candidates = [line.split()[0] for line in seccomp.ALLOWED.replace("\n", " ").split(",")]
    names = sorted({*candidates, *PROCESSES, *CELLS, *MESSAGES, *REST})
    allowed = {"names": names, "action": "SCMP_ACT_ALLOW", "args": []}
    words = {
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [allowed],
    }
    return json.dumps(words)
