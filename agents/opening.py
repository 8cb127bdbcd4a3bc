"""Open an agent by its name."""

import re
from importlib import import_module

from ..archive import Archive
from ..sandbox.text import line
from .archived import open_archived
from .base import Agent, AgentError


def open_agent(name: str, archive: Archive | None = None) -> Agent:
    """Open the agent in the module of that name: `evolver`, or `your.module` with `create()`.

    RUN.NUMBER is one that a search has found, from `archive`. Raises AgentError, also for whatever
    a module raises while it is imported or makes its agent.
    """
    if archive is not None and re.fullmatch(r"[\w-]+\.\d+", name):
        return open_archived(archive, name)
    if re.fullmatch(r"\w+(\.\w+)*", name) is None:
        raise AgentError(f"no agent named {name!r}: use evolver, or a module with create()")
    try:
        module = import_module(name if "." in name else f".{name}", __package__)
    except ModuleNotFoundError as error:
        raise AgentError(
            f"no agent named {name!r}: use evolver, or a module with create() ({error})"
        ) from error
    except (Exception, SystemExit) as error:
        raise AgentError(f"the module {name} cannot be imported: {_named(error)}") from error
    if not hasattr(module, "create"):
        raise AgentError(f"{module.__name__} has no create(), so it is not an agent")
    try:
        agent: Agent = module.create()
    except AgentError:
        raise
    except (Exception, SystemExit) as error:
        raise AgentError(f"create() of {module.__name__} raised {_named(error)}") from error
    if not callable(getattr(agent, "propose", None)):
        raise AgentError(f"what create() of {module.__name__} makes has no method propose")
    return agent


def _named(error: BaseException) -> str:
    return line(f"{type(error).__name__}: {error}", 300)
