"""Open an agent by its name, and list those that come with Ratchet."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from ..archive import Archive
from ..sandbox.text import line
from .archived import open_archived
from .base import Agent, AgentError

HERE = Path(__file__).parent
CREATE = re.compile(r"^def create\(", re.MULTILINE)
NODE = re.compile(r"[\w-]+\.\d+")
MODULE = re.compile(r"\w+(\.\w+)*")

SELECT = "lead"  # selection policy of an agent that names none
ATTEMPTS = 8  # times that one turn asks an agent that does not say how often
REQUESTS = 8  # model requests of one proposal, if an agent that needs a model does not say


@dataclass(frozen=True)
class Opened:
    """An agent, and what it declares of itself, read and checked once.

    `name` is shown on nodes without a proposal. `select` names the selection policy that suits the
    agent. One turn asks it at most `attempts` times. A search with it spends the share `tune` of
    its trials on tuning constants, where the task can stack them. `requests` is how many model
    requests one proposal takes, 0 if it asks no model.
    """

    agent: Agent
    name: str
    select: str = SELECT
    attempts: int = ATTEMPTS
    tune: float = 0.0
    needs_model: bool = False
    requests: int = 0


class Listing(NamedTuple):
    """A built-in agent, and the first line of what its module says of it."""

    agent: Opened
    description: str


def names() -> list[str]:
    """The built-in agents: modules of this folder with a `create()`. Imports none of them."""
    return sorted(path.stem for path in HERE.glob("*.py") if CREATE.search(path.read_text("utf-8")))


def listings() -> list[Listing]:
    """The built-in agents, opened and described, by name."""
    return [Listing(open_agent(name), _description(_imported(name))) for name in names()]


def open_agent(name: str, archive: Archive | None = None) -> Opened:
    """Open a built-in agent, the agent of a module with `create()`, or that of an archived node.

    A node is named RUN.NUMBER and taken from `archive`. Raises AgentError, also for whatever a
    module raises while it is imported or makes its agent.
    """
    if NODE.fullmatch(name):
        if archive is None:
            raise AgentError(f"no archive to take agent {name} from: give its place with --archive")
        return declared(open_archived(archive, name), name)
    if MODULE.fullmatch(name) is None or ("." not in name and name not in names()):
        raise _unknown(name)
    module = _imported(name)
    if not hasattr(module, "create"):
        raise AgentError(f"{module.__name__} has no create(), so it is not an agent")
    try:
        agent: Agent = module.create()
    except AgentError:
        raise
    except (Exception, SystemExit) as error:
        raise AgentError(f"create() of {module.__name__} raised {_sentence(error)}") from error
    return declared(agent, name)


def declared(agent: Agent, name: str) -> Opened:
    """The agent with what it declares of itself; raises AgentError for what it may not declare.

    One that has no `name` of its own goes by the given one.
    """
    if not callable(getattr(agent, "propose", None)):
        raise AgentError(f"agent {name} has no method propose")
    values = _declarations(agent)
    for attribute, fault in _faults(values):
        raise AgentError(f"agent {name}: {attribute} {fault}")
    if values.get("needs_model"):
        values.setdefault("requests", REQUESTS)
    return Opened(agent, **{"name": name, **values})


def faults(agent: object) -> list[tuple[str, str]]:
    """Each attribute that an agent may not declare as it does, with what is wrong about it."""
    return list(_faults(_declarations(agent)))


def _is_count(value: object, least: int) -> bool:
    return type(value) is int and value >= least


def _is_share(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1  # type: ignore[operator]


def _is_label(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and line(value) == value


def _is_policy(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[a-zA-Z]\w*", value) is not None


ATTRIBUTES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "name": (_is_label, "say one line of text"),
    "select": (_is_policy, "say the name of a selection policy, such as dgm"),
    "attempts": (partial(_is_count, least=1), "say a whole number of at least 1"),
    "tune": (_is_share, "say a number from 0 to 1"),
    "needs_model": (lambda value: type(value) is bool, "say True or False"),
    "requests": (partial(_is_count, least=0), "say a whole number of at least 0"),
}


def _declarations(agent: object) -> dict[str, Any]:
    """The attributes of `ATTRIBUTES` that an agent has; raises AgentError if one cannot be read."""
    values = dict[str, Any]()
    for attribute in ATTRIBUTES:
        try:
            values[attribute] = getattr(agent, attribute)
        except AttributeError:
            continue
        except Exception as error:
            raise AgentError(f"the agent's {attribute} raised {_sentence(error)}") from error
    return values


def _faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for attribute, value in values.items():
        fits, mend = ATTRIBUTES[attribute]
        if not fits(value):
            yield attribute, f"is {line(repr(value)[:200], 60)}: {mend}"


def _imported(name: str) -> ModuleType:
    """The module of an agent; raises AgentError if there is none or it cannot be imported."""
    try:
        return import_module(name if "." in name else f".{name}", __package__)
    except ModuleNotFoundError as error:
        if "." in name and f"{name}.".startswith(f"{error.name}."):
            raise _unknown(name, f" ({error})") from error
        raise AgentError(f"the module {name} cannot be imported: {_sentence(error)}") from error
    except (Exception, SystemExit) as error:
        raise AgentError(f"the module {name} cannot be imported: {_sentence(error)}") from error


def _unknown(name: str, detail: str = "") -> AgentError:
    """The error for a name that no agent has; the built-in name most like it comes first."""
    built_in = names()
    near = get_close_matches(name, built_in, n=1)
    choices = ", ".join(dict.fromkeys([*near, *built_in, "RUN.NUMBER"]))
    shown = line(repr(name)[:200], 100)
    return AgentError(
        f"no agent named {shown}: use one of {choices}, or a module with create(){detail}"
    )


def _description(module: ModuleType) -> str:
    return (module.__doc__ or "").strip().split("\n")[0]


def _sentence(error: BaseException) -> str:
    return line(f"{type(error).__name__}: {error}", 300)
