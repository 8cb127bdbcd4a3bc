"""Repeat what an archive holds, in a sandbox that its caller opened: a node, or a whole run."""

import tempfile
from pathlib import Path

from .archive import Archive as Store
from .archive import Node as Record
from .archive import require_sound
from .evals import Gateway
from .sandbox import Sandbox
from .search.budget import Budget
from .search.desk.cassette import Cassette
from .search.desk.gateway import ModelGateway
from .search.desk.wanted import connect
from .search.run import Config
from .search.studies.regrow import Rerun, rerun
from .search.studies.replay import Replay, replay, replay_fresh


def replay_node(archive: Store, node: Record, sandbox: Sandbox, fresh_seeds: int = 0) -> Replay:
    """Repeat a node's trials on its own seeds, or measure it on so many fresh ones.

    Candidates that ask a model get the recorded replies, and on fresh seeds those of the model
    itself. Raises ArchiveError for a program that may not run.
    """
    config = Config.of(archive.run(node.run))
    gateway = _gateway(archive, node.run, config, live=bool(fresh_seeds))
    used = [node] if node.evidence else []
    require_sound(used, archive.task(node.run), sandbox.isolation != "none")
    if fresh_seeds:
        return replay_fresh(node, archive, sandbox, fresh_seeds, gateway)
    return replay(node, archive, sandbox, gateway)


def replay_run(archive: Store, run_id: str, sandbox: Sandbox) -> Rerun:
    """Grow a run again from its recorded replies and archived trials."""
    with tempfile.TemporaryDirectory(prefix="ratchet-replay-") as scratch:
        return rerun(archive, run_id, sandbox, Path(scratch))


def _gateway(archive: Store, run_id: str, config: Config, live: bool) -> Gateway | None:
    """Who answers candidates that ask a model: the cassette, and for new seeds the endpoint."""
    if config.models is None or not archive.task(run_id).manifest.model:
        return None
    endpoint = connect(config.models.api) if live else None
    cassette = Cassette(archive, run_id, endpoint, Budget(), config.models.prices)
    return ModelGateway(cassette, config.models)
