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
PACKAGE, MODULES, ENTRY = "attacks", ("attacker", "probes", "neighbours"), "attacks.attacker"


def check(
    sandbox: Sandbox, outside: Collection[str] | None = None, inside: Collection[str] = ()
) -> dict[str, str]:
    """Attack the walls, from the box and from where candidates run.

    Returns what stopped each attack, by its name. The attacks in `outside` are not made from the
    box, and those in `inside` not from the candidate's place. A backend that attacked itself when
    it was opened has `withstood`, and is not attacked again. Raises Breached, naming the attacks
    that got through, and SandboxError if the check itself fails.
    """
    earlier: dict[str, str] | None = getattr(sandbox, "withstood", None)
    if earlier:
        return earlier
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
    withstood, through = json.loads(result.reply)
    if through:
        attacks_through = "; ".join(f"{name} ({effect})" for name, effect in through.items())
        raise Breached(
            f"the {sandbox.name} sandbox does not hold against these attacks: {attacks_through}. "
            "Use another --sandbox"
        )
    return {str(name): str(obstacle) for name, obstacle in withstood.items()}


def attacks() -> Program:
    """A program that attacks the box that loads it, as its trusted half and as its guest."""
    folder = files(__package__)
    sources = {f"{PACKAGE}.py": b""}
    for name in MODULES:
        sources[f"{PACKAGE}/{name}.py"] = folder.joinpath(f"{name}.py").read_bytes()
    return Program(sources, ENTRY, ENTRY)
