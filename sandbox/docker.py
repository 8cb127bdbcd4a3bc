"""Run jobs in containers: no network, no capabilities, no writable root, nothing of the host.

A container belongs to one candidate, that is, to one set of untrusted files; inside it each job is
a fork of a warm process. A pristine container is kept warm for the next candidate.
"""

import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import docker
import requests
from docker.constants import DEFAULT_UNIX_SOCKET
from docker.context import ContextAPI
from docker.errors import APIError, BuildError, DockerException, ImageNotFound, NotFound

from . import recipe
from .attach import AttachChannel
from .base import Isolation, Job, Limits, Program, Result, SandboxError
from .box import Box
from .owner import LABEL, dead, owner
from .pool import Pool
from .process import SINGLE_THREAD, runner_source
from .walls import FOLDER, policy, read_back

log = logging.getLogger(__name__)

HELLO_SECONDS, CALL_SECONDS, BUILD_SECONDS = 5, 60, 900
ENVIRONMENT = {"HOME": FOLDER, "TMPDIR": FOLDER, "LANG": "C.UTF-8", **SINGLE_THREAD}


def create(workers: int = 2) -> "DockerSandbox":
    """Open the backend for `workers` jobs at a time, building the image if it is missing."""
    return DockerSandbox(Engine(), workers)


def build_image(progress: Callable[[str], None]) -> str:
    """Build the sandbox image anew and return its id."""
    with contextlib.closing(Engine()) as engine:
        return recipe.build(engine, progress)


class DockerSandbox:
    """Each candidate has a container of its own, and each job a fork of the process in it."""

    name = "docker"
    isolation: Isolation = "container"

    def __init__(self, engine: "Engine", workers: int) -> None:
        """Find the image and remove what dead owners left; containers open with the first job."""
        self._engine = engine
        try:
            engine.reap()
            self._image = recipe.ensure(engine, log.warning)
        except BaseException:
            engine.close()
            raise
        self._settings: dict[str, str] = {}
        self._pool = Pool(self._open, private=True, keep=2 * workers + 2, spare=workers)

    def run(self, job: Job) -> Result:
        """Run `job` in the container that belongs to its files."""
        return self._pool.run(job)

    def describe(self) -> dict[str, str]:
        """Image, engine, the settings its containers really have, and the versions in them."""
        return {
            "sandbox": self.name,
            "image": recipe.image_name(),
            "image_id": self._image,
            "engine": self._engine.version,
            **self._settings,
            **self._pool.versions,
        }

    def close(self) -> None:
        """Remove every container."""
        self._pool.close()
        self._engine.close()

    def _open(self, program: Program, limits: Limits) -> Box:
        channel, effective = self._engine.start(self._image, policy(limits))
        self._settings = self._settings or effective
        return Box(channel, program, FOLDER, path=[recipe.SITE], alone=True)


class Engine:
    """The Docker engine this user's command line would talk to. Never pulls an image."""

    def __init__(self) -> None:
        """Connect; raises SandboxError if no engine answers."""
        with translated("answer"):
            knock(host())
            self._client = docker.from_env(timeout=HELLO_SECONDS, max_pool_size=64)
        try:
            with translated("answer"):
                self._client.ping()
                self.version = str(self._client.version()["Version"])
        except SandboxError:
            self.close()
            raise
        self._client.api.timeout = CALL_SECONDS

    def find(self, name: str) -> str:
        """The id of an image this engine holds, or nothing."""
        with translated("look for an image"):
            try:
                return str(self._client.images.get(name).id)
            except ImageNotFound:
                return ""

    def load(self, tree: Iterator[bytes], name: str, settings: tuple[str, ...]) -> str:
        """Make an image of a tar stream and return its id."""
        repository, tag = name.split(":")
        self._client.api.timeout = BUILD_SECONDS
        with translated("import the sandbox image"):
            self._client.api.import_image(
                tree, repository, tag, changes=[*settings], stream_src=True
            )
        self._client.api.timeout = CALL_SECONDS
        return self.find(name)

    def make(self, folder: str, name: str, arguments: dict[str, str]) -> str:
        """Build the Dockerfile in `folder` and return the image's id."""
        self._client.api.timeout = BUILD_SECONDS
        with translated("build the sandbox image"):
            self._client.images.build(
                path=folder, tag=name, buildargs=arguments, rm=True, forcerm=True
            )
        self._client.api.timeout = CALL_SECONDS
        return self.find(name)

    def start(
        self, identity: str, settings: dict[str, Any]
    ) -> tuple[AttachChannel, dict[str, str]]:
        """Start a runner in a new container; its channel, and the settings read back."""
        command = ["/usr/local/bin/python3", "-I", "-c", runner_source()]
        with translated("start a container"):
            container = self._client.containers.create(
                identity,
                command,
                stdin_open=True,
                working_dir=FOLDER,
                environment=ENVIRONMENT,
                labels={LABEL: owner()},
                **settings,
            )
            try:
                stream = container.attach_socket(
                    params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
                )
            except BaseException:
                remove(self._client, container.id)
                raise

        def end() -> None:
            stream.close()
            remove(self._client, container.id)

        connection: socket.socket = getattr(stream, "_sock", stream)
        channel = AttachChannel(connection, end, lambda: cause(container))
        try:
            with translated("start a container"):
                container.start()
                container.reload()
            return channel, read_back(container.attrs)
        except BaseException:
            channel.close()
            raise

    def owners(self) -> dict[str, str]:
        """Every container of ours this engine holds, and who owns it."""
        with translated("list containers"):
            found = self._client.api.containers(all=True, filters={"label": LABEL})
        return {each["Id"]: each["Labels"][LABEL] for each in found}

    def reap(self) -> int:
        """Remove the containers of owners that have died; returns how many."""
        orphans = [identity for identity, label in self.owners().items() if dead(label)]
        for identity in orphans:
            remove(self._client, identity)
        return len(orphans)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def remove(client: Any, identity: str) -> None:
    """Kill and remove; a container that is already gone is what we want."""
    try:
        client.api.remove_container(identity, force=True, v=True)
    except NotFound:
        return
    except (DockerException, requests.RequestException) as error:
        log.warning("container %s is left behind: %s", identity[:12], error)


def cause(container: Any) -> str:
    """Why a container ended, if it was for want of memory."""
    try:
        container.wait(timeout=2)
        container.reload()
    except (DockerException, requests.RequestException):
        return ""
    return "oom" if container.attrs["State"]["OOMKilled"] else ""


def host() -> str:
    """Where the engine is expected: DOCKER_HOST, the current context, or the usual socket."""
    named = os.environ.get("DOCKER_HOST") or ContextAPI.kwargs_from_context().get("base_url")
    return str(named or DEFAULT_UNIX_SOCKET)


def knock(address: str) -> None:
    """Raise OSError at once if nobody listens on a Unix socket; the SDK would leave it open."""
    if path := address.partition("unix://")[2]:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(HELLO_SECONDS)
            probe.connect(path)


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn every failure of the engine into one SandboxError with its cause and its mend."""
    try:
        yield
    except ImageNotFound as error:
        raise SandboxError("the sandbox image is missing: run `ratchet sandbox build`") from error
    except (APIError, BuildError) as error:
        said = getattr(error, "explanation", None) or error
        raise SandboxError(
            f"the Docker engine could not {doing}: {said}. See its log, or use --sandbox process"
        ) from error
    except (DockerException, requests.RequestException, OSError) as error:
        if "Permission denied" in str(error):
            mend = "add yourself to the `docker` group and log in again"
        else:
            mend = "start Docker, or use --sandbox process"
        raise SandboxError(f"no Docker engine answers at {host()}: {mend}") from error
