"""Run the candidate as a script; the artefact is the number that it states itself."""

import json

import kit_wire as wire
from kit_report import ARGV, ENV, MATCH, READ, SECONDS
from kit_score import luck, say_memory, whole
from kit_settings import PROBED


def run(request, guest):
    """The numbers of all seeds."""
    asked = json.loads(request)
    if "probe" in asked and not PROBED:
        return guest.ask(b"text\n")
    seeds = [asked["probe"]] if "probe" in asked else asked["seeds"]
    numbers = whole([stated(guest, seed) for seed in seeds])
    if "probe" in asked:
        say_memory(guest)
    return numbers


def stated(guest, seed):
    """The number of one seed, as JSON."""
    small = luck(seed, "report") >> 32  # as argparse, numpy and torch take it
    words = {"seed": small, "seconds": SECONDS, "device": "cpu"}
    asked = {
        "seed": small,
        "argv": [filled(text, words) for text in ARGV],
        "env": {name: filled(text, words) for name, text in ENV.items()},
        "read": READ,
        "match": MATCH,
    }
    value = wire.unpack(guest.ask(b"report\n" + json.dumps(asked).encode()))
    if type(value) is not float:
        raise TypeError(f"the candidate stated a {type(value).__name__}, not a number")
    return json.dumps(value).encode()


def filled(text, words):
    """A text with {seed}, {seconds} and {device} filled in."""
    for name, value in words.items():
        text = text.replace("{" + name + "}", str(value))
    return text
