"""The Docker engine: its containers, and what to make of it when it goes away."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import docker
import requests
from docker.errors import DockerException, NotFound

from ..base import Limits, SandboxError
from ..gpu import GpuError
from ..inside import program as runner_program
from ..owner import LABEL, dead, owner
from .attach import AttachChannel
from .faults import EngineLost, host, translated
from .images import CALL_SECONDS, Images
from .lifeline import HELLO_SECONDS, Lifeline
from .readback import MASKED, read_back
from .walls import policy

log = logging.getLogger(__name__)

RETURN_SECONDS, POLL_SECONDS = 30.0, 0.5
PYTHON = "/usr/local/bin/python3"
OF_THE_PROCESS = ("user", "working_dir", "environment")  # not of the host's side of a container


class Engine:
    """The Docker engine this user's command line would talk to. Never pulls an image.

    `images` are those it holds, and `version` is its own.
    """

    def __init__(self, patience: float = RETURN_SECONDS) -> None:
        """Connect, or raise SandboxError; wait `patience` seconds for an engine that goes away."""
        self._patience = patience
        self._address = host()
        self._returning = threading.Lock()
        self._left: set[str] = set()
        with translated("answer"):
            self._line = Lifeline(self._address)
            self._client = docker.from_env(timeout=HELLO_SECONDS, max_pool_size=64)
        self.images = Images(self._client)
        try:
            with translated("answer"):
                self._client.ping()
                self.version = str(self._client.version()["Version"])
        except SandboxError:
            self.close()
            raise
        self._client.api.timeout = CALL_SECONDS

    def require_runtime(self, name: str) -> None:
        """Raise SandboxError if the engine has no such container runtime; "" is its default."""
        with translated("list its runtimes"):
            runtimes = sorted(self._client.info().get("Runtimes") or {}) if name else []
        if name and name not in runtimes and not name.startswith("io.containerd."):
            raise SandboxError(
                f"the Docker engine has no runtime {name!r}, only {', '.join(runtimes)}: register "
                "it in the engine's daemon.json, or unset RATCHET_RUNTIME"
            )

    def start(
        self,
        identity: str,
        settings: dict[str, Any],
        released: Callable[[], object] = lambda: None,
        *arguments: str,
    ) -> tuple[AttachChannel, dict[str, str]]:
        """Start a runner with these `arguments` in a new container of the image `identity`.

        Returns the channel to it, and the settings that the engine really gave the container.
        `released` is called once the container is gone. Waits for an engine that is away. Raises
        SandboxError if the container does not start, or not with these settings.
        """
        self._await_return()
        line = self._line
        try:
            return self._start(identity, settings, released, arguments)
        except SandboxError as error:
            if not isinstance(error, EngineLost) and not self._lost(line):
                raise
            log.warning("%s; waiting up to %.0f s for it", error, self._patience)
        self._await_return()
        return self._start(identity, settings, released, arguments)

    def probe_gpu(self, identity: str, uuid: str) -> None:
        """Raise GpuError unless a container with this GPU starts; creating one proves nothing."""
        try:
            with translated("start a container with a GPU"):
                container = self._create(identity, ["-c", ""], policy(Limits(), [uuid]))
                try:
                    container.start()
                finally:
                    self._remove(container.id)
        except EngineLost:
            raise
        except SandboxError as error:
            reason = getattr(error.__cause__, "explanation", None) or error
            raise GpuError(
                f"the Docker engine cannot hand GPU {uuid} to a container ({reason}): "
                "install the NVIDIA Container Toolkit and restart Docker"
            ) from error

    def owners(self) -> dict[str, str]:
        """The containers of ours that this engine holds: ids, with the labels of their owners."""
        with translated("list containers"):
            containers = self._client.api.containers(all=True, filters={"label": LABEL})
        return {container["Id"]: container["Labels"][LABEL] for container in containers}

    def reap(self) -> int:
        """Remove the containers of owners that have died, and ours that would not go before.

        Returns how many containers belonged to the dead.
        """
        orphans = [identity for identity, label in self.owners().items() if dead(label)]
        for identity in {*orphans, *self._left}:
            self._remove(identity)
        return len(orphans)

    def close(self) -> None:
        """Close the connections."""
        self._line.close()
        self._client.close()

    def _create(self, identity: str, arguments: list[str], settings: dict[str, Any]) -> Any:
        """A container that inherits neither environment nor command nor health check."""
        image = self._client.images.get(identity).attrs["Config"]
        names = [variable.partition("=")[0] for variable in image.get("Env") or []]
        rest = {key: value for key, value in settings.items() if key not in OF_THE_PROCESS}
        uncovered = {name: rest.pop(key) for name, (key, _) in MASKED.items() if key in rest}
        host = self._client.api.create_host_config(**rest)
        created = self._client.api.create_container(
            identity,
            entrypoint=[PYTHON, "-I", "-S", *arguments],
            stdin_open=True,
            labels={LABEL: owner()},
            healthcheck={"test": ["NONE"]},
            host_config={**host, **uncovered},
            user=settings["user"],
            working_dir=settings["working_dir"],
            environment={**dict.fromkeys(names), **settings["environment"]},
        )
        return self._client.containers.get(created["Id"])

    def _start(
        self,
        identity: str,
        settings: dict[str, Any],
        released: Callable[[], object],
        arguments: Sequence[str],
    ) -> tuple[AttachChannel, dict[str, str]]:
        line = self._line
        with translated("start a container"):
            container = self._create(identity, ["-c", runner_program(), *arguments], settings)
            try:
                stream = container.attach_socket(
                    params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
                )
            except BaseException:
                self._remove(container.id)
                raise

        def end() -> None:
            stream.close()
            self._remove(container.id)
            released()

        connection: socket.socket = getattr(stream, "_sock", stream)
        channel = AttachChannel(connection, end, lambda: self._cause(container, line))
        try:
            with translated("start a container"):
                container.start()
                container.reload()
            return channel, read_back(container.attrs, settings)
        except BaseException:
            channel.close()
            raise

    def _remove(self, identity: str) -> None:
        """Kill and remove; a container that is already gone is what we want."""
        try:
            with contextlib.closing(Lifeline(self._address)):  # the SDK leaks a refused socket
                self._client.api.remove_container(identity, force=True, v=True)
        except NotFound:
            pass
        except (DockerException, requests.RequestException, OSError) as error:
            self._left.add(identity)
            log.info("container %s is left for later: %s", identity[:12], error)
            return
        self._left.discard(identity)

    def _cause(self, container: Any, line: Lifeline) -> str:
        """Why a container ended: "oom", "engine" if that one failed, "" for anything else."""
        if self._lost(line):
            return "engine"
        try:
            container.wait(timeout=2)
            container.reload()
        except NotFound:
            return "engine"  # nobody in a container can remove it
        except (DockerException, requests.RequestException):
            return "engine" if self._lost(line) else ""
        return "oom" if container.attrs["State"]["OOMKilled"] else ""

    def _lost(self, line: Lifeline) -> bool:
        """Whether the engine that took `line` is gone or going.

        One that shuts down still answers old connections while it stops its containers, so what
        counts is a new one.
        """
        try:
            with contextlib.closing(Lifeline(self._address)), translated("answer"):
                self._client.ping()
        except (SandboxError, OSError):
            return True
        return line.broken()

    def _await_return(self) -> None:
        """Wait for an engine that went away, as one that is restarted or upgraded does."""
        give_up = time.monotonic() + self._patience
        with self._returning:
            while self._line.broken():
                try:
                    with translated("answer"):
                        line = Lifeline(self._address)
                    self._line.close()
                    self._line = line
                except SandboxError:
                    if time.monotonic() >= give_up:
                        raise
                    time.sleep(POLL_SECONDS)
