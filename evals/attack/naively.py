"""Watch an exploit in a naive evaluator, which itself runs in a box."""

import json
import secrets
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from ...sandbox import Job, Limits, Program, Sandbox, SandboxError
from .exploits import Exploit
from .sight import EFFECTS, Sight

FOLDER = Path(__file__).parent / "naive"
LIMITS = Limits(wall_seconds=30, pids=128, memory_mb=2048)
THROWS = 4


def watch(exploit: Exploit, sandbox: Sandbox) -> Sight:
    """What `exploit` does to a naive evaluator. Raises SandboxError if the box cannot show it.

    A coin may fall alike twice, and then shows nothing: it is thrown up to `THROWS` times.
    """
    refuse_unboxed(sandbox)
    for _ in range(THROWS - 1 if exploit.effect == "company" else 0):
        sight = _seen(exploit, sandbox)
        if EFFECTS["company"](sight):
            return sight
    return _seen(exploit, sandbox)


def _seen(exploit: Exploit, sandbox: Sandbox) -> Sight:
    honest = (FOLDER / "candidate.py").read_text()
    world = {"evaluator.py": "evaluator.py", "lib/scoring.py": "scoring.py"}
    request = {
        "canary": secrets.token_hex(16),
        "effect": exploit.effect,
        "honest": honest,
        "exploit": exploit.joined(honest, "naive"),
        "files": {name: (FOLDER / source).read_text() for name, source in world.items()},
    }
    result = sandbox.run(Job(program(), json.dumps(request).encode(), limits=LIMITS))
    try:
        return Sight.model_validate_json(result.reply)
    except ValidationError as error:
        output = result.log.strip()[-500:] or error
        raise SandboxError(f"{exploit.name} broke its demonstration: {output}") from error


def refuse_unboxed(sandbox: Sandbox) -> None:
    """Raise SandboxError unless `sandbox` isolates, since exploits attack what they run in."""
    if sandbox.isolation == "none":
        raise SandboxError(
            f"the {sandbox.name} sandbox does not isolate, and these programs attack what they "
            "run in: start Docker, or use a --sandbox that isolates"
        )


@cache
def program() -> Program:
    """The naive host and its watcher."""
    names = ("naive.py", "host.py")
    return Program({name: (FOLDER / name).read_bytes() for name in names}, entry="naive")
