"""The container image, made on Linux from the very Python that runs Ratchet.

No registry and no network: the interpreter, its standard library, torch, numpy and the shared
libraries they need are streamed to the engine, so a container computes with the same bits as the
host. There is no shell in it. Other systems build `image/Dockerfile` instead.
"""

import functools
import hashlib
import importlib.util
import os
import platform
import py_compile
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Protocol

from .base import SandboxError

REPOSITORY = "ratchet-sandbox"
SITE = "/opt/ratchet/site"
PACKAGES = ("torch", "numpy")
UNUSED_STDLIB = {
    *("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "__pycache__"),
    *("site-packages", "dist-packages"),
}
UNUSED_TORCH = re.compile(r"torch/(include/|share/|test/|bin/(?!torch_shm_manager))")
PIP_SETTINGS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
USER = 10001
SETTINGS = (
    "ENV PATH=/usr/local/bin",
    "ENV LD_LIBRARY_PATH=/usr/local/lib",
    f"USER {USER}:{USER}",
)
ACCOUNTS = {
    "etc/passwd": f"root:x:0:0::/:/\nratchet:x:{USER}:{USER}::/work:/\n".encode(),
    "etc/group": f"root:x:0:\nratchet:x:{USER}:\n".encode(),
}


class Images(Protocol):
    """The two things a build needs from an engine."""

    def find(self, name: str) -> str:
        """The id of an image this engine holds, or nothing."""
        ...

    def load(self, tree: Iterator[bytes], name: str, settings: tuple[str, ...]) -> str:
        """Make an image of a tar stream and return its id."""
        ...

    def make(self, folder: str, name: str, arguments: dict[str, str]) -> str:
        """Build the Dockerfile in `folder` and return the image's id."""
        ...


@functools.cache
def image_name() -> str:
    """The image's name: its tag says what it is made of, so an update of torch makes a new one."""
    parts = [sys.version, platform.machine(), *platform.libc_ver()]
    parts += [f"{each.name}=={each.version}" for each in distributions()]
    parts.append(Path(__file__).read_text())
    return f"{REPOSITORY}:{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:12]}"


def ensure(images: Images, progress: Callable[[str], None]) -> str:
    """The image's id, after building it here if it is missing and that needs no network."""
    name = image_name()
    if found := images.find(name):
        return found
    if sys.platform != "linux":
        raise SandboxError(f"the image {name} is missing: make it with `ratchet sandbox build`")
    return build(images, progress)


def build(images: Images, progress: Callable[[str], None]) -> str:
    """Build the image and return its id."""
    name, start = image_name(), time.monotonic()
    progress(f"building the sandbox image {name}")
    if sys.platform == "linux":
        identity = images.load(tar(contents()), name, SETTINGS)
    else:
        versions = {f"{each.upper()}_VERSION": metadata.version(each) for each in PACKAGES}
        versions |= {key: os.environ[key] for key in PIP_SETTINGS if key in os.environ}
        base = "python:{}.{}-slim".format(*sys.version_info)
        if not images.find(base):
            raise SandboxError(f"the base image is missing: run `docker pull {base}` first")
        folder = str(Path(__file__).with_name("image"))
        identity = images.make(folder, name, {"BASE_IMAGE": base, **versions})
    progress(f"built {name} in {time.monotonic() - start:.0f} s")
    return identity


def contents() -> Iterator[tuple[str, Path]]:
    """Every file of the image but the accounts: where it goes and where it comes from."""
    python = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    yield "usr/local/bin/python3", python
    inner = f"usr/local/{sys.platlibdir}/python{sysconfig.get_python_version()}"
    standard = list(stdlib())
    site = list(packages())
    root = Path(sysconfig.get_path("stdlib"))
    yield from ((f"{inner}/{path.relative_to(root)}", path) for path in standard)
    yield from ((f"{SITE[1:]}/{name}", path) for name, path in site)
    binaries = [python, *(path for path in standard if path.suffix == ".so")]
    binaries += [path for _, path in site if re.search(r"\.so(\.|$)", path.name)]
    yield from libraries(binaries)


def stdlib() -> Iterator[Path]:
    """The standard library, less what no task program uses."""
    root = Path(sysconfig.get_path("stdlib"))
    for folder, below, names in os.walk(root):
        unused = UNUSED_STDLIB if Path(folder) == root else {"__pycache__", "test", "tests"}
        below[:] = [n for n in below if n not in unused and not n.startswith("config-")]
        for name in names:
            if not re.match(r"_tkinter|_test.*\.so", name) and (Path(folder) / name).exists():
                yield Path(folder) / name


def distributions() -> list[metadata.Distribution]:
    """torch, numpy and everything installed that they require."""
    found: dict[str, metadata.Distribution] = {}
    waiting = list(PACKAGES)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.distribution(name)
            wanted = [text for text in found[name].requires or [] if "extra ==" not in text]
            waiting += [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in wanted]
    return [found[name] for name in sorted(found)]


def packages() -> Iterator[tuple[str, Path]]:
    """The files of those distributions, by their place in site-packages."""
    for each in distributions():
        if each.files is None:
            raise SandboxError(f"{each.name} has no list of its files: install it with pip")
        for file in each.files:
            unused = (
                {"..", "__pycache__", "tests"} & {*file.parts}
                or file.suffix == ".pth"
                or UNUSED_TORCH.match(file.as_posix())
            )
            path = Path(str(each.locate_file(file)))
            if not unused and path.is_file():
                yield file.as_posix(), path


def libraries(binaries: list[Path]) -> Iterator[tuple[str, Path]]:
    """The system's shared libraries that `binaries` load, the C library and its loader included."""
    said = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
    site = {os.path.realpath(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")}
    for path in sorted(set(re.findall(r"(?:=> |^\t)(/\S+)", said, re.MULTILINE))):
        if any(os.path.realpath(path).startswith(folder + "/") for folder in site):
            continue
        ours = path.startswith(sys.base_prefix + "/lib") and sys.base_prefix != "/usr"
        yield f"usr/local/lib/{os.path.basename(path)}" if ours else path[1:], Path(path)


def tar(files: Iterator[tuple[str, Path]]) -> Iterator[bytes]:
    """A tar stream of `files` with their times, so that the bytecode added here stays valid."""
    made: set[str] = set()
    for name, data in ACCOUNTS.items():
        yield from parents(name, made)
        yield member(name, len(data), 0o644) + padded(data)
    with tempfile.TemporaryDirectory() as scratch:
        for name, path in files:
            yield from parents(name, made)
            yield from copy(name, path)
            if path.suffix == ".py" and (code := bytecode(path, Path(scratch))):
                folder, _, base = name.rpartition("/")
                inside = f"{folder}/__pycache__/{base[:-3]}.{sys.implementation.cache_tag}.pyc"
                yield from parents(inside, made)
                yield from copy(inside, code)
    yield bytes(1024)


def bytecode(source: Path, scratch: Path) -> Path | None:
    """The compiled form of `source`; a read-only container would compile it at every start."""
    cached = Path(importlib.util.cache_from_source(str(source)))
    if cached.is_file():
        return cached
    target = scratch / "compiled.pyc"
    try:
        py_compile.compile(str(source), cfile=str(target), doraise=True)
    except (py_compile.PyCompileError, UnicodeDecodeError):
        return None
    return target


def parents(name: str, made: set[str]) -> Iterator[bytes]:
    """Headers of the folders above `name` that are not `made` yet."""
    for folder in reversed(Path(name).parents[:-1]):
        if str(folder) not in made:
            made.add(str(folder))
            yield member(str(folder), 0, 0o755, kind=tarfile.DIRTYPE)


def copy(name: str, path: Path) -> Iterator[bytes]:
    """One file, in pieces: the largest library has hundreds of megabytes."""
    state = path.stat()
    yield member(name, state.st_size, 0o755 if state.st_mode & 0o111 else 0o644, state.st_mtime)
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            yield part
    yield bytes(-state.st_size % 512)


def member(
    name: str, size: int, mode: int, mtime: float = 0, kind: bytes = tarfile.REGTYPE
) -> bytes:
    """One tar header, owned by root."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime, info.type = size, mode, int(mtime), kind
    return info.tobuf(tarfile.GNU_FORMAT)


def padded(data: bytes) -> bytes:
    """Data filled up to whole tar blocks."""
    return data + bytes(-len(data) % 512)
