"""The graph of the toolsmith: a call is thought of, then carried out, until one hands in."""

from functools import partial
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langsmith import tracing_context

from ..base import ProposalError
from . import tooling
from .graph import saver
from .tooling import State, Tooling


def finish(work: Tooling) -> State:
    """The state at the end of a proposal, which takes up where it was left.

    Raises whatever a step raises; then its thread stays as it is, unless nothing can come of it.
    """
    desk = work.brief.desk
    limit = 2 * work.settings.steps + 5  # two a call, and the ends
    config: RunnableConfig = {"configurable": {"thread_id": desk.thread}, "recursion_limit": limit}
    with tracing_context(enabled=False), saver(desk.checkpoints) as kept:
        app = graph(work).compile(checkpointer=kept)
        had = cast(State, app.get_state(config).values)
        if had and had.get("plan") != work.plan:
            kept.delete_thread(desk.thread)
            had = {}
        try:
            if "done" not in had and "dropped" not in had:
                begin: State | None = None if had else {"plan": work.plan}
                had = cast(State, app.invoke(begin, config, durability="sync"))
        except ProposalError:
            kept.delete_thread(desk.thread)
            raise
        kept.delete_thread(desk.thread)
        return had


def graph(work: Tooling) -> StateGraph[State, None, State, State]:
    """Act and tool in turn; then submit."""
    built = StateGraph(State)
    for step in (tooling.act, tooling.tool, tooling.submit):
        built.add_node(step.__name__, cast(Any, partial(step, work)))
    built.add_edge(START, "act")
    built.add_conditional_edges("act", partial(_onward, work, "tool"), ["tool", "submit"])
    built.add_conditional_edges("tool", partial(_onward, work, "act"), ["act", "submit"])
    built.add_edge("submit", END)
    return built


def _onward(work: Tooling, step: str, state: State) -> str:
    return "submit" if work.space(state).end else step
