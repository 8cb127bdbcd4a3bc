"""What so many seeds say about how often a program fails."""

from typing import NamedTuple


class FailureRate(NamedTuple):
    """The shares of seeds that may fail, with 95 % confidence; `low` and `high` are within 0..1."""

    low: float
    high: float


def failure_rate(failed: int, seeds: int) -> FailureRate:
    """The exact 95 % interval of the share that fails (Clopper and Pearson 1934).

    Where none or all failed, one end is certain, and the other has all of the 5 %.
    Raises ValueError unless 0 <= `failed` <= `seeds` and `seeds` > 0.
    """
    from scipy.special import betaincinv

    if not 0 <= failed <= seeds or not seeds:
        raise ValueError(f"{failed} of {seeds} seeds cannot have failed")
    tail = 0.05 if failed in (0, seeds) else 0.025
    low = float(betaincinv(failed, seeds - failed + 1, tail)) if failed else 0.0
    high = float(betaincinv(failed + 1, seeds - failed, 1 - tail)) if failed < seeds else 1.0
    return FailureRate(low, high)


def failure_words(failed: int, seeds: int) -> str:
    """How many seeds failed, and which share that leaves possible."""
    low, high = failure_rate(failed, seeds)
    if not failed:
        return f"no seed of {seeds} failed: fewer than {percent(high)} do (95 %)"
    return f"{failed} of {seeds} seeds failed: {percent(low, '')} to {percent(high)} do (95 %)"


def percent(share: float, sign: str = " %") -> str:
    """A share with two digits that count, one at least behind the point."""
    return f"{100 * share:.1f}{sign}" if share >= 0.001 else f"{100 * share:.2g}{sign}"
