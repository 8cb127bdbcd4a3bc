"""What a run may spend: reserved before, settled after, and refused beyond.

Every spender reserves the most that a unit of work can cost, so that work in flight counts before
it is paid for. Only a unit that turns out to cost more than was reserved can go past a cap.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from pydantic import Field

from ..agents.base import BudgetSpent
from ..tasks import Frozen

Resource = Literal["tokens", "dollars", "gpu_seconds", "trials", "seconds"]
RESOURCES: tuple[Resource, ...] = ("tokens", "dollars", "gpu_seconds", "trials", "seconds")
UNITS: Mapping[Resource, str] = {
    "tokens": "tokens",
    "dollars": "dollars",
    "gpu_seconds": "GPU seconds",
    "trials": "trials",
    "seconds": "seconds",
}
Amounts = Mapping[Resource, float]


class Caps(Frozen):
    """The most of each resource that a run may spend; None is no limit.

    A `seconds` cap is of wall time in this session. The others hold over all sessions of a run.
    """

    tokens: float | None = Field(default=None, ge=0)
    dollars: float | None = Field(default=None, ge=0)
    gpu_seconds: float | None = Field(default=None, ge=0)
    trials: float | None = Field(default=None, ge=0)
    seconds: float | None = Field(default=None, ge=0)

    def of(self, resource: Resource) -> float | None:
        """The cap on one resource."""
        cap: float | None = getattr(self, resource)
        return cap


class Reservation:
    """One unit of work in flight. Where it ends without `settle`, nothing was spent."""

    def __init__(self, most: Amounts) -> None:
        """Hold the most that the unit may cost."""
        self.most = dict(most)
        self.actual: dict[Resource, float] = {}

    def settle(self, **actual: float) -> None:
        """Say what the unit really cost; more than was reserved is booked all the same.

        Raises ValueError for a resource that does not exist.
        """
        for resource in RESOURCES:
            if resource in actual:
                self.actual[resource] = actual.pop(resource)
        if actual:
            raise ValueError(f"no such resource: {', '.join(actual)}")


class Budget:
    """The one ledger of a run. Safe to use from several threads."""

    def __init__(self, caps: Caps | None = None, spent: Amounts | None = None) -> None:
        """Start the clock. `spent` is what earlier sessions of the run have spent."""
        self.caps = caps or Caps()
        self._spent: dict[Resource, float] = {r: (spent or {}).get(r, 0.0) for r in RESOURCES}
        self._open: set[Reservation] = set()
        self._change = threading.Condition()
        self._closed = False
        self._began = time.monotonic()

    @contextmanager
    def reserve(self, **most: float) -> Iterator[Reservation]:
        """Hold the most that a unit of work may cost, for as long as it runs.

        Waits for work in flight where only its end can make room. `seconds` is the wall time that
        the unit is expected to take. Raises BudgetSpent where the unit would not fit even if all
        work in flight cost nothing, and where the budget is closed.
        """
        unknown = set(most) - set(RESOURCES)
        if unknown or any(amount < 0 for amount in most.values()):
            raise ValueError(f"cannot reserve {most}")
        unit = Reservation({r: most[r] for r in RESOURCES if r in most})
        with self._change:
            while (short := self._short(unit.most)) or self._closed:
                if short is None:
                    raise BudgetSpent("the budget is closed: the search has come to its end")
                if not self._open or self._short(unit.most, flying=False):
                    raise BudgetSpent(self._refusal(short, unit.most))
                self._change.wait(1.0)
            self._open.add(unit)
        try:
            yield unit
        finally:
            with self._change:
                self._open.discard(unit)
                for resource, amount in unit.actual.items():
                    self._spent[resource] += amount
                self._change.notify_all()

    def begin(self, seconds: float | None) -> None:
        """Start the clock anew, for a session that may take so many seconds."""
        with self._change:
            self.caps = self.caps.model_copy(update={"seconds": seconds})
            self._began = time.monotonic()

    @property
    def seconds_left(self) -> float | None:
        """Seconds left of the session, negative where it is overdue; None where time has no cap."""
        with self._change:
            cap = self.caps.seconds
            return None if cap is None else cap - self._so_far("seconds")

    @property
    def over_time(self) -> bool:
        """Whether the session has used up its time."""
        left = self.seconds_left
        return left is not None and left <= 0

    @property
    def closed(self) -> bool:
        """Whether no further unit may begin."""
        with self._change:
            return self._closed

    def open(self) -> None:
        """Let units begin again, as far as the caps allow."""
        with self._change:
            self._closed = False

    def close(self) -> None:
        """Let no further unit begin; those in flight are still settled."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    @property
    def spent(self) -> dict[Resource, float]:
        """What has been spent over all sessions; `seconds` are those of this one."""
        with self._change:
            return {resource: self._so_far(resource) for resource in RESOURCES}

    @property
    def in_flight(self) -> dict[Resource, float]:
        """What is reserved and not settled yet: nothing, once all work has ended."""
        with self._change:
            return {resource: self._flying(resource) for resource in RESOURCES}

    def _so_far(self, resource: Resource) -> float:
        if resource == "seconds":
            return time.monotonic() - self._began
        return self._spent[resource]

    def _flying(self, resource: Resource) -> float:
        return sum(unit.most.get(resource, 0.0) for unit in self._open)

    def _short(self, most: Amounts, flying: bool = True) -> Resource | None:
        """The first resource of which there is not enough left."""
        for resource in RESOURCES:
            cap = self.caps.of(resource)
            if cap is None or (resource not in most and resource != "seconds"):
                continue
            taken = self._so_far(resource)
            if flying and resource != "seconds":  # units run side by side
                taken += self._flying(resource)
            if taken + most.get(resource, 0.0) > cap:
                return resource
        return None

    def _refusal(self, short: Resource, most: Amounts) -> str:
        cap, unit = self.caps.of(short), UNITS[short]
        left, needs = max(0.0, (cap or 0.0) - self._so_far(short)), most.get(short, 0.0)
        if short == "seconds" and (not left or not needs):
            return f"all {cap:g} seconds of the budget are spent"
        if short == "seconds":
            return (
                f"{left:.3g} of {cap:g} seconds are left, and the next step takes about {needs:.3g}"
            )
        return f"{left:.4g} of {cap:g} {unit} are left, and the next step may take {needs:.4g}"
