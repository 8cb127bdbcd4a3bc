"""Whether the engine gives a container the settings that `walls.policy` asks for."""

import hashlib
from collections.abc import Mapping
from typing import Any

from ..base import SandboxError

# Settings that are read back from the engine: their names in its inspection, and in `policy`.
ASKED = {
    # what the container can reach
    "NetworkMode": "network_mode",
    "IpcMode": "ipc_mode",
    "DeviceRequests": "device_requests",
    # where it can write
    "ReadonlyRootfs": "read_only",
    "Tmpfs": "tmpfs",
    "ShmSize": "shm_size",
    "LogConfig": "log_config",
    # what it may do
    "CapDrop": "cap_drop",
    "SecurityOpt": "security_opt",
    "Runtime": "runtime",
    # how much it may use
    "PidsLimit": "pids_limit",
    "Memory": "mem_limit",
    "MemorySwap": "memswap_limit",
    "NanoCpus": "nano_cpus",
    "Ulimits": "ulimits",
}
ASKED_CONFIG = {
    "User": "user",
    "WorkingDir": "working_dir",
}
# Settings that are never asked for. Any of them would be a hole, so the engine must report none.
UNASKED = (
    # privileges
    "CapAdd",
    "Privileged",
    "GroupAdd",
    # files and devices of the host
    "Binds",
    "Mounts",
    "VolumesFrom",
    "Devices",
    "DeviceCgroupRules",
    # the network
    "PortBindings",
    "PublishAllPorts",
    "ExtraHosts",
    "Links",
    # namespaces and settings of the kernel
    "PidMode",
    "UTSMode",
    "UsernsMode",
    "Sysctls",
    "CgroupParent",
    # its first process, and its end for want of memory
    "Init",
    "OomKillDisable",
    "OomScoreAdj",
)
# Paths that the engine covers: its name for the list, ours, and a path that stands for the rest.
MASKED = {
    "MaskedPaths": ("masked_paths", "/proc/kcore"),
    "ReadonlyPaths": ("readonly_paths", "/proc/sys"),
}
MENDS = {
    "MemorySwap": "boot the host with swapaccount=1, or turn its swap off and use cgroup v2",
    "Runtime": "register it in the engine's daemon.json, or unset RATCHET_RUNTIME",
}
# Settings that a run's archive keeps.
RECORDED = (
    "NetworkMode",
    "ReadonlyRootfs",
    "CapDrop",
    "SecurityOpt",
    "Tmpfs",
    "Memory",
    "MemorySwap",
    "NanoCpus",
    "PidsLimit",
    "IpcMode",
    "ShmSize",
    "Runtime",
    "DeviceRequests",
)


def read_back(attributes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, str]:
    """The settings that the engine reports for a container, for the archive.

    `attributes` is the engine's inspection. Raises SandboxError where it is not `settings`.
    """
    host, config = attributes["HostConfig"], attributes["Config"]
    for name, setting in expected(settings).items():
        require(name, setting, canonical(name, host.get(name)))
    for name, key in ASKED_CONFIG.items():
        require(name, settings[key], config.get(name))
    for name in UNASKED:
        require(name, "nothing", host.get(name) or "nothing")
    require("Mounts", "nothing", attributes.get("Mounts") or "nothing")
    networks = list(attributes["NetworkSettings"]["Networks"])
    require("Networks", [settings["network_mode"]], networks)
    for name, (key, path) in MASKED.items():
        covered = host.get(name) or []
        if key in settings:
            require(name, settings[key], covered)
        elif path not in covered:
            require(name, path, covered or "nothing")
    # A name without a value is one that the image sets and the container does not get.
    variables = sorted(variable for variable in config["Env"] or [] if "=" in variable)
    require("Env", sorted(f"{k}={v}" for k, v in settings["environment"].items()), variables)
    recorded = {name: host.get(name) for name in RECORDED} | {"User": config["User"]}
    recorded["SecurityOpt"] = [short(option) for option in host.get("SecurityOpt") or []]
    return {f"docker.{name}": str(value) for name, value in recorded.items() if value is not None}


def short(option: str) -> str:
    """A security option, with the digest of a profile in place of its text."""
    name, _, value = option.partition("=")
    if len(value) < 64:
        return option
    return f"{name}=sha256:{hashlib.sha256(value.encode()).hexdigest()[:12]}"


def expected(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The host settings of an inspection that follow from `settings`."""
    host = {name: canonical(name, settings.get(key)) for name, key in ASKED.items()}
    if "runtime" not in settings:
        del host["Runtime"]  # the engine's own default, which is recorded
    return host


def canonical(name: str, value: Any) -> Any:
    """`value` in a form that does not depend on how an engine words it."""
    if name == "SecurityOpt":
        return sorted(option.replace("=true", "").replace(":true", "") for option in value or [])
    if name == "Ulimits":
        return sorted((limit["Name"], limit["Soft"], limit["Hard"]) for limit in value or [])
    if name == "LogConfig":
        return (value or {}).get("Type")
    if name == "DeviceRequests":
        return [(gpu["DeviceIDs"], gpu["Count"], gpu["Capabilities"]) for gpu in value or []]
    return value


def require(name: str, asked: object, given: object) -> None:
    """Raise SandboxError unless the engine has `given` what was `asked`."""
    if given != asked:
        mend = MENDS.get(name, "use an engine that honours it")
        raise SandboxError(
            f"the Docker engine gives containers the setting {name} = {str(given)[:500]}, "
            f"where {str(asked)[:500]} was asked for: {mend}, or use another --sandbox"
        )
