"""The images that a Docker engine holds."""

import contextlib
from collections.abc import Iterator
from typing import Any

import requests
from docker.errors import DockerException, ImageNotFound

from .faults import translated

CALL_SECONDS, BUILD_SECONDS = 60, 900
BUILT = "ratchet.sandbox"


class Images:
    """The images of one engine. Never pulls.

    All methods but `discard` raise SandboxError where the engine fails.
    """

    def __init__(self, client: Any) -> None:
        """Use `client`, a `docker.DockerClient`, and leave it open."""
        self._client = client

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
            images = self._client.images.list(repository)
        names = [str(name) for image in images for name in image.tags]
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
