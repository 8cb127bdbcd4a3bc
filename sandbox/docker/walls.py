"""How a container is confined: every setting that the engine is asked for, with its reason."""

import os
from collections.abc import Sequence
from typing import Any

from ..base import Limits
from ..box import WORK_FILES, WORK_MB
from ..process import ENVIRONMENT as QUIET
from ..profile import profile
from .closure import SITE, USER

FOLDER = "/work"
APPARMOR = "RATCHET_APPARMOR"
SHM_MB, OPEN_FILES = 16, 512
RUNNER_MB, RUNNER_PIDS = 512, 10  # what the runner itself takes, on top of a job's limits

# Folders of the container that are visible in a cell.
SEEN = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local",
    SITE,
    "/sys/devices/system/cpu",
)
# What a candidate without a cell may read. The processes around it are left out.
READABLE = (
    *SEEN,
    "/usr",
    "/opt",
    "/etc",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/loadavg",
)
CELL = {
    "binds": [*SEEN],
    "root": FOLDER,
    "folder": "/job",
    "privileged": False,
    "megabytes": WORK_MB,
    "files": WORK_FILES,
    # The engine counts processes; an older kernel would count those of all containers together.
    "counted": True,
}
ENVIRONMENT = {
    "HOME": FOLDER,
    "TMPDIR": FOLDER,
    "PATH": "/usr/local/bin",
    "LD_LIBRARY_PATH": "/usr/local/lib",
    **QUIET,
}


def policy(
    limits: Limits, devices: Sequence[str] = (), runtime: str = "", cells: bool = False
) -> dict[str, Any]:
    """The settings of a container for jobs with `limits`, as the SDK names them.

    `devices` are UUIDs of GPUs. They are named one by one and never counted, since a count could
    hand out a GPU that is leased elsewhere. `runtime` is a container runtime; "" is the engine's.

    With `cells` the container may make namespaces within itself. Our filter then replaces the
    engine's, and nothing is mounted over /proc, since the kernel would otherwise give no cell a
    /proc of its own. Candidates see neither: see `inside/cell.py`.
    """
    settings = _confined(limits)
    if cells:
        settings["security_opt"].append(f"seccomp={profile()}")
        settings["masked_paths"] = []
        settings["readonly_paths"] = []
    if apparmor := os.environ.get(APPARMOR):
        settings["security_opt"].append(f"apparmor={apparmor}")
    if devices:
        del settings["environment"]["CUDA_VISIBLE_DEVICES"]  # which hides every GPU
        settings["device_requests"] = [
            {
                "Driver": "",
                "Count": 0,
                "Options": {},
                "DeviceIDs": [*devices],
                "Capabilities": [["gpu"]],
            }
        ]
    if runtime:
        settings["runtime"] = runtime
    return settings


def _confined(limits: Limits) -> dict[str, Any]:
    """The settings that every container has.

    The runner is its first process. An engine's `init` would run as the candidates' user, who could
    then open it.
    """
    memory = (limits.memory_mb + RUNNER_MB) << 20
    work = f"size={WORK_MB}m,nr_inodes={WORK_FILES},mode=0700,uid={USER},gid={USER}"
    return {
        # what it can reach
        "network_mode": "none",
        "ipc_mode": "private",
        # where it can write
        "read_only": True,
        "tmpfs": {FOLDER: f"rw,nosuid,nodev,noexec,{work}"},
        "shm_size": SHM_MB << 20,
        "log_config": {"Type": "none", "Config": {}},
        # what it may do
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        # how much it may use
        "pids_limit": limits.pids + RUNNER_PIDS,
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": int(limits.cpus * 1e9),
        "ulimits": [
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "nofile", "Soft": OPEN_FILES, "Hard": OPEN_FILES},
        ],
        # who it is, and where
        "user": f"{USER}:{USER}",
        "working_dir": FOLDER,
        "environment": dict(ENVIRONMENT),
    }
