"""The ledger of a run: caps that hold, whoever spends at once, and books that balance."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.agents.base import BudgetSpent
from ratchet.sandbox import Job, Limits, Program, Sandbox
from ratchet.search.budget import RESOURCES, Budget, Caps
from ratchet.search.metered import Metered

AMOUNTS = st.floats(min_value=0, max_value=50)
UNITS = st.lists(st.tuples(AMOUNTS, st.floats(min_value=0, max_value=1), st.booleans()))


def test_a_unit_that_fits_is_booked_by_what_it_really_cost() -> None:
    budget = Budget(Caps(tokens=100))
    with budget.reserve(tokens=60) as unit:
        assert budget.in_flight["tokens"] == 60
        unit.settle(tokens=25)
    assert budget.spent["tokens"] == 25
    assert not any(budget.in_flight.values())


def test_a_unit_that_fails_costs_nothing_unless_it_said_so() -> None:
    budget = Budget(Caps(tokens=100))

    def fail(cost: float | None) -> None:
        with budget.reserve(tokens=60) as unit:
            if cost is not None:
                unit.settle(tokens=cost)
            raise ZeroDivisionError

    for cost in (None, 40):
        with pytest.raises(ZeroDivisionError):
            fail(cost)
    assert budget.spent["tokens"] == 40


def test_a_unit_that_does_not_fit_is_refused_in_words() -> None:
    budget = Budget(Caps(dollars=2), spent={"dollars": 1.5})
    with pytest.raises(BudgetSpent, match=r"0\.5 of 2 dollars are left.* may take 1"):
        budget.reserve(dollars=1).__enter__()


def test_what_is_not_capped_is_free() -> None:
    budget = Budget()
    with budget.reserve(tokens=1e12, dollars=1e9) as unit:
        unit.settle(tokens=1e12)
    assert budget.spent["tokens"] == 1e12


def test_nothing_begins_once_the_time_is_up() -> None:
    with pytest.raises(BudgetSpent, match="all 0 seconds"):
        Budget(Caps(seconds=0)).reserve(tokens=1).__enter__()


def test_an_unknown_resource_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="cannot reserve"):
        Budget().reserve(euros=1).__enter__()
    with pytest.raises(ValueError, match="no such resource: euros"), Budget().reserve() as unit:
        unit.settle(euros=1)


def test_work_in_flight_counts_and_what_it_leaves_is_waited_for() -> None:
    budget, started, go = Budget(Caps(trials=10)), threading.Event(), threading.Event()

    def long() -> None:
        with budget.reserve(trials=8) as unit:
            started.set()
            assert go.wait(10)
            unit.settle(trials=3)

    def short() -> None:
        with budget.reserve(trials=5) as unit:
            unit.settle(trials=5)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(long)
        assert started.wait(10)
        second = pool.submit(short)
        go.set()
        first.result(10)
        second.result(10)
    assert budget.spent["trials"] == 8
    with pytest.raises(BudgetSpent):
        budget.reserve(trials=5).__enter__()


@given(UNITS, st.floats(min_value=0, max_value=200))
def test_the_ledger_balances_and_no_cap_is_passed(
    units: list[tuple[float, float, bool]], cap: float
) -> None:
    budget, booked, refused = Budget(Caps(tokens=cap)), 0.0, False
    for most, share, fails in units:
        try:
            with budget.reserve(tokens=most, dollars=most) as unit:
                unit.settle(tokens=most * share)
                booked += most * share
                if fails:
                    raise InterruptedError
        except BudgetSpent:
            refused = True
            assert budget.spent["tokens"] + most > cap
        except InterruptedError:
            pass
    assert budget.spent["tokens"] == pytest.approx(booked)
    assert budget.spent["tokens"] <= cap + 1e-9
    assert all(amount == 0 for amount in budget.in_flight.values()), "it reconciles to zero"
    assert refused or sum(most * share for most, share, _ in units) <= cap + 1e-9


@given(st.lists(st.floats(min_value=1, max_value=20), min_size=1, max_size=30))
def test_threads_together_overshoot_by_no_more_than_one_unit_said(actual: list[float]) -> None:
    budget = Budget(Caps(tokens=50))

    def spend(cost: float) -> float:
        try:
            with budget.reserve(tokens=10) as unit:
                unit.settle(tokens=min(cost, 10))
                return min(cost, 10)
        except BudgetSpent:
            return 0.0

    with ThreadPoolExecutor(8) as pool:
        paid = sum(pool.map(spend, actual))
    assert budget.spent["tokens"] == pytest.approx(paid)
    assert paid <= 50
    assert not any(budget.in_flight[r] for r in RESOURCES)


def test_gpu_time_is_reserved_and_settled_by_the_sandbox(process_sandbox: Sandbox) -> None:
    program = Program({"g.py": b"def answer(message, memory):\n    return message\n"}, guest="g")
    budget = Budget(Caps(gpu_seconds=30))
    metered = Metered(process_sandbox, budget)
    assert metered.run(Job(program, b"x")).reply == b"x"
    assert budget.spent["gpu_seconds"] == 0
    with pytest.raises(BudgetSpent, match="GPU seconds"):
        metered.run(Job(program, b"x", limits=Limits(wall_seconds=60, gpus=1)))


def test_a_closed_budget_settles_what_is_in_flight_and_begins_nothing() -> None:
    budget = Budget(Caps(tokens=100))
    with budget.reserve(tokens=60) as unit:
        budget.close()
        unit.settle(tokens=30)
    assert budget.spent["tokens"] == 30
    with pytest.raises(BudgetSpent, match="closed"):
        budget.reserve(tokens=1).__enter__()
