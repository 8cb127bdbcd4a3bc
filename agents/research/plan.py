"""A plan: named steps of one proposal, the first one first, and what decides the way on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ..base import Brief

END = ""


class Working(Protocol):
    """A proposal at work: its brief, and `plan`, the name of all that it depends on."""

    @property
    def brief(self) -> Brief:
        """The request."""
        ...

    @property
    def plan(self) -> str:
        """A checkpoint of another plan is of no use to this one."""
        ...


W = TypeVar("W", bound=Working)
S = TypeVar("S", bound=Mapping[str, object])  # a state: text and counts by name


@dataclass(frozen=True)
class Step(Generic[W, S]):
    """What a node of the graph does, and which of the steps `to` comes next: `way` says, if there
    are several. Whatever is dropped ends there."""

    run: Callable[[W, S], S]
    to: tuple[str, ...] = (END,)
    way: Callable[[W, S], str] | None = None

    def next(self, work: W, state: S) -> str:
        """The step that follows, or END."""
        if state.get("dropped"):
            return END
        return self.way(work, state) if self.way else self.to[0]


Plan = Mapping[str, Step[W, S]]
