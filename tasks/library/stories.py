"""Word problems of several steps, told in varied words, with sentences that have no part in them.

A story is known by its facts alone, a start, events and a question, each a word and whole numbers.
Whoever has the facts can work out the answer; nothing here does. Losses are so small that no count
falls below zero.
"""

from random import Random

WORDS = ("", "", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
PEOPLE = (
    *("Amara", "Boris", "Chiara", "Dmitri", "Elena", "Farid", "Greta", "Hiro", "Ines", "Jonas"),
    *("Kofi", "Leila", "Mateo", "Noor", "Oskar", "Priya", "Quentin", "Rosa", "Samir", "Tuva"),
)
THEMES = (
    ("marbles", "bag", "stickers", "the school fair"),
    ("seedlings", "tray", "flower pots", "the garden market"),
    ("postcards", "bundle", "stamps", "the flea market"),
    ("beads", "jar", "ribbons", "the craft shop"),
    ("tickets", "roll", "posters", "the village theatre"),
    ("apples", "crate", "pears", "the orchard"),
    ("candles", "box", "lanterns", "the winter market"),
    ("shells", "net", "pebbles", "the beach"),
)
NEW_THEMES = (
    ("screws", "tin", "washers", "the workshop"),
    ("muffins", "tray", "rolls", "the bakery"),
    ("badges", "pouch", "pennants", "the summer camp"),
    ("tiles", "pallet", "bricks", "the building site"),
)
# The first of each are for development, the last two for what a search never sees.
START = (
    "{who} begins the week with {a} {things}.",
    "At first there are {a} {things} on {who}'s shelf.",
    "{who} counts {a} {things} before leaving for {place}.",
    "There were {a} {things} in {who}'s cupboard.",
    "Of {things}, {who} owns {a} when our story opens.",
    "An inventory at {who}'s place lists {a} {things}.",
)
EVENTS = {
    "more": (
        "Then {who} finds {a} more {things}.",
        "A neighbour brings {a} {things} as a present.",
        "{a} further {things} are picked up at {place}.",
        "To these come {a} {things} bought on the way home.",
        "The stock grows by {a} {things}.",
        "{other} hands over {a} {things} that nobody else wanted.",
    ),
    "less": (
        "{a} of {who}'s {things} break.",
        "{who} lets {other} have {a} {things}.",
        "On the way {a} {things} get lost.",
        "{who} parts with {a} of the {things}.",
        "{a} {things} turn out to be useless and are thrown away.",
        "{other} borrows {a} {things} and never returns them.",
    ),
    "packs": (
        "Next, {who} buys {a} {boxes} with {b} {things} in each.",
        "A delivery of {a} {boxes} arrives, and every {box} holds {b} {things}.",
        "{who} wins {a} {boxes} of {b} {things} each at {place}.",
        "{other} adds {a} full {boxes}; a full {box} is {b} {things}.",
        "Each of {a} visitors leaves {b} {things} behind for {who}.",
        "For {a} days in a row, {who} makes {b} new {things} a day.",
    ),
    "times": (
        "By luck, {who}'s {things} then become {a} times as many.",
        "{who} swaps until there are {a} times as many {things} as before.",
        "After a trade, every single one of the {things} has become {a} of the same kind.",
        "A prize multiplies the number of {who}'s {things} by {a}.",
        "For each of the {things}, {who} now receives {a} in return, and gives up the old one.",
        "The collection swells to {a} times its size.",
    ),
}
ASIDES = (
    "{other} has {n} {others} at home.",
    "{place} opens at {hour} o'clock.",
    "The walk to {place} takes {n} minutes.",
    "It is {who}'s visit number {n} this year.",
    "{other} is {n} years old.",
    "{n} {others} are on sale as well, but {who} takes none.",
    "Last year, {other} had {n} more {others} than this year.",
    "A sign says that {n} people can be seated.",
)
QUESTIONS = {
    "left": (
        "How many {things} does {who} have now?",
        "What is the number of {things} that {who} ends up with?",
        "With how many {things} is {who} left?",
        "Give the size of {who}'s final stock of {things}.",
    ),
    "bags": (
        "{who} now fills bags with exactly {a} {things} each. How many bags can be filled?",
        "Everything is then packed by {a}s. How many complete packs are there?",
        "If {a} {things} make a gift, how many whole gifts can {who} make?",
        "How often can {who} take away {a} {things} at a time until fewer than that remain?",
    ),
    "over": (
        "{who} now fills bags with exactly {a} {things} each, as many as possible. How many "
        "{things} are left over?",
        "The {things} are dealt out evenly to {a} children, as many as possible to each. How many "
        "{things} remain?",
        "Laid in rows of {a}, how many {things} are in the last row, if it is not full? "
        "(Say 0 if it is.)",
        "{who} sells them by {a}s only. How many {things} cannot be sold?",
    ),
    "both": (
        "{other} has {a} {things} more than {who} now has. How many do they have together?",
        "Now {who} has {a} {things} fewer than {other}. What is the sum of what the two have?",
        "If {other} owns as many as {who} does now, and {a} besides, how many {things} are that "
        "for both of them?",
        "{who}'s final number is {a} below that of {other}. How many {things} do both own in all?",
    ),
}
RANGES = {"more": (11, 68), "less": (2, 6), "packs": (3, 9), "times": (2, 4)}
MULTIPLIED = 2  # times in one story, at most


def story(rng: Random, events: int, asides: int, new: bool) -> tuple[tuple, str]:
    """The facts of a story and its text; `new` words and things are kept from development."""
    things, box, others, place = rng.choice(NEW_THEMES if new else THEMES)
    who, other = rng.sample(PEOPLE, 2)
    names = {"who": who, "other": other, "place": place, "things": things, "box": box}
    names["boxes"] = box + ("es" if box[-1] in "xh" else "s")
    facts = [("start", rng.randint(41, 97)), *_events(rng, events), _question(rng)]
    pools = [START, *(EVENTS[word] for word, *_ in facts[1:-1])]
    told = [
        _say(rng, rng.choice(_part(pool, new)), fact, names)
        for pool, fact in zip(pools, facts, strict=False)
    ]
    for sentence in rng.sample(ASIDES, asides):
        numbers = {"n": rng.randint(2, 90), "hour": rng.randint(6, 11)}
        aside = sentence.format(others=others, **numbers, **names)
        told.insert(rng.randint(1, len(told)), _capital(aside))
    question = _say(rng, rng.choice(_part(QUESTIONS[facts[-1][0]], new)), facts[-1], names)
    return tuple(facts), " ".join([*told, question])


def _events(rng: Random, count: int) -> list[tuple]:
    drawn = [rng.choice(("more", "less", "packs")) for _ in range(count)]
    for at in rng.sample(range(count), min(MULTIPLIED, count // 2)):
        drawn[at] = "times"
    found = []
    for word in drawn:
        numbers = [rng.randint(*RANGES[word])]
        if word == "packs":
            numbers.append(rng.randint(12, 48))
        found.append((word, *numbers))
    return found


def _question(rng: Random) -> tuple:
    word = rng.choice(list(QUESTIONS))
    return (word, *([] if word == "left" else [rng.randint(6, 19)]))


def _part(pool: tuple[str, ...], new: bool) -> tuple[str, ...]:
    return pool[-2:] if new else pool[:-2]


def _say(rng: Random, sentence: str, fact: tuple, names: dict[str, str]) -> str:
    spelled = [
        WORDS[n] if n < len(WORDS) and rng.random() < 0.5 and "{a}s" not in sentence else str(n)
        for n in fact[1:]
    ]
    return _capital(sentence.format(**dict(zip("ab", spelled, strict=False)), **names))


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
