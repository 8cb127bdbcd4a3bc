"""How a container is confined, and whether the engine says that it does it."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..base import Limits, SandboxError
from ..process import ENVIRONMENT as QUIET
from ..profile import profile
from .closure import SITE, USER

FOLDER = "/work"
APPARMOR = "RATCHET_APPARMOR"
WORK_MB, SHM_MB, WORK_FILES, OPEN_FILES = 64, 16, 4096, 512
RUNNER_MB, RUNNER_PIDS = 512, 10
# What a cell in a container sees of it.
SEEN = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local", SITE, "/sys/devices/system/cpu")
# What a candidate without a cell may read, which leaves out the processes around it.
READABLE = (
    *(*SEEN, "/usr", "/opt", "/etc", "/dev/zero", "/dev/random", "/dev/urandom"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg"),
)
CELL = {
    **{"binds": [*SEEN], "root": FOLDER, "folder": "/job", "privileged": False},
    # The engine counts processes; an older kernel would count those of all containers together.
    **{"megabytes": WORK_MB, "files": WORK_FILES, "counted": True},
}
ENVIRONMENT = {
    **{"HOME": FOLDER, "TMPDIR": FOLDER},
    **{"PATH": "/usr/local/bin", "LD_LIBRARY_PATH": "/usr/local/lib"},
    **QUIET,
}

# What the engine's inspection calls the settings that `policy` asks for.
ASKED = {
    **{"NetworkMode": "network_mode", "ReadonlyRootfs": "read_only", "Tmpfs": "tmpfs"},
    **{"CapDrop": "cap_drop", "SecurityOpt": "security_opt", "PidsLimit": "pids_limit"},
    **{"Memory": "mem_limit", "MemorySwap": "memswap_limit", "NanoCpus": "nano_cpus"},
    **{"Ulimits": "ulimits", "IpcMode": "ipc_mode", "ShmSize": "shm_size"},
    **{"LogConfig": "log_config", "DeviceRequests": "device_requests", "Runtime": "runtime"},
}
ASKED_CONFIG = {"User": "user", "WorkingDir": "working_dir"}
# Each would be a hole: what we never ask for must not be there.
UNASKED = (
    *("CapAdd", "Privileged", "Binds", "Mounts", "Devices", "DeviceCgroupRules", "PortBindings"),
    *("PublishAllPorts", "ExtraHosts", "Links", "VolumesFrom", "GroupAdd", "PidMode", "UTSMode"),
    *("UsernsMode", "Sysctls", "CgroupParent", "OomKillDisable", "OomScoreAdj", "Init"),
)
# One path of each kind stands for the engine's whole list.
MASKED = {
    "MaskedPaths": ("masked_paths", "/proc/kcore"),
    "ReadonlyPaths": ("readonly_paths", "/proc/sys"),
}
MENDS = {
    "MemorySwap": "boot the host with swapaccount=1, or turn its swap off and use cgroup v2",
    "Runtime": "register it in the engine's daemon.json, or unset RATCHET_RUNTIME",
}
SHOWN = (
    *("NetworkMode", "ReadonlyRootfs", "CapDrop", "SecurityOpt", "Tmpfs", "Memory", "MemorySwap"),
    *("NanoCpus", "PidsLimit", "IpcMode", "ShmSize", "Runtime", "DeviceRequests"),
)


def policy(
    limits: Limits, devices: Sequence[str] = (), runtime: str = "", cells: bool = False
) -> dict[str, Any]:
    """The settings of a container. The runner's own memory and processes come on top.

    The runner is its first process, since an engine's `init` would be one of the candidates' user
    that they could open. With `cells` the container may make namespaces within itself: the
    engine's filter is replaced by ours, and /proc has nothing mounted over it, since the kernel
    gives no cell a /proc of its own otherwise. Candidates see neither: see `inside/cell.py`.
    GPUs are named one by one, never counted: a count could hand out one that is leased elsewhere.
    """
    memory = (limits.memory_mb + RUNNER_MB) << 20
    work = f"size={WORK_MB}m,nr_inodes={WORK_FILES},mode=0700,uid={USER},gid={USER}"
    settings: dict[str, Any] = {
        "network_mode": "none",
        "read_only": True,
        "tmpfs": {FOLDER: f"rw,nosuid,nodev,noexec,{work}"},
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "user": f"{USER}:{USER}",
        "working_dir": FOLDER,
        "environment": dict(ENVIRONMENT),
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
    }
    if cells:
        settings["security_opt"].append(f"seccomp={profile()}")
        settings |= {"masked_paths": [], "readonly_paths": []}
    if apparmor := os.environ.get(APPARMOR):
        settings["security_opt"].append(f"apparmor={apparmor}")
    if devices:
        asked = {"DeviceIDs": [*devices], "Capabilities": [["gpu"]]}
        del settings["environment"]["CUDA_VISIBLE_DEVICES"]  # which hides every GPU
        settings["device_requests"] = [{"Driver": "", "Count": 0, "Options": {}, **asked}]
    if runtime:
        settings["runtime"] = runtime
    return settings


def read_back(attributes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, str]:
    """What the engine says a container has; raises SandboxError where that is not `settings`."""
    host, config = attributes["HostConfig"], attributes["Config"]
    for name, wanted in expected(settings).items():
        require(name, wanted, canonical(name, host.get(name)))
    for name, key in ASKED_CONFIG.items():
        require(name, settings[key], config.get(name))
    for name in UNASKED:
        require(name, "nothing", host.get(name) or "nothing")
    require("Mounts", "nothing", attributes.get("Mounts") or "nothing")
    networks = list(attributes["NetworkSettings"]["Networks"])
    require("Networks", [settings["network_mode"]], networks)
    for name, (key, path) in MASKED.items():
        given_paths = host.get(name) or []
        if key in settings:
            require(name, settings[key], given_paths)
        elif path not in given_paths:
            require(name, path, given_paths or "nothing")
    # A name without a value is one that the image sets and the container does not get.
    given = sorted(each for each in config["Env"] or [] if "=" in each)
    require("Env", sorted(f"{k}={v}" for k, v in settings["environment"].items()), given)
    shown = {name: host.get(name) for name in SHOWN} | {"User": config["User"]}
    shown["SecurityOpt"] = [short(each) for each in host.get("SecurityOpt") or []]
    return {f"docker.{name}": str(value) for name, value in shown.items() if value is not None}


def short(option: str) -> str:
    """A security option, with the digest of a profile in place of its text."""
    name, _, value = option.partition("=")
    if len(value) < 64:
        return option
    return f"{name}=sha256:{hashlib.sha256(value.encode()).hexdigest()[:12]}"


def expected(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The host settings of an inspection that follow from `settings`."""
    found = {name: canonical(name, settings.get(key)) for name, key in ASKED.items()}
    if "runtime" not in settings:
        del found["Runtime"]  # the engine's own default, which is recorded
    return found


def canonical(name: str, value: Any) -> Any:
    """`value` in a form that does not depend on how an engine words it."""
    if name == "SecurityOpt":
        return sorted(each.replace("=true", "").replace(":true", "") for each in value or [])
    if name == "Ulimits":
        return sorted((each["Name"], each["Soft"], each["Hard"]) for each in value or [])
    if name == "LogConfig":
        return (value or {}).get("Type")
    if name == "DeviceRequests":
        return [(each["DeviceIDs"], each["Count"], each["Capabilities"]) for each in value or []]
    return value


def require(name: str, wanted: object, found: object) -> None:
    """Raise SandboxError unless the engine gives what was asked for."""
    if found != wanted:
        mend = MENDS.get(name, "use an engine that honours it")
        raise SandboxError(
            f"the Docker engine gives containers the setting {name} = {str(found)[:500]}, "
            f"where {str(wanted)[:500]} was asked for: {mend}, or use another --sandbox"
        )
