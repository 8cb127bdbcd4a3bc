"""Ask an agent once, whatever it raises or returns: an agent's failure does not end a search.

Faults of the machine, the model server, the archive or the budget are raised, also where an agent
has put an error of its own in their place.
"""

import errno
import sqlite3
from collections.abc import Iterator

from pydantic import ValidationError

from ..agents.base import Agent, AgentError, Brief, BudgetSpent, ProposalError
from ..agents.llm import ModelError
from ..archive import ArchiveError, NoSuchNode
from ..evals import Candidate
from ..sandbox import SandboxError
from ..sandbox.text import line
from ..tasks import TaskError
from .desk.cassette import CassetteError

# An agent that is wrong fails at every turn, one that fails at one turn in four five times in a row
# once in a thousand turns.
IN_A_ROW = 5
WORDS = 300  # characters of an error's message that are shown
ELSEWHERE = (ArchiveError, BudgetSpent, CassetteError, ModelError, SandboxError, TaskError)
LONGEST = 10_000  # characters of an error's message that are looked at
DISK = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
}
EXHAUSTED = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}


def ask(agent: Agent, brief: Brief) -> Candidate | str:
    """Ask an agent for a candidate, or return why it gave none: an error, or not a Candidate.

    Raises ProposalError, which an agent may raise, and whatever is not the agent's fault.
    """
    try:
        offer: object = agent.propose(brief)
    except NoSuchNode as error:  # the archive is sound, and was asked for what it cannot hold
        return raised("the agent", error)
    except (ProposalError, AgentError, *ELSEWHERE, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit too: no agent may end a search
        return raised("the agent", error)
    if not isinstance(offer, Candidate):
        return f"the agent offered {type(offer).__name__}, not a Candidate"
    return _checked(offer)


def raised(who: str, error: BaseException) -> str:
    """A sentence on an error that `who` raised; an error that is not their fault is raised."""
    for cause in _causes(error):
        if isinstance(cause, ELSEWHERE) and not isinstance(cause, NoSuchNode):
            raise cause
        if _of_the_machine(cause):
            raise AgentError(
                f"this machine stopped {who}: {line(message(cause), WORDS)}"
            ) from error
    name, text = line(type(error).__name__, 100), line(message(error), WORDS)
    return f"{who} raised {name}: {text}" if text else f"{who} raised {name}"


def message(error: BaseException) -> str:
    """The message of an exception; an agent's own may be too long, or not even printable."""
    try:
        return str(error)[:LONGEST]
    except Exception:
        return ""


def _of_the_machine(cause: BaseException) -> bool:
    """Whether a disk, or what else a process may run out of, is at fault."""
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in DISK
    return isinstance(cause, OSError) and cause.errno in EXHAUSTED


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it was raised for or while handling, each once."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _checked(offer: Candidate) -> Candidate | str:
    """The offer as a checked record, or why it is none; pydantic can build unchecked ones.

    Its files are for the door to judge.
    """
    try:
        fields = {
            "idea": offer.idea,
            "proposer": offer.proposer,
            "notes": offer.notes,
            "parent": offer.parent,
        }
        plain = Candidate.model_validate({"files": {}, **fields}, strict=True)
        return plain.model_copy(update={"files": offer.files})
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        return f"the agent offered a Candidate whose {line(where, 100)} is not as it must be"
    except Exception as error:
        return raised("the Candidate that the agent offered", error)
