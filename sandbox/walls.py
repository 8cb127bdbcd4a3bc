"""How a container is confined, and whether the engine really does it."""

from typing import Any

from .base import Limits, SandboxError
from .recipe import USER

FOLDER = "/work"
WORK_MB, SHM_MB, WORK_FILES, OPEN_FILES = 64, 16, 4096, 512
RUNNER_MB, RUNNER_PIDS = 512, 8
SHOWN = (
    *("NetworkMode", "ReadonlyRootfs", "CapDrop", "SecurityOpt", "Tmpfs", "Memory", "MemorySwap"),
    *("NanoCpus", "PidsLimit", "IpcMode", "ShmSize", "Runtime"),
)


def policy(limits: Limits) -> dict[str, Any]:
    """The settings of a container. The runner's own memory and processes come on top."""
    memory = (limits.memory_mb + RUNNER_MB) << 20
    work = f"size={WORK_MB}m,nr_inodes={WORK_FILES},mode=0700,uid={USER},gid={USER}"
    return {
        "network_mode": "none",
        "read_only": True,
        "tmpfs": {FOLDER: f"rw,nosuid,nodev,noexec,{work}"},
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "user": f"{USER}:{USER}",
        "pids_limit": limits.pids + RUNNER_PIDS,
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": int(limits.cpus * 1e9),
        "ulimits": [
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "nofile", "Soft": OPEN_FILES, "Hard": OPEN_FILES},
        ],
        "ipc_mode": "private",
        "shm_size": SHM_MB << 20,
        "log_config": {"Type": "none", "Config": {}},
        "init": True,
    }


def read_back(attributes: dict[str, Any]) -> dict[str, str]:
    """The settings the engine says a container has; raises SandboxError if it lacks a wall."""
    host = attributes["HostConfig"]
    options = host["SecurityOpt"] or []
    walls = {
        "no network": host["NetworkMode"] == "none",
        "a read-only root": host["ReadonlyRootfs"] is True,
        "dropped capabilities": bool(host["CapDrop"]) and not host["Privileged"],
        "no new privileges": any(each.startswith("no-new-privileges") for each in options),
        "system call filter": not any("unconfined" in each for each in options),
        "a memory limit": bool(host["Memory"]),
        "a process limit": bool(host["PidsLimit"]),
    }
    if missing := [name for name, stands in walls.items() if not stands]:
        raise SandboxError(
            f"the Docker engine does not give containers {', '.join(missing)}: "
            "use an engine with cgroup limits, or --sandbox process"
        )
    shown = {name: host.get(name) for name in SHOWN} | {"User": attributes["Config"]["User"]}
    return {f"docker.{name}": str(value) for name, value in shown.items()}
