"""Open a sandbox backend by name."""

from importlib import import_module

from .base import Sandbox, SandboxError


def open_sandbox(name: str, workers: int = 2) -> Sandbox:
    """Open `docker`, `process`, `auto` or a dotted module with `create(workers)`.

    `auto` takes Docker wherever an engine answers, and otherwise the process backend, which warns.
    """
    if name == "auto":
        try:
            return open_sandbox("docker", workers)
        except SandboxError:
            return open_sandbox("process", workers)
    try:
        module = import_module(name if "." in name else f".{name}", __package__)
    except ModuleNotFoundError as error:
        raise SandboxError(
            f"no sandbox backend named {name!r}: use docker, process, or a module with create()"
        ) from error
    sandbox: Sandbox = module.create(workers)
    return sandbox
