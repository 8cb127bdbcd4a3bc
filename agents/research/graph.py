"""LangGraph's one home: run a plan as a graph with a checkpoint after every step.

One thread a proposal. Steps run in the calling thread; several proposals may run side by side.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langsmith import tracing_context

from ...evals import Candidate
from ..base import ProposalError
from .plan import Plan, S, Step, W

PATIENCE = 60.0  # seconds to wait for another thread's checkpoint
OLD_SWITCHES = ("LANGCHAIN_TRACING", "LANGCHAIN_HANDLER")
_setting_up = threading.Lock()


def offered(plan: Plan[W, S], state: type[S], work: W, limit: int) -> Candidate:
    """The candidate of a plan; raises ProposalError if it was dropped, and what `finish` raises."""
    result = finish(plan, state, work, limit)
    if "done" not in result:
        raise ProposalError(str(result.get("dropped")))
    return Candidate.model_validate_json(str(result["done"]))


def finish(plan: Plan[W, S], state: type[S], work: W, limit: int) -> S:
    """The state at the end of a proposal, which takes up where it was left.

    A plan ends with `done`, a candidate, or `dropped`, a reason, in its state, within `limit`
    steps. Raises whatever a step raises; then its thread stays as it is, unless nothing can come
    of it.
    """
    desk = work.brief.desk
    config: RunnableConfig = {"configurable": {"thread_id": desk.thread}, "recursion_limit": limit}
    with tracing_context(enabled=False), saver(desk.checkpoints) as kept:
        app = graph(plan, state, work).compile(checkpointer=kept)
        had: Mapping[str, object] = app.get_state(config).values
        if had and had.get("plan") != work.plan:
            kept.delete_thread(desk.thread)
            had = {}
        try:
            if not ended(had):
                had = app.invoke(None if had else {"plan": work.plan}, config, durability="sync")
        except ProposalError:
            kept.delete_thread(desk.thread)
            raise
        kept.delete_thread(desk.thread)
        return cast(S, had)


def ended(state: Mapping[str, object]) -> bool:
    """Whether the state says that the graph has ended: a killed one may look finished."""
    return bool(state.get("done") or state.get("dropped"))


def graph(plan: Plan[W, S], state: type[S], work: W) -> "StateGraph[Any, None, Any, Any]":
    """The plan as a graph that works on states of that type."""
    # Requests and programs are the user's, so `finish` keeps tracing off. The library refuses to
    # run where it is off and the environment has one of its old switches.
    for switch in OLD_SWITCHES:
        os.environ.pop(switch, None)
    built: StateGraph[Any, None, Any, Any] = StateGraph(cast(Any, state))
    for name, step in plan.items():
        # No retry policy: the endpoint has its own, and a second one would multiply it.
        built.add_node(name, cast(Any, partial(step.run, work)))
        ways = [to or END for to in dict.fromkeys((*step.to, ""))]
        built.add_conditional_edges(name, partial(_next, step, work), ways)
    built.add_edge(START, next(iter(plan)))
    return built


@contextmanager
def saver(path: Path | None) -> Iterator[BaseCheckpointSaver[Any]]:
    """Checkpoints in a file, over a connection of this proposal's own; or in memory."""
    if path is None:
        yield InMemorySaver()
        return
    with closing(sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False)) as connection:
        kept = SqliteSaver(connection)
        with _setting_up:
            kept.setup()
        yield kept


def _next(step: Step[W, S], work: W, state: S) -> str:
    return step.next(work, state) or END
