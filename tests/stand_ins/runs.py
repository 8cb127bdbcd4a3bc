"""Runs on the bowl, and trees without one, for tests of what a run grows and of what reads it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from conftest import BOWL, SECRET

from ratchet.agents.base import Agent
from ratchet.agents.opening import declared
from ratchet.archive import Archive, Node, Tree
from ratchet.evals import Candidate, Estimate, Verdict, key_from
from ratchet.sandbox import Isolation, Sandbox
from ratchet.search.lab import Lab
from ratchet.search.run import Config, Run
from ratchet.search.select import dgm
from ratchet.tasks import load

CANDIDATE = Candidate(files={"a.py": "x = 1\n"}, idea="", proposer="test")


def start(
    path: Path,
    sandbox: Sandbox,
    agent: Agent,
    seed: int = 1,
    workers: int = 2,
    folder: str = BOWL,
    **config: Any,
) -> Run:
    """Begin a run on the bowl, or on the kind of it in `folder`, or take up the one there."""
    task, archive = load(folder), Archive(path, create=True)
    config.setdefault("schedule", "adaptive")
    config.setdefault("company", True)
    settings = Config(task="bowl", seed=seed, key=key_from(seed), secret=SECRET, **config)
    if not archive.runs():
        archive.start_run("test", task, settings.model_dump(mode="json"))
    lab = Lab(task, sandbox, archive, strict=settings.sharing == "strict")
    return Run("test", settings, declared(agent, settings.agent), dgm, lab, archive, workers)


def essence(nodes: Iterable[Node]) -> list[dict[str, Any]]:
    """What must not depend on when or how often a run was interrupted."""
    unsteady: Any = {"run": True, "cpu_seconds": True, "tuning": {"seconds"}}
    return [node.model_dump(mode="json", exclude=unsteady) for node in nodes]


def always(tree: Tree, turn: int) -> bool:
    return True


def node(
    number: int,
    gain: float | None,
    parent: int | None = None,
    standing: str = "",
    isolation: Isolation = "container",
    estimate: Estimate | None = None,
    **more: Any,
) -> Node:
    verdict = Verdict(standing=standing, reason="", estimate=estimate) if standing else None  # type: ignore[arg-type]
    fields = {
        "candidate": CANDIDATE,
        "canonical": str(number),
        "behaviour": None,
        "score": gain,
        "environment": "",
        **more,
    }
    return Node(
        run="r",
        number=number,
        turn=number,
        parent=parent,
        kind="candidate" if standing else "start",
        name="",
        verdict=verdict,
        gain=gain,
        isolation=isolation,
        **fields,
    )


TREE = Tree(
    [
        node(0, 0.0),
        node(1, 0.3),
        node(2, 0.5, 1, "confirmed", instances=(0.4, 0.6)),
        node(3, None, 1, "refuted"),
        node(4, None, 2, "invalid"),
        node(5, 0.9, 4, "confirmed", isolation="none"),
    ]
)
