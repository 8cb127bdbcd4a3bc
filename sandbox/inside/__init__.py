"""The far side of the wall: standard library alone, sent to a fresh interpreter as one argument.

The files, in reading order:

    alike        the same hashes and addresses in each box
    boot         import modules from memory
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

# every file but alike.py and boot.py, which are the program that imports the others
MODULES = (
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
    alike, boot = (folder.joinpath(name).read_text() for name in ("alike.py", "boot.py"))
    # It starts again before it has imported anything, as that takes most of the time.
    start = "from inside.runner import main\nmain(lambda sources: Memory(sources).install())\n"
    return f"{alike}\n\nstart_alike()\n\n{boot}\n\nMemory({sources!r}).install()\n{start}"
