"""Replay a node or a whole run, each in the sandbox that it needs."""

import tempfile
from contextlib import closing
from pathlib import Path

from ...archive import Archive, require_sound
from ...evals import Gateway
from ...search.budget import Budget
from ...search.desk.cassette import Cassette
from ...search.desk.gateway import ModelGateway
from ...search.desk.wanted import connect
from ...search.order import SandboxChoice
from ...search.run import Config
from ...search.studies.regrow import Rerun, rerun
from ...search.studies.replay import Replay, replay, replay_fresh
from .terminal import warn

WORKERS = 2


def replay_node(
    name: str, fresh_seeds: int, sandbox: str, accept_unisolated: bool, where: str
) -> Replay:
    """Measure a node again: on its own seeds, or on so many new ones."""
    held = Archive(where)
    node = held.node(name)
    config = Config.of(held.run(node.run))
    gateway = _gateway(held, node.run, config, live=bool(fresh_seeds))
    choice = SandboxChoice(sandbox, 1, accept_unisolated, config.sharing)
    with closing(choice.open(warn)) as box:
        used = [node] if node.evidence else []
        require_sound(used, held.task(node.run), box.isolation != "none")
        if fresh_seeds:
            return replay_fresh(node, held, box, fresh_seeds, gateway)
        return replay(node, held, box, gateway)


def replay_run(name: str | None, sandbox: str, accept_unisolated: bool, where: str) -> Rerun:
    """Grow a run again from its cassette and its archived trials."""
    held = Archive(where)
    config = Config.of(held.run(name))
    choice = SandboxChoice(sandbox, WORKERS, accept_unisolated, config.sharing)
    with (
        tempfile.TemporaryDirectory(prefix="ratchet-replay-") as scratch,
        closing(choice.open(warn)) as backend,
    ):
        return rerun(held, name, backend, Path(scratch))


def _gateway(archive: Archive, run: str, config: Config, live: bool) -> Gateway | None:
    """Who answers candidates that ask a model: the cassette, and for new seeds the endpoint."""
    if config.models is None or not archive.task(run).manifest.model:
        return None
    endpoint = connect(config.models.api) if live else None
    cassette = Cassette(archive, run, endpoint, Budget(), config.models.prices)
    return ModelGateway(cassette, config.models)
