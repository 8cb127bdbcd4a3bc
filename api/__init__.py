"""How a program meets Ratchet: `import ratchet`. docs/api.md shows its use.

search, resume    start a search, or go on with one; both return a Run, which can be stopped
open              an archive with its runs, trees and nodes
tasks, load_task  what can be improved, and one task of these or of your own
agents            who can propose
judge             two samples of scores: is one really better?

Importing it loads nothing else: every name is looked up when it is first used. Reading order:

packages    search, tasks and agents are packages, and can be called all the same
beginning   a search is set up here              growth   and goes on in a thread
runs        a run, followed, stopped or read     archives, trees   what an archive holds
drawing     trees and nodes in a notebook        frames   and as a table
records     facts as JSON has them               replays, export, folder   what is done with a node
comparison  the judge on plain numbers           problems, places   tasks and archives by name
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from . import packages

if TYPE_CHECKING:
    from .agents.base import AgentError
    from .agents.llm import ModelError
    from .archive import ArchiveError
    from .archives import Archive, open
    from .beginning import resume
    from .comparison import Judgement, judge
    from .problems import load_task
    from .runs import Run
    from .sandbox import SandboxError
    from .search.budget import Caps
    from .search.desk.wanted import ModelChoiceError, Wanted
    from .search.plan import BudgetError, Standards
    from .tasks import Task, TaskError
    from .trees import Node, Tree

__all__ = [
    "AgentError",
    "Archive",
    "ArchiveError",
    "BudgetError",
    "Caps",
    "Judgement",
    "ModelChoiceError",
    "ModelError",
    "Node",
    "Run",
    "SandboxError",
    "Standards",
    "Task",
    "TaskError",
    "Tree",
    "Wanted",
    "agents",
    "judge",
    "load_task",
    "open",
    "resume",
    "search",
    "tasks",
]

agents: packages.Agents
search: packages.Search
tasks: packages.Tasks

CALLED = {"agents": packages.Agents, "search": packages.Search, "tasks": packages.Tasks}
HOMES = {
    "AgentError": "agents.base",
    "Archive": "archives",
    "ArchiveError": "archive",
    "BudgetError": "search.plan",
    "Caps": "search.budget",
    "Judgement": "comparison",
    "ModelChoiceError": "search.desk.wanted",
    "ModelError": "agents.llm",
    "Node": "trees",
    "Run": "runs",
    "SandboxError": "sandbox",
    "Standards": "search.plan",
    "Task": "tasks",
    "TaskError": "tasks",
    "Tree": "trees",
    "Wanted": "search.desk.wanted",
    "judge": "comparison",
    "load_task": "problems",
    "open": "archives",
    "resume": "beginning",
}


class _Root(ModuleType):
    """This module: looks its names up when they are used, and lets sub-packages be called."""

    def __getattr__(self, name: str) -> object:
        if name in CALLED:
            return import_module(f".{name}", __name__)
        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(f".{HOMES[name]}", __name__), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: object) -> None:
        # The import system binds a sub-package here once it is loaded, whoever asked for it.
        if name in CALLED and isinstance(value, ModuleType):
            value.__class__ = CALLED[name]
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Root
