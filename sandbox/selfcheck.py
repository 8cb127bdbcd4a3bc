"""Attack a sandbox from inside before anything is trusted to it."""

import json
from collections.abc import Collection
from importlib.resources import files

from .base import Job, Limits, Program, Sandbox, SandboxError


class Breached(SandboxError):
    """An attack got through the walls."""


LIMITS = Limits(wall_seconds=15, memory_mb=256, pids=16)
# The trusted half of a box starts, signals and limits its own processes.
TRUSTED = ("reach",)
# Where it makes the candidates' cells, it may do this besides.
MAKES_CELLS = ("seccomp", "namespaces", "processes")
PACKAGE, MODULES = "attacks", ("probes", "neighbours")


def check(
    sandbox: Sandbox, outside: Collection[str] | None = None, inside: Collection[str] = ()
) -> dict[str, str]:
    """Attack the walls, from the box and from where candidates run; what stopped each attack.

    Raises SandboxError naming the attacks that got through. Those in `outside` are not made from
    the box, and those in `inside` not from the candidate's place. A backend that attacked itself
    when it was opened tells what it withstood, and is not attacked again.
    """
    known: dict[str, str] | None = getattr(sandbox, "withstood", None)
    if known:
        return known
    if outside is None:
        outside = MAKES_CELLS if sandbox.isolation == "namespace" else ()
    request = json.dumps([[*TRUSTED, *outside], [*inside]]).encode()
    program = attacks()
    result = sandbox.run(Job(program, request, limits=LIMITS))
    if result.status != "ok":
        raise SandboxError(
            f"the self-check of the {sandbox.name} sandbox ended as {result.status} "
            f"({result.log.strip()[-300:]}): use another --sandbox"
        )
    held, through = json.loads(result.reply)
    if through:
        told = "; ".join(f"{name} ({what})" for name, what in through.items())
        raise Breached(
            f"the {sandbox.name} sandbox does not hold against these attacks: {told}. "
            "Use another --sandbox"
        )
    return {str(name): str(what) for name, what in held.items()}


def attacks() -> Program:
    """The program that attacks the box that loads it."""
    folder = files(__package__)
    sources = {f"{PACKAGE}.py": b""}
    for name in MODULES:
        sources[f"{PACKAGE}/{name}.py"] = folder.joinpath(f"{name}.py").read_bytes()
    entry = f"{PACKAGE}.probes"
    return Program(sources, entry, entry)
