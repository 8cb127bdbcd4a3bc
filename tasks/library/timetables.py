"""Journeys of several legs with waits between them, asked about in clock time and minutes.

A journey is known by its facts: the question, the minute of departure, and for each leg its minutes
and the wait after it. No answer is worked out here.
"""

from random import Random

PLACES = (
    *("Arden", "Brixel", "Corvo", "Delmar", "Estrin", "Falun"),
    *("Gorla", "Hallin", "Ister", "Jarvik", "Korsen", "Lunde"),
)
MEANS = ("bus", "train", "ferry", "tram")
ASK = {
    "arrival": "How many minutes after midnight of the first day does the traveller arrive?",
    "travel": "For how many minutes in all is the traveller moving, not waiting?",
    "waiting": "For how many minutes in all does the traveller wait?",
}


def journey(rng: Random, legs: int) -> tuple[tuple, str]:
    """The facts of a journey of `legs` legs, and its text."""
    asked = rng.choice(list(ASK))
    start = rng.randrange(5 * 60, 15 * 60)
    times = tuple((rng.randint(35, 190), rng.randint(4, 55)) for _ in range(legs))
    times = (*times[:-1], (times[-1][0], 0))
    places = rng.sample(PLACES, legs + 1)
    told = [f"A traveller leaves {places[0]} at {_clock(start)}."]
    for number, (moving, waiting) in enumerate(times):
        told.append(f"The {rng.choice(MEANS)} to {places[number + 1]} takes {_span(rng, moving)}.")
        if waiting:
            told.append(f"The next connection goes {_span(rng, waiting)} after that.")
        if rng.random() < 0.4:
            told.append(f"A coffee costs {rng.randint(2, 6)} coins there.")
    return (asked, start, times), " ".join([*told, ASK[asked]])


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _span(rng: Random, minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    if not hours or rng.random() < 0.3:
        return f"{minutes} minutes"
    whole = "an hour" if hours == 1 else f"{hours} hours"
    if rest == 30:
        return "one and a half hours" if hours == 1 else f"{hours} and a half hours"
    return f"{whole} and {rest} minutes" if rest else whole
