"""An engine that ends, shuts down or comes back is told apart from a container that ends."""

import contextlib
import json
import os
import re
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from ratchet.sandbox import Limits, SandboxError
from ratchet.sandbox.docker import Engine
from ratchet.sandbox.docker.attach import AttachChannel
from ratchet.sandbox.docker.walls import policy

CONFINED = {
    "MaskedPaths": ["/proc/kcore"],
    "ReadonlyPaths": ["/proc/sys"],
}


class Daemon(socketserver.ThreadingUnixStreamServer):
    """As much of an engine as starting a container needs, on a Unix socket."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, path: str, containers: dict[str, Any]) -> None:
        self.containers, self.path = containers, path
        self.open: set[socket.socket] = set()
        self.streams: list[socket.socket] = []
        super().__init__(path, Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def stop_listening(self) -> None:
        self.shutdown()
        self.server_close()
        os.unlink(self.path)

    def die(self) -> None:
        self.stop_listening()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: object) -> None:
        pass  # a connection that `die` has cut

    def end_streams(self) -> None:
        for stream in self.streams:
            stream.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Daemon

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.server.open.discard(self.connection)

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, code: int, record: object = None) -> None:
        body = b"" if record is None else json.dumps(record).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hold(self, code: int) -> None:
        self.send_response(code)
        self.end_headers()
        if code == 101:
            self.server.streams.append(self.connection)
        while self.connection.recv(1 << 16):
            pass
        self.close_connection = True

    def do_GET(self) -> None:
        what = re.sub(r"^/v[\d.]+", "", self.path).partition("?")[0].strip("/")
        if what == "_ping":
            self.answer(200, "OK")
        elif what == "version":
            self.answer(200, {"Version": "fake", "ApiVersion": "1.41"})
        elif what == "events":
            self.hold(200)
        elif what.startswith("images/"):
            self.answer(200, {"Id": "sha256:1", "Config": {"Env": ["SECRET=1"]}})
        elif what == "containers/json":
            found = [{"Id": each, "Labels": {}} for each in self.server.containers]
            self.answer(200, [each for each in found if each["Labels"]])
        elif (name := what.split("/")[1]) in self.server.containers:
            self.answer(200, self.server.containers[name])
        else:
            self.answer(404, {"message": f"no such container {name}"})

    def do_POST(self) -> None:
        what = re.sub(r"^/v[\d.]+", "", self.path).partition("?")[0].strip("/")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if what == "containers/create":
            asked = json.loads(body)
            name = f"c{len(self.server.containers)}"
            self.server.containers[name] = {
                "Id": name,
                "HostConfig": asked["HostConfig"] | CONFINED,
                "Config": {key: asked[key] for key in ("User", "WorkingDir", "Env")},
                "NetworkSettings": {"Networks": {"none": {}}},
                "State": {"OOMKilled": False},
            }
            self.answer(201, {"Id": name})
        elif what.endswith("attach"):
            self.hold(101)
        elif what.endswith("wait"):
            self.answer(200, {"StatusCode": 137})
        else:
            self.answer(204)

    def do_DELETE(self) -> None:
        name = self.path.partition("?")[0].rpartition("/")[2]
        self.server.containers.pop(name, None)
        self.answer(204)


class Machine:
    """An engine that can die and come back, with the containers it left."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.containers: dict[str, Any] = {}
        self.daemon = Daemon(path, self.containers)

    def return_after(self, seconds: float) -> None:
        def start() -> None:
            self.daemon = Daemon(self.path, self.containers)

        threading.Timer(seconds, start).start()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    machine = Machine(str(tmp_path / "s"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{machine.path}")
    yield machine
    with contextlib.suppress(OSError):
        machine.daemon.die()


def opened(engine: Engine) -> AttachChannel:
    return engine.start("sha256:1", policy(Limits()))[0]


def end(channel: AttachChannel) -> str:
    with pytest.raises(EOFError):
        channel.read(time.monotonic() + 5)
    return channel.cause()


def test_a_container_that_ends_is_not_blamed_on_the_engine(machine: Machine) -> None:
    with closing(Engine()) as engine, closing(opened(engine)) as channel:
        machine.daemon.end_streams()
        assert end(channel) == ""
        machine.containers["c0"]["State"]["OOMKilled"] = True
        assert channel.cause() == "oom"
        machine.containers.clear()
        assert channel.cause() == "engine"


def test_an_engine_that_died_is_blamed(machine: Machine) -> None:
    with closing(Engine(patience=0)) as engine, closing(opened(engine)) as channel:
        machine.daemon.die()
        assert end(channel) == "engine"


def test_an_engine_that_is_back_is_still_blamed_for_what_it_ended(machine: Machine) -> None:
    with closing(Engine()) as engine, closing(opened(engine)) as before:
        machine.daemon.die()
        machine.return_after(0)
        with closing(opened(engine)) as after:
            assert end(before) == "engine"
            machine.daemon.end_streams()
            assert end(after) == ""


def test_an_engine_that_shuts_down_is_blamed_though_it_answers_old_connections(
    machine: Machine,
) -> None:
    with closing(Engine(patience=0)) as engine, closing(opened(engine)) as channel:
        machine.daemon.stop_listening()
        machine.daemon.end_streams()
        assert end(channel) == "engine"


def test_a_start_waits_for_an_engine_that_is_restarted(machine: Machine) -> None:
    with closing(Engine()) as engine:
        machine.daemon.die()
        machine.return_after(1.0)
        with closing(opened(engine)):
            assert list(machine.containers) == ["c0"]
        assert not machine.containers


def test_a_start_gives_up_on_an_engine_that_stays_away(machine: Machine) -> None:
    with closing(Engine(patience=0.5)) as engine:
        machine.daemon.die()
        start = time.monotonic()
        with pytest.raises(SandboxError, match=r"no Docker engine answers at unix://.*: start Doc"):
            opened(engine)
        assert 0.4 < time.monotonic() - start < 5


def test_a_container_that_could_not_be_removed_goes_with_the_next_sweep(machine: Machine) -> None:
    with closing(Engine()) as engine:
        channel = opened(engine)
        machine.daemon.die()
        channel.close()
        assert list(machine.containers) == ["c0"]
        machine.return_after(0)
        channel = opened(engine)
        engine.reap()
        assert list(machine.containers) == ["c1"]
        channel.close()


def test_what_the_image_sets_is_taken_out_of_the_environment(machine: Machine) -> None:
    with closing(Engine()) as engine, closing(opened(engine)):
        assert "SECRET" in machine.containers["c0"]["Config"]["Env"]


def test_a_flood_of_standard_error_ends_the_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ratchet.sandbox.docker.attach.FLOOD_BYTES", 1 << 20)
    ours, theirs = socket.socketpair()
    channel = AttachChannel(ours, lambda: None, lambda: "")

    def flood() -> None:
        with theirs, contextlib.suppress(OSError):
            while True:
                theirs.sendall(b"\2\0\0\0\0\0\xff\xff" + b"x" * 0xFFFF)

    threading.Thread(target=flood, daemon=True).start()
    with closing(channel):
        with pytest.raises(EOFError, match="more than 1 MiB"):
            channel.read(time.monotonic() + 10)
        assert channel.cause() == "output_overflow"
        assert len(channel.log()) == 64 << 10
