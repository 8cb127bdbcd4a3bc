"""Open a sandbox backend by name."""

import logging
from importlib import import_module

from .base import Sandbox, SandboxError

log = logging.getLogger(__name__)


def open_sandbox(name: str, workers: int = 2) -> Sandbox:
    """Open `docker`, `process`, `auto` or a dotted module with `create(workers)`.

    `auto` takes Docker wherever an engine answers, and otherwise the process backend, which warns.
    """
    if name == "auto":
        try:
            return open_sandbox("docker", workers)
        except SandboxError as error:
            log.warning("%s; going on with the process sandbox", error)
            return open_sandbox("process", workers)
    path = name if "." in name else f"{__package__}.{name}"
    try:
        module = import_module(path)
    except ModuleNotFoundError as error:
        if not path.startswith(str(error.name)):
            raise  # the backend is there, and something it needs is not
        module = None
    if module is None or not hasattr(module, "create"):
        raise SandboxError(
            f"no sandbox backend named {name!r}: use docker, process, or a module with create()"
        )
    sandbox: Sandbox = module.create(workers)
    return sandbox
