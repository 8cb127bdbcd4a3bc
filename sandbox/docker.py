"""Run jobs in containers: no network, no capabilities, no writable root, nothing of the host.

A container belongs to one candidate, that is, to one set of untrusted files; inside it each job is
a fork of a warm process. A pristine container is kept warm for the next candidate.
"""

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import closure, gpu, recipe
from .base import Isolation, Job, Limits, Program, Result
from .box import Box, Place
from .engine import Engine
from .owner import REAP_SECONDS, Reaper
from .pool import Pool
from .process import sweep
from .selfcheck import check
from .walls import FOLDER, policy

__all__ = ["DockerSandbox", "Engine", "build_image", "create", "prune"]

log = logging.getLogger(__name__)

RUNTIME = "RATCHET_RUNTIME"
LITTER = ("/dev/shm", "/dev/mqueue")
# A runtime with a kernel of its own filters system calls and namespaces in that kernel.
LEFT_TO_RUNTIME = ("seccomp", "namespaces")


def create(workers: int = 2, strict: bool = False) -> "DockerSandbox":
    """Open the backend for `workers` jobs at a time, building the image if it is missing.

    `strict` gives each job a container of its own.
    """
    return DockerSandbox(Engine(), workers, strict)


def build_image(progress: Callable[[str], None], base: str = "") -> str:
    """Build the sandbox image anew, on the image `base` if one is named, and return its id."""
    with contextlib.closing(Engine()) as engine:
        return recipe.build(engine, progress, base)


def prune() -> list[str]:
    """Remove outdated sandbox images and what dead owners left; returns what, in words."""
    with contextlib.closing(Engine()) as engine:
        told = recipe.prune(engine)
        for what, removed in (
            ("containers", engine.reap()),
            ("GPU leases", gpu.sweep()),
        ):
            told += [f"removed {removed} {what} of dead owners"] if removed else []
        sweep(Path(tempfile.gettempdir()))
    return told


class DockerSandbox:
    """Each candidate has a container of its own, and each job a fork of the process in it."""

    name = "docker"
    isolation: Isolation = "container"

    def __init__(
        self,
        engine: Engine,
        workers: int,
        strict: bool = False,
        reap_seconds: float = REAP_SECONDS,
    ) -> None:
        """Find the image, remove what dead owners left, and attack the walls once from inside."""
        self._engine = engine
        self._runtime = os.environ.get(RUNTIME, "")
        self.withstood: dict[str, str] = {}
        self._settings: dict[str, str] = {}
        self._probed = False
        try:
            engine.require_runtime(self._runtime)
            engine.reap()
            self._image_name, self._image = recipe.ensure(engine, log.warning)
            self.withstood = self._check()
        except BaseException:
            engine.close()
            raise
        self._pool = Pool(
            self._open, private=True, keep=2 * workers + 2, spare=workers, once=strict
        )
        temporary = Path(tempfile.gettempdir())
        self._reaper = Reaper([engine.reap, gpu.sweep, lambda: sweep(temporary)], reap_seconds)

    def run(self, job: Job) -> Result:
        """Run `job` in the container that belongs to its files."""
        return self._pool.run(job)

    def describe(self) -> dict[str, str]:
        """Image, engine, the settings its containers really have, and the versions in them."""
        return {
            "sandbox": self.name,
            "image": self._image_name,
            "image_id": self._image,
            "engine": self._engine.version,
            "attacks_withstood": str(len(self.withstood)),
            **self._settings,
            **self._pool.versions,
        }

    def close(self) -> None:
        """Remove every container."""
        self._reaper.close()
        self._pool.close()
        self._engine.close()

    def _check(self) -> dict[str, str]:
        """Check the walls in a container that no job will see."""
        self._pool = Pool(self._open, private=True, keep=0)
        try:
            spared = LEFT_TO_RUNTIME if self._runtime else ()
            return check(self, spared, spared)
        finally:
            self._pool.close()
            self._settings = {}

    def _open(self, program: Program, limits: Limits) -> Box:
        lent = contextlib.ExitStack()
        try:
            devices = lent.enter_context(gpu.lease(limits.gpus))
            if devices and not self._probed:
                self._engine.probe_gpu(self._image, devices[0])
                self._probed = True
            settings = policy(limits, devices, self._runtime)
            channel, effective = self._engine.start(self._image, settings, lent.close)
        except BaseException:
            lent.close()
            raise
        self._settings = self._settings or effective
        return Box(channel, program, Place(FOLDER, [closure.SITE], "filter", litter=LITTER))
