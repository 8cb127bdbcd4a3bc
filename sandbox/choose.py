"""Open a sandbox backend by name. Nothing runs without isolation unless someone says so."""

import logging
from importlib import import_module
from types import ModuleType

from .base import Sandbox, SandboxError
from .selfcheck import check

log = logging.getLogger(__name__)

ISOLATED = ("docker", "namespace")  # what `auto` tries, in this order
CONSENT = "--accept-unisolated (or RATCHET_ACCEPT_UNISOLATED=1)"


def open_sandbox(
    name: str, workers: int = 2, *, accept_unisolated: bool = False, strict: bool = False
) -> Sandbox:
    """Open `docker`, `namespace`, `process`, `auto` or a dotted module with `create(workers)`.

    `auto` takes the first backend that isolates and passes its own check. If that one needs a new
    container for each candidate, which takes about a second, `auto` looks for a faster one. A
    backend that does not isolate is opened only by name and with `accept_unisolated`. `strict`
    shares nothing between two jobs. Raises SandboxError, with the mend, where none can be opened.
    """
    if name == "auto":
        return _automatic(workers, strict)
    sandbox = _create(name, workers, strict)
    if sandbox.isolation == "none" and not accept_unisolated:
        sandbox.close()
        raise SandboxError(
            f"the {name} sandbox does not isolate, so a candidate could read your files, use your "
            f"network and write its own scores: use docker or namespace, or add {CONSENT} to run "
            f"there all the same, with results marked unvalidated"
        )
    return sandbox


def _automatic(workers: int, strict: bool) -> Sandbox:
    reasons: list[str] = []
    slow: Sandbox | None = None
    for name in ISOLATED:
        try:
            sandbox = open_sandbox(name, workers, strict=strict)
        except SandboxError as error:
            reasons.append(f"{name}: {str(error).rstrip('.')}")
            continue
        if slow is not None:
            slow.close()
            lack = getattr(slow, "lack", "")
            log.warning(
                "taking the %s sandbox, which withstood the same attacks: here %s needs a new "
                "container, about a second, for each candidate (%s)",
                *(sandbox.name, slow.name, lack.splitlines()[-1][-200:] if lack else "no cells"),
            )
        elif not getattr(sandbox, "cells", True):
            slow = sandbox
            continue
        return sandbox
    if slow is not None:
        return slow
    raise SandboxError(
        f"no sandbox that isolates works here ({'; '.join(reasons)}): install Docker (apt install "
        f"docker.io) and start it, or allow user namespaces (sysctl -w "
        f"kernel.unprivileged_userns_clone=1, and where AppArmor restricts them "
        f"kernel.apparmor_restrict_unprivileged_userns=0), or run the evolver's audited edits "
        f"without isolation with `--sandbox process --accept-unisolated`"
    )


def _create(name: str, workers: int, strict: bool) -> Sandbox:
    module = _backend(name)
    sandbox: Sandbox
    # Only backends that isolate need to know of `strict`; one of somebody else's may not.
    sandbox = module.create(workers, strict=True) if strict else module.create(workers)
    if name in ISOLATED:
        try:
            check(sandbox)
        except BaseException:
            sandbox.close()
            raise
    return sandbox


def _backend(name: str) -> ModuleType:
    path = name if "." in name else f"{__package__}.{name}"
    try:
        module = import_module(path)
    except ModuleNotFoundError as error:
        if not path.startswith(str(error.name)):
            raise  # the backend is there, and something it needs is not
        if name in ISOLATED:
            raise SandboxError(f"there is no {name} sandbox on this platform") from None
        module = None
    if module is None or not hasattr(module, "create"):
        raise SandboxError(
            f"no sandbox backend named {name!r}: use docker, namespace, process, or a module with "
            f"create()"
        )
    return module
