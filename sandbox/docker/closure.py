"""The files of the container image that is made from the very Python that runs Ratchet, as a tar.

The interpreter, its standard library, torch, numpy and the shared libraries they need, and nothing
else: there is no shell in it. A container so computes with the same bits as the host.
"""

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
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from ..base import SandboxError

SITE = "/opt/ratchet/site"
PACKAGES = ("torch", "numpy")
UNUSED_STDLIB = {
    "test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "__pycache__",
    "site-packages", "dist-packages",
}  # fmt: skip
UNUSED_TORCH = re.compile(r"torch/(include/|share/|test/|bin/(?!torch_shm_manager))")
USER = 10001
ACCOUNTS = {
    "etc/passwd": f"root:x:0:0::/:/\nratchet:x:{USER}:{USER}::/work:/\n".encode(),
    "etc/group": f"root:x:0:\nratchet:x:{USER}:\n".encode(),
}


def fingerprint() -> str:
    """Digest of all that these files depend on: an update of torch, say, makes another image."""
    parts = [sys.version, platform.machine(), *platform.libc_ver()]
    parts += [f"{package.name}=={package.version}" for package in distributions()]
    parts.append(Path(__file__).read_text())
    return hashlib.sha256(chr(10).join(parts).encode()).hexdigest()


def contents() -> Iterator[tuple[str, Path]]:
    """Every file of the image but ACCOUNTS: its path in the image, and its path on this host."""
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
    """The files of the standard library, without the parts that no task program uses."""
    root = Path(sysconfig.get_path("stdlib"))
    for folder, below, names in os.walk(root):
        unused = UNUSED_STDLIB if Path(folder) == root else {"__pycache__", "test", "tests"}
        below[:] = [n for n in below if n not in unused and not n.startswith("config-")]
        for name in names:
            if not re.match(r"_tkinter|_test.*\.so", name) and (Path(folder) / name).exists():
                yield Path(folder) / name


def distributions() -> list[metadata.Distribution]:
    """torch, numpy and everything installed that they require."""
    installed: dict[str, metadata.Distribution] = {}
    waiting = list(PACKAGES)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in installed:
            continue
        with suppress(metadata.PackageNotFoundError):
            package = installed[name] = metadata.distribution(name)
            required = [text for text in package.requires or [] if "extra ==" not in text]
            waiting += [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in required]
    return [installed[name] for name in sorted(installed)]


def packages() -> Iterator[tuple[str, Path]]:
    """The files of `distributions()`: path below site-packages, and path on this host.

    Raises SandboxError for a package whose files pip does not list.
    """
    for package in distributions():
        if package.files is None:
            raise SandboxError(f"{package.name} has no list of its files: install it with pip")
        for file in package.files:
            unused = (
                {"..", "__pycache__", "tests"} & {*file.parts}
                or file.suffix == ".pth"
                or UNUSED_TORCH.match(file.as_posix())
            )
            path = Path(str(package.locate_file(file)))
            if not unused and path.is_file():
                yield file.as_posix(), path


def libraries(binaries: list[Path]) -> Iterator[tuple[str, Path]]:
    """The system's shared libraries that `binaries` load, the C library and its loader included.

    As in `contents`, each path in the image comes with the path on this host.
    """
    ldd = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False)
    site = {os.path.realpath(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")}
    for path in sorted(set(re.findall(r"(?:=> |^\t)(/\S+)", ldd.stdout, re.MULTILINE))):
        if any(os.path.realpath(path).startswith(folder + "/") for folder in site):
            continue
        ours = path.startswith(sys.base_prefix + "/lib") and sys.base_prefix != "/usr"
        yield f"usr/local/lib/{os.path.basename(path)}" if ours else path[1:], Path(path)


def tar(files: Iterator[tuple[str, Path]]) -> Iterator[bytes]:
    """A tar stream of `files` with their times, so that the bytecode added here stays valid."""
    folders: set[str] = set()  # those in the stream so far
    for name, data in ACCOUNTS.items():
        yield from parents(name, folders)
        yield member(name, len(data), 0o644) + padded(data)
    with tempfile.TemporaryDirectory() as scratch:
        for name, path in files:
            yield from parents(name, folders)
            yield from copy(name, path)
            if path.suffix == ".py" and (code := bytecode(path, Path(scratch))):
                folder, _, base = name.rpartition("/")
                inside = f"{folder}/__pycache__/{base[:-3]}.{sys.implementation.cache_tag}.pyc"
                yield from parents(inside, folders)
                yield from copy(inside, code)
    yield bytes(1024)


def bytecode(source: Path, scratch: Path) -> Path | None:
    """The file of `source` compiled, or None if it does not compile.

    A container, being read-only, would have to compile it at every start.
    """
    cached = Path(importlib.util.cache_from_source(str(source)))
    if cached.is_file():
        return cached
    target = scratch / "compiled.pyc"
    try:
        py_compile.compile(str(source), cfile=str(target), doraise=True)
    except (py_compile.PyCompileError, UnicodeDecodeError):
        return None
    return target


def parents(name: str, folders: set[str]) -> Iterator[bytes]:
    """Headers of the folders above `name` that are not in `folders` yet; they are added to it."""
    for folder in reversed(Path(name).parents[:-1]):
        if str(folder) not in folders:
            folders.add(str(folder))
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
