"""A language model that is mostly useless, as a script of the model server.

What it says follows from the request alone, so that a run repeats. Of its patches some are good,
and the others break, change nothing, do not apply, or hurt. What is broken it can mostly mend.
"""

import hashlib
import json
import re
from pathlib import Path

from model_server import Asked, Reaction, malformed, saying, truncated

CONSTANT = re.compile(r"\b([A-Z][A-Z0-9_]*) = ([0-9][0-9.e-]*)")
FILES = ("optimizer.py", "step.py")
KINDS = ("good", "broken", "no-op", "lost", "broken", "good", "bad", "broken", "good", "no form")
MUON = Path(__file__).resolve().parents[2] / "tasks/optimizer/baselines/muon/optimizer.py"


def answer(asked: Asked) -> Reaction | str:
    """The reply to a request, by the form that it wants."""
    text = "\n".join(words for _, words in asked.messages)
    dice = int(hashlib.sha256(text.encode()).hexdigest(), 16)
    if dice % 23 == 7 and asked.again == 0:
        return malformed()
    if dice % 29 == 11:
        return truncated('{"limits": "the ste')
    return saying(json.dumps(REPLIES[asked.schema or ""](text, dice)))


def diagnosis(text: str, dice: int) -> dict[str, object]:
    return {"limits": f"the step is too timid ({dice % 97})", "evidence": ["it stops far out"]}


def idea(text: str, dice: int) -> dict[str, object]:
    return {
        "title": f"another constant, number {dice % 9973}",
        "idea": "change a constant",
        "hypothesis": "it was tuned for something else",
        "expected_effect": 0.1,
        "how_it_could_fail": "it diverges",
        "kind": "constants",
    }


def review(text: str, dice: int) -> dict[str, object]:
    verdict = "drop" if dice % 11 == 3 else "go"
    return {
        "novel": True,
        "implementable": True,
        "cheats_or_reseeds": False,
        "problems": ["seen before"] if verdict == "drop" else [],
        "verdict": verdict,
        "advice": "",
    }


def patch(text: str, dice: int) -> dict[str, object]:
    """An edit of a constant that the prompt shows, of one of ten kinds."""
    name = next((each for each in FILES if each in text), FILES[0])
    kind = KINDS[dice % len(KINDS)]
    if "undefined_name" in text and dice % 5:
        return edits(name, " * undefined_name", "")
    if kind == "no form":
        return {"nothing": "of what was asked"}
    if kind == "good" and name == "optimizer.py" and "AdamW with linear decay to zero (" in text:
        rate = f"LR = {0.15 + dice % 70 / 1000:.3f}\nMOMENTUM"
        return edits(name, "", re.sub(r"LR = 0\.18\nMOMENTUM", rate, MUON.read_text()))
    found = CONSTANT.findall(text)
    constant, value = found[dice // 7 % len(found)] if found else ("RATE", "0.02")
    new = float(value) * (1.3 + dice % 7 / 10 if kind == "good" else 0.2)
    wrong = {"no-op": value, "broken": f"{new:.5g} * undefined_name"}
    search = "LEARNING_RATE = 0.1" if kind == "lost" else f"{constant} = {value}\n"
    return edits(name, search, f"{constant} = {wrong.get(kind, f'{new:.5g}')}\n")


def edits(file: str, search: str, replace: str) -> dict[str, object]:
    return {"edits": [{"file": file, "search": search, "replace": replace}]}


def lessons(text: str, dice: int) -> dict[str, object]:
    return {"lessons": [{"text": "larger rates help at first", "nodes": [1]}]}


REPLIES = {
    "Diagnosis": diagnosis,
    "Idea": idea,
    "Review": review,
    "Patch": patch,
    "Lessons": lessons,
}
