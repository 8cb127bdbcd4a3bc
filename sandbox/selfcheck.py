"""Attack a sandbox from inside before anything is trusted to it."""

import json
from collections.abc import Collection
from importlib.resources import files

from .base import Job, Limits, Program, Sandbox, SandboxError

LIMITS = Limits(wall_seconds=15, memory_mb=256, pids=16)
# In a box of namespaces the trusted half makes the candidates' inner cells, so it may do this.
MAKES_CELLS = ("seccomp", "namespaces", "processes")


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
    source = files(__package__).joinpath("probes.py").read_bytes()
    program = Program({"probes.py": source}, "probes", "probes")
    request = json.dumps([[*outside], [*inside]]).encode()
    result = sandbox.run(Job(program, request, limits=LIMITS))
    if result.status != "ok":
        raise SandboxError(
            f"the self-check of the {sandbox.name} sandbox ended as {result.status} "
            f"({result.log.strip()[-300:]}): use another --sandbox"
        )
    held, through = json.loads(result.reply)
    if through:
        told = "; ".join(f"{name} ({what})" for name, what in through.items())
        raise SandboxError(
            f"the {sandbox.name} sandbox does not hold against these attacks: {told}. "
            "Use another --sandbox"
        )
    return {str(name): str(what) for name, what in held.items()}
