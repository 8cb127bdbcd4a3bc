"""The far side of the wall: standard library alone, sent to a fresh interpreter as one argument."""

from importlib.resources import files

MODULES = (
    *("causes", "cell", "frames", "landlock", "runner", "seccomp", "system", "watcher", "workers"),
)


def program() -> str:
    """What to give to `python -I -S -c`: the modules of this package, held in memory."""
    folder = files(__package__)
    sources = {"inside": ""}
    sources |= {f"inside.{name}": folder.joinpath(f"{name}.py").read_text() for name in MODULES}
    boot = folder.joinpath("boot.py").read_text()
    start = "from inside.runner import main\nmain(lambda sources: Memory(sources).install())\n"
    return f"{boot}\n\nMemory({sources!r}).install()\n{start}"
