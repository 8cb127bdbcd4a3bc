"""The failures of a Docker engine, each told in one sentence with its cause and its mend."""

import contextlib
import os
from collections.abc import Iterator

import requests
from docker.constants import DEFAULT_UNIX_SOCKET
from docker.context import ContextAPI
from docker.errors import APIError, BuildError, DockerException, ImageNotFound

from ..base import SandboxError


class EngineLost(SandboxError):
    """No engine answers, or the one that did has ended."""


def host() -> str:
    """The address of the engine: DOCKER_HOST, the current context's, or the usual socket."""
    named = os.environ.get("DOCKER_HOST") or ContextAPI.kwargs_from_context().get("base_url")
    return str(named or DEFAULT_UNIX_SOCKET)


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise SandboxError, with cause and mend, for every failure of the engine in this context.

    `doing` says what the engine was to do. EngineLost is raised where no engine answers.
    """
    try:
        yield
    except ImageNotFound as error:
        raise SandboxError("the sandbox image is missing: run `ratchet sandbox build`") from error
    except (APIError, BuildError) as error:
        reason = getattr(error, "explanation", None) or error
        raise SandboxError(
            f"the Docker engine could not {doing}: {reason}. See its log, or use --sandbox process"
        ) from error
    except (DockerException, requests.RequestException, OSError) as error:
        if "Permission denied" in str(error):
            mend = "add yourself to the `docker` group and log in again"
        else:
            mend = "start Docker, or use --sandbox process"
        raise EngineLost(f"no Docker engine answers at {host()}: {mend}") from error
