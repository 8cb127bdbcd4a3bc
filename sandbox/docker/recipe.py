"""The container image: how it is named, found, made and thrown away. Never from a registry.

On Linux it is made of the Python that runs Ratchet, without a network. Given a base image, and on
other systems, `image/Dockerfile` puts torch on top of that base.
"""

import functools
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Protocol

from ..base import SandboxError
from . import closure
from .closure import PACKAGES, USER

REPOSITORY = "ratchet-sandbox"
BASE = "RATCHET_BASE"
CONTEXT = Path(__file__).with_name("image")
PIP_SETTINGS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX")
TORCH_INDEX = "https://download.pytorch.org/whl/"
SETTINGS = (
    "ENV PATH=/usr/local/bin",
    "ENV LD_LIBRARY_PATH=/usr/local/lib",
    f"USER {USER}:{USER}",
)


class BaseMissing(SandboxError):
    """The engine does not hold the base image, and Ratchet pulls none by itself."""


class Store(Protocol):
    """The images of an engine; see `images.Images`."""

    def find(self, name: str) -> str:
        """The id of an image this engine holds, or nothing."""
        ...

    def load(self, tree: Iterator[bytes], name: str, settings: tuple[str, ...]) -> str:
        """Make an image of a tar stream and return its id."""
        ...

    def make(self, folder: str, name: str, arguments: dict[str, str]) -> str:
        """Build the Dockerfile in `folder` and return the image's id."""
        ...

    def names(self, repository: str) -> list[str]:
        """The names of the images of a repository."""
        ...

    def discard(self, name: str) -> str:
        """Remove an image unless it is in use; returns why it stays, or nothing."""
        ...


def chosen_base() -> str:
    """The base image that RATCHET_BASE names, or a plain Python where there is no other way."""
    plain = "" if sys.platform == "linux" else "python:{}.{}-slim".format(*sys.version_info)
    return os.environ.get(BASE) or plain


@functools.cache
def image_name(base: str = "") -> str:
    """The image's name: its tag says what it is made of, and on what base."""
    content = closure.fingerprint()
    if base:
        parts = [base, (CONTEXT / "Dockerfile").read_text(), *versions().values()]
        content = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"{REPOSITORY}:{content[:12]}"


def versions() -> dict[str, str]:
    """The versions of torch and numpy that run here, as the Dockerfile calls them."""
    return {f"{name.upper()}_VERSION": metadata.version(name) for name in PACKAGES}


def ensure(store: Store, progress: Callable[[str], None]) -> tuple[str, str]:
    """The image's name and id, after building it here if it is missing and needs no network.

    Raises SandboxError for a missing image on a base, whose build may need a network.
    """
    base = chosen_base()
    name = image_name(base)
    if identity := store.find(name):
        return name, identity
    if base:
        raise SandboxError(
            f"the sandbox image {name} on the base {base} is missing: "
            f"make it with `ratchet sandbox build --base {base}`"
        )
    return name, build(store, progress)


def build(store: Store, progress: Callable[[str], None], base: str = "") -> str:
    """Build the image, on `base` if one is named, and return its id; raises SandboxError."""
    base, start = base or chosen_base(), time.monotonic()
    name = image_name(base)
    progress(f"building the sandbox image {name}" + (f" on {base}" if base else ""))
    if base:
        identity = on_base(store, name, base)
    else:
        identity = store.load(closure.tar(closure.contents()), name, SETTINGS)
    progress(f"built {name} in {time.monotonic() - start:.0f} s")
    if base and base != chosen_base():
        progress(f"set {BASE}={base} to use it")
    if others := len(set(outdated(store)) - {name}):
        progress(f"other sandbox images: {others}; `ratchet sandbox prune` removes them")
    return identity


def on_base(store: Store, name: str, base: str) -> str:
    """Build the Dockerfile on a base that the engine holds, and return the image's id.

    Raises BaseMissing for a base that the engine lacks, since the build would pull it.
    """
    identity = store.find(base)
    if not identity:
        raise BaseMissing(f"the base image {base} is missing: run `docker pull {base}` first")
    arguments = versions()
    arguments |= {key: os.environ[key] for key in PIP_SETTINGS if key in os.environ}
    if any(CONTEXT.glob("wheels/*.whl")):
        arguments.setdefault("PIP_NO_INDEX", "1")
    elif variant := arguments["TORCH_VERSION"].partition("+")[2]:
        # A torch such as 2.13.0+cpu is in no index but torch's own.
        arguments.setdefault("PIP_EXTRA_INDEX_URL", TORCH_INDEX + variant)
    return store.make(str(CONTEXT), name, {"BASE_IMAGE": identity, **arguments})


def outdated(store: Store) -> list[str]:
    """The sandbox images that Ratchet, as it is installed here, does not use."""
    return [name for name in store.names(REPOSITORY) if name != image_name(chosen_base())]


def prune(store: Store) -> list[str]:
    """Remove outdated sandbox images that no container uses; returns a sentence for each."""
    notes: list[str] = []
    for name in outdated(store):
        why = store.discard(name)
        notes.append(f"image {name} stays: {why}" if why else f"removed image {name}")
    return notes
