"""A language model that is mostly useless, as a script of the model server.

What it says follows from the request alone, so that a run repeats. Of its patches some are good,
and the others break, change nothing, do not apply, or hurt. What is broken it can mostly mend.
"""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stand_ins.model_server import Asked, Reaction, malformed, saying, truncated

BLOCK = re.compile(
    r"^(\S+\.py):\n[^\n]*\nBEGIN (UNTRUSTED-\w+)\n(.*?)\nEND \2$", re.DOTALL | re.MULTILINE
)
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
    if asked.schema is None:
        return saying(f"Average what is noisy, over {dice % 97} steps.")
    return saying(json.dumps(REPLIES[asked.schema](text, dice)))


def diagnosis(text: str, dice: int) -> dict[str, Any]:
    return {"limits": f"the step is too timid ({dice % 97})", "evidence": ["it stops far out"]}


def idea(text: str, dice: int) -> dict[str, Any]:
    return {
        "title": f"another constant, number {dice % 9973}",
        "idea": "change a constant",
        "hypothesis": "it was tuned for something else",
        "expected_effect": 0.1,
        "how_it_could_fail": "it diverges",
        "kind": "constants",
    }


def review(text: str, dice: int) -> dict[str, Any]:
    verdict = "drop" if dice % 11 == 3 else "go"
    return {
        "novel": True,
        "implementable": True,
        "cheats_or_reseeds": False,
        "problems": ["seen before"] if verdict == "drop" else [],
        "verdict": verdict,
        "advice": "",
    }


def patch(text: str, dice: int) -> dict[str, Any]:
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


def edits(file: str, search: str, replace: str) -> dict[str, Any]:
    return {"edits": [{"file": file, "search": search, "replace": replace}]}


def lessons(text: str, dice: int) -> dict[str, Any]:
    return {"lessons": [{"text": "larger rates help at first", "nodes": [1]}]}


def design(text: str, dice: int) -> dict[str, Any]:
    more = {"changes": ["step: a constant"], "unchanged": "the rest", "checks": ["it is used"]}
    return {**idea(text, dice), "limits": "the step is too timid", **more}


def quality(text: str, dice: int) -> dict[str, Any]:
    verdict = "fail" if dice % 7 == 3 else "pass"
    return {"matches_design": True, "problems": [], "verdict": verdict, "advice": "say more"}


def conduct(text: str, dice: int) -> dict[str, Any]:
    asked = {"field": "noise", "instruction": f"What would you average? ({dice % 97})"}
    return {"thoughts": "the step is too timid", "experts": [asked, {**asked, "field": "rates"}]}


def report(text: str, dice: int) -> dict[str, Any]:
    return {
        "log_summary": "it stops far out",
        "potential_improvements": ["another constant"],
        "improvement_proposal": f"another constant, number {dice % 9973}",
        "implementation_suggestion": "change the constant",
        "problem_description": f"the step is too timid ({dice % 97})",
    }


def recombination(text: str, dice: int) -> dict[str, Any]:
    numbers = dict.fromkeys(re.findall(r"^node (\d+) \(", text, re.MULTILINE))
    said = [{"node": int(n), "mechanism": "it goes further", "keep": True} for n in numbers]
    return {**idea(text, dice), "explanations": said}


def whole(text: str, dice: int) -> dict[str, Any]:
    """The program that the prompt shows last, after an edit as of `patch`; fits several forms."""
    name, _, block = BLOCK.findall(text)[-1]
    source = "\n".join(line[2:] for line in block.split("\n")) + "\n"
    for edit in patch(text, dice).get("edits", []):
        source = (
            source.replace(edit["search"], edit["replace"]) if edit["search"] else edit["replace"]
        )
    return {
        "plan": f"another constant, number {dice % 9973}",
        "thought": "it was tuned for something else",
        "name": f"number {dice % 9973}",
        "reflection": "none",
        "files": [{"file": name, "text": source}],
    }


def act(text: str, dice: int) -> dict[str, Any]:
    """Edit until an edit applies, measure, and hand in."""
    call: dict[str, Any] = {"tool": "submit"}
    if "`validate` was carried out." not in text:
        call = {"tool": "validate"}
    if "`edit` was carried out." not in text:
        for edit in patch(text, dice).get("edits", []):
            call = {
                "tool": "edit",
                "file": edit["file"],
                "old": edit["search"],
                "new": edit["replace"],
            }
    return {"thought": f"another constant, number {dice % 9973}", "call": call}


REPLIES: dict[str, Callable[[str, int], dict[str, Any]]] = {
    "Act": act,
    "Conduct": conduct,
    "Design": design,
    "Diagnosis": diagnosis,
    "Idea": idea,
    "Lessons": lessons,
    "Patch": patch,
    "Program": whole,
    "Quality": quality,
    "Recombination": recombination,
    "Reflected": whole,
    "Report": report,
    "Review": review,
    "Solution": whole,
}
