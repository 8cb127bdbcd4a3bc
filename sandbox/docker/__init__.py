"""Run jobs in containers: no network, no capabilities, no writable root, nothing of the host.

A container belongs to a program, and each candidate gets a cell of its own in it, as in the
namespace backend: a fork of a warm process in fresh namespaces, with a fresh folder. Where engine
or kernel allow no namespaces within a container, it belongs to one candidate, that is, to one set
of untrusted files, and pristine ones are kept warm for the next.

The files, in reading order:

    __init__     the backend: which walls hold, and a container for each box
    walls        every setting of a container, and why
    readback     whether the engine really set them
    engine       start containers, remove them, and outlive a restart of the engine
    attach       bytes to and from a container
    lifeline     whether the engine that started a container is still there
    faults       what an engine's failures are called
    recipe       the image: its name, and when it is built or thrown away
    images       the images of an engine
    closure      the files of an image, made from the Python that runs here
"""

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

from .. import gpu
from ..base import Isolation, Job, Limits, Program, Result, SandboxError
from ..box import Box, Place
from ..owner import REAP_SECONDS, Reaper
from ..pool import Pool
from ..process import sweep
from ..selfcheck import MAKES_CELLS, Breached, check
from . import closure, recipe
from .engine import Engine
from .faults import EngineLost
from .walls import CELL, FOLDER, READABLE, policy

__all__ = ["DockerSandbox", "Engine", "build_image", "create", "prune"]

log = logging.getLogger(__name__)

RUNTIME = "RATCHET_RUNTIME"
LITTER = ("/dev/shm", "/dev/mqueue")
# A runtime with a kernel of its own filters system calls and namespaces in that kernel.
LEFT_TO_RUNTIME = ("seccomp", "namespaces")


def create(workers: int = 2, strict: bool = False) -> "DockerSandbox":
    """Open the backend for `workers` jobs at a time, building the image if it is missing.

    `strict` gives each job a container of its own. Raises SandboxError where no engine answers, or
    where an attack gets through the walls.
    """
    return DockerSandbox(Engine(), workers, strict)


def build_image(progress: Callable[[str], None], base: str = "") -> str:
    """Build the sandbox image anew, on the image `base` if one is named, and return its id.

    Raises SandboxError if the build fails.
    """
    with contextlib.closing(Engine()) as engine:
        return recipe.build(engine.images, progress, base)


def prune() -> list[str]:
    """Remove outdated sandbox images and what dead owners left; returns a sentence for each.

    Raises SandboxError where no engine answers.
    """
    with contextlib.closing(Engine()) as engine:
        notes = recipe.prune(engine.images)
        if containers := engine.reap():
            notes.append(f"removed {containers} containers of dead owners")
        if leases := gpu.sweep():
            notes.append(f"removed {leases} GPU leases of dead owners")
        sweep(Path(tempfile.gettempdir()))
    return notes


class DockerSandbox:
    """Each candidate has a cell of its own in a container, or else a container of its own."""

    name = "docker"
    isolation: Isolation = "container"

    def __init__(
        self,
        engine: Engine,
        workers: int,
        strict: bool = False,
        reap_seconds: float = REAP_SECONDS,
        cells: bool = True,
    ) -> None:
        """Find the image, remove what dead owners left, and attack the walls once from inside.

        Without `cells`, each candidate gets a container of its own also where it need not. `engine`
        is closed with the backend. Raises SandboxError if no container can be trusted.
        """
        self._engine = engine
        self._runtime = os.environ.get(RUNTIME, "")
        self.withstood: dict[str, str] = {}
        self._settings: dict[str, str] = {}
        self._probed = False
        self.cells, self.lack = cells, ""
        try:
            engine.require_runtime(self._runtime)
            engine.reap()
            self._image_name, self._image = recipe.ensure(engine.images, log.warning)
            self.withstood = self._check()
        except BaseException:
            engine.close()
            raise
        if self.cells:
            keep, spare = 4 * workers, workers if strict else 1
        else:
            keep, spare = 4 * workers + 2, 2 * workers
        self._pool = Pool(self._open, private=not self.cells, keep=keep, spare=spare, once=strict)
        temporary = Path(tempfile.gettempdir())
        self._reaper = Reaper([engine.reap, gpu.sweep, lambda: sweep(temporary)], reap_seconds)

    def run(self, job: Job) -> Result:
        """Run `job` in a cell of its own, or in the container that belongs to its files."""
        return self._pool.run(job)

    def describe(self) -> dict[str, str]:
        """Image, engine, the settings its containers really have, and the versions in them."""
        return {
            "sandbox": self.name,
            "image": self._image_name,
            "image_id": self._image,
            "engine": self._engine.version,
            "attacks_withstood": str(len(self.withstood)),
            "candidate": "a cell in a container" if self.cells else "a container of its own",
            **self._settings,
            **self._pool.versions,
        }

    def close(self) -> None:
        """Remove every container."""
        self._reaper.close()
        self._pool.close()
        self._engine.close()

    def _check(self) -> dict[str, str]:
        """Check the walls in a container that no job will see: with cells, if those can be made.

        Returns what stopped each attack.
        """
        spared = LEFT_TO_RUNTIME if self._runtime else ()
        if self.cells:
            try:
                return self._attack((*MAKES_CELLS, *spared), spared)
            except EngineLost:
                raise
            except SandboxError as error:
                if isinstance(error, Breached) and not self._runtime:
                    raise
                self.cells, self.lack = False, str(error)
                log.info("no cells in containers: %s", error)
        return self._attack(spared, spared)

    def _attack(self, outside: Collection[str], inside: Collection[str]) -> dict[str, str]:
        self._pool = Pool(self._open, private=True, keep=0)
        try:
            return check(self, outside, inside)
        finally:
            self._pool.close()
            self._settings = {}

    def _open(self, program: Program, limits: Limits) -> Box:
        leases = contextlib.ExitStack()
        try:
            devices = leases.enter_context(gpu.lease(limits.gpus))
            if devices and not self._probed:
                self._engine.probe_gpu(self._image, devices[0])
                self._probed = True
            cells = self.cells and not devices  # what a GPU keeps of a candidate is not known
            settings = policy(limits, devices, self._runtime, cells)
            arguments = [json.dumps(CELL)] if cells else []
            channel, effective = self._engine.start(self._image, settings, leases.close, *arguments)
        except BaseException:
            leases.close()
            raise
        self._settings = self._settings or effective
        if cells:
            return Box(channel, program, Place(str(CELL["folder"]), [closure.SITE], "cell", CELL))
        alone = Place(FOLDER, [closure.SITE], "filter", litter=LITTER, readable=READABLE)
        return Box(channel, program, alone)
