"""Put the parts of a run together: the one place where that is done."""

from pathlib import Path

from ..agents.base import AgentError
from ..agents.opening import Opened, open_agent
from .desk.consent import Prompt
from .desk.purse import Purse
from .faults import IN_A_ROW
from .lab import Lab
from .run import Config, Run
from .select import POLICIES, Select


def policy(select: str) -> Select:
    """The selection policy of that name; raises AgentError, with the names there are."""
    if select not in POLICIES:
        raise AgentError(f"no selection policy {select!r}: use one of {', '.join(POLICIES)}")
    return POLICIES[select]


def assemble(
    purse: Purse,
    config: Config,
    lab: Lab,
    workers: int,
    *,
    agent: Opened | None = None,
    prompt: Prompt | None = None,
    checkpoints: Path | None = None,
    patience: int = IN_A_ROW,
) -> Run:
    """The run that `config` describes, paid from `purse` and measured in `lab`.

    Raises AgentError where there is no such agent, unless one is given, or no such policy.
    """
    return Run(
        id=purse.run_id,
        config=config,
        agent=agent or open_agent(config.agent, purse.archive),
        select=policy(config.select),
        lab=lab,
        archive=purse.archive,
        workers=workers,
        budget=purse.budget,
        cassette=purse.cassette,
        prompt=prompt,
        checkpoints=checkpoints,
        patience=patience,
    )
