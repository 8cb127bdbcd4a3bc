"""The far side of the wall: standard library alone, sent to a fresh interpreter as one argument.

The files, in reading order:

    boot         import modules from memory
    alike        the same hashes and addresses in each box
    runner       load a program once, and run each job in forks of it
    maker        the second warm process, which makes the guests
    workers      the two processes of a job: trusted program and guest
    frames       what is said between them, as bytes
    watcher      take in what a job sends, within its limits
    causes       why a job ended
    cell         namespaces, for a box and for each job
    seccomp      the system calls that a candidate may make
    landlock     the files that it may open
    system       processes, folders and memory
"""

from importlib.resources import files

# every file but boot.py, which is the program that imports the others
MODULES = (
    "alike",
    "causes",
    "cell",
    "frames",
    "landlock",
    "maker",
    "runner",
    "seccomp",
    "system",
    "watcher",
    "workers",
)


def program() -> str:
    """The argument of `python -I -S -c` that starts a runner: this package, held in memory."""
    folder = files(__package__)
    sources = {"inside": ""}
    sources |= {f"inside.{name}": folder.joinpath(f"{name}.py").read_text() for name in MODULES}
    boot = folder.joinpath("boot.py").read_text()
    start = "from inside.alike import start_alike\nstart_alike()\n"
    start += "from inside.runner import main\nmain(lambda sources: Memory(sources).install())\n"
    return f"{boot}\n\nMemory({sources!r}).install()\n{start}"
