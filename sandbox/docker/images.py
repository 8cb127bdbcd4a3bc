"""The images a Docker engine holds, and its failures in one sentence each."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import requests
from docker.constants import DEFAULT_UNIX_SOCKET
from docker.context import ContextAPI
from docker.errors import APIError, BuildError, DockerException, ImageNotFound

from ..base import SandboxError

CALL_SECONDS, BUILD_SECONDS = 60, 900
BUILT = "ratchet.sandbox"


class EngineLost(SandboxError):
    """No engine answers, or the one that did has ended."""


class Images:
    """What the recipe needs from an engine. Never pulls."""

    _client: Any

    def find(self, name: str) -> str:
        """The id of an image this engine holds, or nothing."""
        with translated("look for an image"):
            try:
                return str(self._client.images.get(name).id)
            except ImageNotFound:
                return ""

    def names(self, repository: str) -> list[str]:
        """The names of the images of a repository."""
        with translated("list images"):
            found = self._client.images.list(repository)
        names = [str(name) for image in found for name in image.tags]
        return sorted(name for name in names if name.startswith(f"{repository}:"))

    def discard(self, name: str) -> str:
        """Remove an image unless it is in use; returns why it stays, or nothing."""
        try:
            self._client.images.remove(name)
        except ImageNotFound:
            return ""
        except (DockerException, requests.RequestException) as error:
            return str(getattr(error, "explanation", None) or error)
        return ""

    def load(self, tree: Iterator[bytes], name: str, settings: tuple[str, ...]) -> str:
        """Make an image of a tar stream and return its id."""
        repository, tag = name.split(":")
        with self._slowly(), translated("import the sandbox image"):
            self._client.api.import_image(
                tree, repository, tag, changes=[*settings], stream_src=True
            )
        return self.find(name)

    def make(self, folder: str, name: str, arguments: dict[str, str]) -> str:
        """Build the Dockerfile in `folder` and return the image's id."""
        with self._slowly(), translated("build the sandbox image"):
            self._client.images.build(
                path=folder, tag=name, buildargs=arguments, rm=True, forcerm=True
            )
            self._client.images.prune({"dangling": True, "label": BUILT})  # the stages before
        return self.find(name)

    @contextlib.contextmanager
    def _slowly(self) -> Iterator[None]:
        self._client.api.timeout = BUILD_SECONDS
        try:
            yield
        finally:
            self._client.api.timeout = CALL_SECONDS


def host() -> str:
    """Where the engine is expected: DOCKER_HOST, the current context, or the usual socket."""
    named = os.environ.get("DOCKER_HOST") or ContextAPI.kwargs_from_context().get("base_url")
    return str(named or DEFAULT_UNIX_SOCKET)


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
        raise EngineLost(f"no Docker engine answers at {host()}: {mend}") from error
