"""No setting is taken on trust: the engine's account and an attack from inside both tell."""

import copy
import json
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files
from typing import Any

import pytest

from ratchet.sandbox import Job, Limits, Program, Result, SandboxError, open_sandbox, process
from ratchet.sandbox.docker import Engine
from ratchet.sandbox.probes import ATTACKS
from ratchet.sandbox.recipe import image_name
from ratchet.sandbox.selfcheck import check
from ratchet.sandbox.walls import ENVIRONMENT, FOLDER, policy, read_back

SETTINGS = policy(Limits(), ["GPU-1"], "runsc")
# What an engine says of a container made with these settings.
ATTRIBUTES: dict[str, Any] = {
    "HostConfig": {
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "Tmpfs": SETTINGS["tmpfs"],
        "CapDrop": ["ALL"],
        "CapAdd": None,
        "Privileged": False,
        "SecurityOpt": ["no-new-privileges:true"],
        "PidsLimit": 72,
        "Memory": 2560 << 20,
        "MemorySwap": 2560 << 20,
        "NanoCpus": 1_000_000_000,
        "Ulimits": SETTINGS["ulimits"][::-1],
        "IpcMode": "private",
        "ShmSize": 16 << 20,
        "Init": True,
        "LogConfig": {"Type": "none", "Config": {}},
        "DeviceRequests": SETTINGS["device_requests"],
        "Runtime": "runsc",
        "Binds": [],
        "ExtraHosts": None,
        "MaskedPaths": ["/proc/asound", "/proc/kcore"],
        "ReadonlyPaths": ["/proc/bus", "/proc/sys"],
    },
    "Config": {
        "User": "10001:10001",
        "WorkingDir": FOLDER,
        "Env": ["FROM_THE_IMAGE", *(f"{k}={v}" for k, v in SETTINGS["environment"].items())],
    },
    "Mounts": [],
    "NetworkSettings": {"Networks": {"none": {}}},
}


def test_an_engine_that_does_what_was_asked_is_recorded() -> None:
    told = read_back(ATTRIBUTES, SETTINGS)
    assert told["docker.NetworkMode"] == "none"
    assert told["docker.Runtime"] == "runsc"
    assert "GPU-1" in told["docker.DeviceRequests"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("HostConfig.NetworkMode", "bridge"),
        ("HostConfig.ReadonlyRootfs", False),
        ("HostConfig.Tmpfs", {FOLDER: "rw"}),
        ("HostConfig.Tmpfs", {**SETTINGS["tmpfs"], "/tmp": ""}),
        ("HostConfig.CapDrop", None),
        ("HostConfig.CapDrop", ["NET_RAW"]),
        ("HostConfig.CapAdd", ["SYS_ADMIN"]),
        ("HostConfig.Privileged", True),
        ("HostConfig.SecurityOpt", None),
        ("HostConfig.SecurityOpt", ["no-new-privileges", "seccomp=unconfined"]),
        ("HostConfig.SecurityOpt", ["no-new-privileges:false"]),
        ("HostConfig.PidsLimit", None),
        ("HostConfig.Memory", 0),
        ("HostConfig.MemorySwap", -1),
        ("HostConfig.NanoCpus", 0),
        ("HostConfig.Ulimits", []),
        ("HostConfig.IpcMode", "host"),
        ("HostConfig.PidMode", "host"),
        ("HostConfig.UTSMode", "host"),
        ("HostConfig.UsernsMode", "host"),
        ("HostConfig.ShmSize", 64 << 20),
        ("HostConfig.Init", None),
        ("HostConfig.LogConfig", {"Type": "json-file", "Config": {}}),
        ("HostConfig.DeviceRequests", None),
        ("HostConfig.DeviceRequests", [{"Count": -1, "DeviceIDs": None, "Capabilities": []}]),
        ("HostConfig.Devices", [{"PathOnHost": "/dev/sda"}]),
        ("HostConfig.Runtime", "runc"),
        ("HostConfig.Binds", ["/:/host"]),
        ("HostConfig.Mounts", [{"Type": "bind"}]),
        ("HostConfig.PortBindings", {"80/tcp": []}),
        ("HostConfig.ExtraHosts", ["host:host-gateway"]),
        ("HostConfig.GroupAdd", ["0"]),
        ("HostConfig.OomKillDisable", True),
        ("HostConfig.MaskedPaths", []),
        ("HostConfig.ReadonlyPaths", None),
        ("Config.User", ""),
        ("Config.WorkingDir", "/"),
        ("Config.Env", ["PATH=/bin", "API_KEY=1"]),
        ("Config.Env", [*ATTRIBUTES["Config"]["Env"], "API_KEY=1"]),
        ("Mounts", [{"Type": "volume", "Destination": "/data"}]),
        ("NetworkSettings.Networks", {"none": {}, "bridge": {}}),
    ],
)
def test_any_setting_that_differs_is_named(place: str, value: object) -> None:
    spoilt: Any = copy.deepcopy(ATTRIBUTES)
    *above, last = place.split(".")
    (spoilt[above[0]] if above else spoilt)[last] = value
    with pytest.raises(SandboxError, match=rf"gives containers the setting {last} = .* asked for"):
        read_back(spoilt, SETTINGS)


class Told:
    """A sandbox that answers every job alike."""

    name = "told"
    isolation = "namespace"

    def __init__(self, result: Result) -> None:
        self.result = result

    def run(self, job: Job) -> Result:
        return self.result

    def describe(self) -> dict[str, str]:
        return {}

    def close(self) -> None: ...


def test_a_self_check_that_does_not_end_well_is_no_pass() -> None:
    with pytest.raises(SandboxError, match=r"self-check of the told sandbox ended as oom \(killed"):
        check(Told(Result("oom", log="killed")))  # type: ignore[arg-type]
    with pytest.raises(SandboxError, match=r"does not hold against these attacks: disk \(full\)"):
        check(Told(Result("ok", b'[{}, {"disk": "full"}]')))  # type: ignore[arg-type]


def test_the_process_sandbox_does_not_pass_the_self_check() -> None:
    with (
        closing(process.create()) as sandbox,
        pytest.raises(SandboxError, match=r" root \(/.* wri"),
    ):
        check(sandbox)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    try:
        engine = Engine()
    except SandboxError as error:
        pytest.skip(str(error))
    with closing(engine), closing(open_sandbox("docker", workers=1)):
        yield engine


@pytest.mark.docker
def test_containers_withstand_every_attack(engine: Engine) -> None:
    with closing(open_sandbox("docker", workers=1)) as backend:
        assert set(check(backend)) == {*ATTACKS, *(f"candidate's {name}" for name in ATTACKS)}
        assert backend.describe()["attacks_withstood"] == str(2 * len(ATTACKS))


WEAK: dict[str, dict[str, Any]] = {
    "network": {"network_mode": "bridge"},
    "root": {"read_only": False, "user": "0:0", "cap_drop": []},
    "capabilities": {"user": "0:0", "cap_drop": []},
    "privileges": {"security_opt": []},
    "seccomp": {"security_opt": ["no-new-privileges", "seccomp=unconfined"]},
    "identity": {"user": "10001:0"},
    "namespaces": {"user": "0:0", "cap_drop": [], "cap_add": ["SYS_ADMIN"]},
    "processes": {"pids_limit": 1000},
    "disk": {"tmpfs": {FOLDER: "size=1g,mode=0700,uid=10001,gid=10001"}},
    "environment": {"environment": {**ENVIRONMENT, "API_KEY": "1"}},
    "engine": {"volumes": {"/etc/hostname": {"bind": "/run/docker.sock", "mode": "ro"}}},
}


@pytest.mark.docker
@pytest.mark.parametrize("attack", sorted(WEAK))
def test_each_attack_gets_through_where_its_wall_is_missing(
    attack: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = files("ratchet.sandbox").joinpath("probes.py").read_text()
    others = sorted(set(ATTACKS) - {attack})
    program = f"{source}\nos.write(1, json.dumps(attack_all({others})).encode())"
    monkeypatch.setattr("ratchet.sandbox.engine.runner_program", lambda: program)
    monkeypatch.setattr("ratchet.sandbox.engine.read_back", lambda *_: {})
    channel, _ = engine.start(image_name(), policy(Limits()) | WEAK[attack])
    with closing(channel):
        try:
            held, through = json.loads(channel.read(time.monotonic() + 30))
        except EOFError:
            pytest.fail(channel.log())
    assert (held, list(through)) == ({}, [attack])


@pytest.mark.docker
def test_a_runtime_is_chosen_by_the_environment(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_RUNTIME", "io.containerd.runc.v2")
    with closing(open_sandbox("docker", workers=1)) as backend:
        program = Program({"p.py": b"def run(request, _): return request"}, "p")
        assert backend.run(Job(program, b"x")).reply == b"x"
        assert backend.describe()["docker.Runtime"] == "io.containerd.runc.v2"
    monkeypatch.setenv("RATCHET_RUNTIME", "runsk")
    with pytest.raises(SandboxError, match=r"has no runtime 'runsk', only .*runc"):
        open_sandbox("docker", workers=1)


FLOOD = "import os\nwhile True: os.write({stream}, b'x' * 65536)"


@pytest.mark.docker
@pytest.mark.parametrize("stream", [1, 2])
def test_a_container_that_floods_is_gone_at_once(
    stream: int, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ratchet.sandbox.engine.LABEL", f"ratchet.test.flood{stream}")
    monkeypatch.setattr(
        "ratchet.sandbox.engine.runner_program", lambda: FLOOD.format(stream=stream)
    )
    monkeypatch.setattr("ratchet.sandbox.attach.FLOOD_BYTES", 16 << 20)
    channel, _ = engine.start(image_name(), policy(Limits()))
    if stream == 2:
        with pytest.raises(EOFError, match="on standard error"):
            channel.read(time.monotonic() + 30)
        assert channel.cause() == "output_overflow"
    else:
        time.sleep(0.5)  # nobody reads, and the stream is full
    start = time.monotonic()
    channel.close()
    assert time.monotonic() - start < 2
    assert engine.owners() == {}
