"""Ask an agent once, whatever it raises or returns: an agent's failure is no end of a search.

What is the fault of the machine, the model server, the archive or the budget goes through, also
where an agent has put an error of its own in its place.
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
WORDS = 300  # characters of what an agent raised
ELSEWHERE = (ArchiveError, BudgetSpent, CassetteError, ModelError, SandboxError, TaskError)
LONGEST = 10_000  # characters of what an agent says that are looked at
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


def asked(agent: Agent, brief: Brief) -> Candidate | str:
    """What an agent offers, or why that is nothing: it raised what it may not, or broke the form.

    Raises ProposalError, as it may, and whatever is not the agent's fault.
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
    """The sentence for what somebody raised; raises what is not their fault instead."""
    for cause in _causes(error):
        if isinstance(cause, ELSEWHERE) and not isinstance(cause, NoSuchNode):
            raise cause
        if _of_the_machine(cause):
            raise AgentError(f"this machine stopped {who}: {line(said(cause), WORDS)}") from error
    name, words = line(type(error).__name__, 100), line(said(error), WORDS)
    return f"{who} raised {name}: {words}" if words else f"{who} raised {name}"


def said(error: BaseException) -> str:
    """What an exception says; one of an agent's own may say too much, or not even be printable."""
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
    """The offer as a plain record, since one may be made without being checked.

    Its files are for the door to judge.
    """
    try:
        words = {
            "idea": offer.idea,
            "proposer": offer.proposer,
            "notes": offer.notes,
            "parent": offer.parent,
        }
        plain = Candidate.model_validate({"files": {}, **words}, strict=True)
        return plain.model_copy(update={"files": offer.files})
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        return f"the agent offered a Candidate whose {line(where, 100)} is not as it must be"
    except Exception as error:
        return raised("the Candidate that the agent offered", error)
