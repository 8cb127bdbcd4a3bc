"""What chose the seeds of an interval, and so how far it may be believed."""

from ...evals import COMMON

SEALED = "sealed seeds, which chose nothing"
RANKING = "common seeds, which rank nodes and choose the best: the best of many looks too good"
FRESH = "fresh seeds, which ended once they had decided: what held looks a little too good"
CHOSEN = {
    COMMON: RANKING,
    "search/": "search seeds, on which it was picked for looking good: flattered",
    "further/": "seeds of further workloads, which only steer",
    "confirm/": FRESH,
    "baseline/": FRESH,
}
COUNTS = "only sealed seeds chose nothing: what a report says of them is the number that counts"
LEGEND = (
    "Each ± is a 95 % interval on common seeds, which also rank nodes and choose the best. "
    "The number that counts is that of the sealed seeds: see the report."
)


def chosen(stream: str) -> str:
    """What chose the seeds of a stream, "" if nothing is known of it."""
    return next((words for start, words in CHOSEN.items() if stream.startswith(start)), "")
