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
from ratchet.sandbox.docker import DockerSandbox, Engine
from ratchet.sandbox.docker.readback import read_back
from ratchet.sandbox.docker.recipe import image_name
from ratchet.sandbox.docker.walls import ENVIRONMENT, FOLDER, policy
from ratchet.sandbox.probes import ATTACKS
from ratchet.sandbox.profile import profile
from ratchet.sandbox.selfcheck import MAKES_CELLS, TRUSTED, attacks, check

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
        "PidsLimit": 74,
        "Memory": 2560 << 20,
        "MemorySwap": 2560 << 20,
        "NanoCpus": 1_000_000_000,
        "Ulimits": SETTINGS["ulimits"][::-1],
        "IpcMode": "private",
        "ShmSize": 16 << 20,
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
        ("HostConfig.Init", True),
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


class Opened:
    """A backend that opens, of which a container holds one candidate or a cell for each."""

    def __init__(self, name: str, cells: bool = True) -> None:
        self.name, self.cells, self.lack, self.closed = name, cells, "mounting: refused", False
        self.isolation = "container"

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("cells", "namespaces", "taken"),
    [(True, True, "docker"), (False, True, "namespace"), (False, False, "docker")],
)
def test_auto_takes_the_faster_of_two_backends_of_equal_strength(
    cells: bool,
    namespaces: bool,
    taken: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made: dict[str, Opened] = {}

    def create(name: str, workers: int, strict: bool) -> Opened:
        if name == "namespace" and not namespaces:
            raise SandboxError("this kernel makes none")
        return made.setdefault(name, Opened(name, cells or name != "docker"))

    monkeypatch.setattr("ratchet.sandbox.choose._create", create)
    assert open_sandbox("auto").name == taken
    assert [name for name, backend in made.items() if not backend.closed] == [taken]
    lines = [line for line in caplog.messages if "taking the namespace sandbox" in line]
    assert len(lines) == (taken == "namespace")
    assert all("mounting: refused" in line for line in lines)


CELLS = policy(Limits(), cells=True)


def test_a_container_with_cells_has_our_filter_and_an_uncovered_proc_and_nothing_else() -> None:
    host = ATTRIBUTES["HostConfig"] | {
        "SecurityOpt": CELLS["security_opt"],
        "MaskedPaths": [],
        "ReadonlyPaths": [],
        "DeviceRequests": None,
        "Runtime": "runc",
    }
    config = ATTRIBUTES["Config"] | {"Env": [f"{k}={v}" for k, v in CELLS["environment"].items()]}
    attributes = ATTRIBUTES | {"HostConfig": host, "Config": config}
    told = read_back(attributes, CELLS)["docker.SecurityOpt"]
    assert "no-new-privileges" in told
    assert "seccomp=sha256:" in told
    for name, value in (
        ("SecurityOpt", ["no-new-privileges"]),
        ("SecurityOpt", [*CELLS["security_opt"], "apparmor=unconfined"]),
        ("MaskedPaths", ["/proc/kcore"]),
        ("ReadonlyPaths", ["/proc/sys"]),
    ):
        with pytest.raises(SandboxError, match=f"setting {name} = "):
            read_back(attributes | {"HostConfig": host | {name: value}}, CELLS)


def test_our_filter_leaves_a_container_no_call_that_reaches_into_the_kernel_or_others() -> None:
    allowed, fixed = json.loads(profile())["syscalls"]
    assert fixed["names"] == ["personality"]  # which may ask for fixed addresses, and nothing else
    assert [(rule["value"], rule["op"]) for rule in fixed["args"]] == [(0x40000, "SCMP_CMP_EQ")]
    for name in (
        *("ptrace", "process_vm_readv", "pidfd_getfd", "setns", "bpf", "io_uring_setup", "keyctl"),
        *("perf_event_open", "userfaultfd", "init_module", "kexec_load", "open_by_handle_at"),
        *("add_key", "shmget", "msgget", "semget", "mq_open", "reboot", "swapon", "quotactl"),
    ):
        assert name not in allowed["names"]


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


def withstood(cells: bool) -> set[str]:
    outside = {*ATTACKS} - {*TRUSTED} - ({*MAKES_CELLS} if cells else set())
    return {*outside, *(f"candidate's {name}" for name in ATTACKS)}


@pytest.mark.docker
@pytest.mark.parametrize("cells", [True, False])
def test_containers_withstand_every_attack(engine: Engine, cells: bool) -> None:
    with closing(DockerSandbox(Engine(), 1, cells=cells)) as backend:
        if cells and not backend.cells:
            pytest.skip(f"no cells in containers here: {backend.lack}")
        assert backend.cells == cells
        assert set(check(backend)) == withstood(cells)
        told = backend.describe()
        assert told["attacks_withstood"] == str(len(withstood(cells)))
        assert told["candidate"] == ("a cell in a container" if cells else "a container of its own")


WEAK: dict[str, dict[str, Any]] = {
    "network": {"network_mode": "bridge"},
    "root": {"read_only": False, "user": "0:0", "cap_drop": []},
    "settings": {"user": "0:0", "readonly_paths": [], "masked_paths": []},
    "capabilities": {"user": "0:0", "cap_drop": []},
    "privileges": {"security_opt": []},
    "seccomp": {"security_opt": ["no-new-privileges", "seccomp=unconfined"]},
    "identity": {"user": "10001:0"},
    "namespaces": {"user": "0:0", "cap_drop": [], "cap_add": ["SYS_ADMIN"]},
    "processes": {"pids_limit": 1000},
    "disk": {"tmpfs": {FOLDER: "size=1g,mode=0700,uid=10001,gid=10001"}},
    "environment": {"environment": {**ENVIRONMENT, "API_KEY": "1"}},
    "neighbours": {},
    "reach": {},
    "engine": {"binds": {"/etc/hostname": {"bind": "/run/docker.sock", "mode": "ro"}}},
}


@pytest.mark.docker
@pytest.mark.parametrize("attack", sorted(WEAK))
def test_each_attack_gets_through_where_its_wall_is_missing(
    attack: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = files("ratchet.sandbox.inside").joinpath("boot.py").read_text()
    sources = {
        name.removesuffix(".py").replace("/", "."): data.decode()
        for name, data in attacks().files.items()
    }
    others = sorted(set(ATTACKS) - {attack})
    program = (
        f"{boot}\nMemory({sources!r}).install()\n"
        "import json, os\nfrom attacks.attacker import attack_all, stranger\n"
        f"with stranger(): os.write(1, json.dumps(attack_all({others})).encode())"
    )
    monkeypatch.setattr("ratchet.sandbox.docker.engine.runner_program", lambda: program)
    monkeypatch.setattr("ratchet.sandbox.docker.engine.read_back", lambda *_: {})
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
    monkeypatch.setattr("ratchet.sandbox.docker.engine.LABEL", f"ratchet.test.flood{stream}")
    monkeypatch.setattr(
        "ratchet.sandbox.docker.engine.runner_program", lambda: FLOOD.format(stream=stream)
    )
    monkeypatch.setattr("ratchet.sandbox.docker.attach.FLOOD_BYTES", 16 << 20)
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
