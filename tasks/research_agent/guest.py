"""Hold a search agent, and have it propose; run the programs that it proposes.

A proposal is made by re-execution: where the agent asks a model, or has a program tried out, and
the reply is not among those told so far, its question goes out in place of a proposal, and it is
called anew with one reply more. So it must ask the same questions again. The messages:

    b"p" + JSON of a brief     -> JSON: {"files", "idea", "parent"} or {"asks": [question]}
    b"r..." and b"s..."        -> as in stepper

A brief's JSON is what the agent gets (`nodes`, `statement`, ...), with `replies` by question id,
`seed` of its random numbers, `model` (whether there is one to ask) and `fresh` (load it anew).
Wherever an agent runs, it runs in this module.
"""

import json
import random
from types import ModuleType

import candidate
import stepper

FILES, FILE_CHARACTERS, IDEA_CHARACTERS = 8, 20_000, 500
PROMPT_CHARACTERS = 60_000
THINK_SECONDS = 2.0  # of CPU time, for one call
agents: list[ModuleType] = []


class NoModel(RuntimeError):
    """There is no model to ask: an agent has to do without."""


class Unanswered(BaseException):
    """A question has to go out first; not an Exception, so that the agent does not catch it."""


class Brief:
    """All that an agent knows of a search, and what it may do: the argument of `propose`."""

    def __init__(self, told: dict) -> None:
        """Take the JSON of a brief apart."""
        self.statement: str = told["statement"]
        self.nodes: list[dict] = told["nodes"]
        numbered = {node["number"]: node for node in self.nodes}
        self.parent: dict = numbered[told["parent"]]
        self.best: dict = numbered[told["best"]]
        self.motifs: list[dict] = told["motifs"]
        self.left: float = told["left"]
        self.rng = random.Random(told["seed"])
        self._replies, self._model, self._asked = told["replies"], told["model"], 0
        self._question: dict | None = None

    def ask(self, prompt: str) -> str:
        """A model's reply to `prompt`; raises NoModel, a RuntimeError, where there is none."""
        if not isinstance(prompt, str) or not 0 < len(prompt) <= PROMPT_CHARACTERS:
            raise ValueError(f"a prompt is a text of 1 to {PROMPT_CHARACTERS} characters")
        if not self._model:
            raise NoModel("no model here")
        return self._put({"kind": "ask", "prompt": prompt})

    def try_out(self, files: dict) -> dict:
        """Whether a program runs for a few steps: `ok`, and a `log`. It costs no evaluation."""
        return self._put({"kind": "try", "files": checked(files)})

    def _put(self, question: dict):
        key = str(self._asked)
        self._asked += 1
        if self._question is None and key in self._replies:
            asked, reply = self._replies[key]
            if asked != question:
                raise candidate.CandidateError(f"propose() asked another question {key} this time")
            return reply
        self._question = self._question or {"id": key, **question}
        raise Unanswered


def checked(files: object) -> dict[str, str]:
    """Files as an agent hands them over; raises CandidateError for anything else."""
    if not isinstance(files, dict) or not 0 < len(files) <= FILES:
        raise candidate.CandidateError(f"files must be a dict of 1 to {FILES} names and texts")
    for name, text in files.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise candidate.CandidateError("files must be a dict of names and texts")
        if len(name) > 100 or len(text) > FILE_CHARACTERS:
            raise candidate.CandidateError(
                f"a file has at most {FILE_CHARACTERS} characters, and its name 100"
            )
    return dict(files)


def propose(told: dict) -> dict:
    """Call the agent once; its proposal, or the question that it has."""
    random.seed(0)  # what a library draws, as `statistics` does
    if told["fresh"] or not agents:
        agents[:] = [candidate.load("agent.py", ("propose",))]
    brief, found = Brief(told), None
    try:
        function = agents[0].propose
        found = stepper.limited(THINK_SECONDS, candidate.attempt, "propose()", function, brief)
    except Unanswered:
        pass
    except stepper.TooSlow:
        raise candidate.CandidateError(
            f"propose() took longer than {THINK_SECONDS:g} s of CPU time"
        ) from None
    if brief._question is not None:
        return {"asks": [brief._question]}
    return proposal(found, brief)


def proposal(found: object, brief: Brief) -> dict:
    """What the agent returned, checked."""
    if not isinstance(found, dict) or "files" not in found:
        raise candidate.CandidateError('propose() must return a dict with "files" and "idea"')
    idea, parent = found.get("idea", ""), found.get("parent", brief.parent["number"])
    if not isinstance(idea, str):
        raise candidate.CandidateError("idea must be a text")
    if parent not in [node["number"] for node in brief.nodes]:
        raise candidate.CandidateError("parent must be the number of a node")
    return {"files": checked(found["files"]), "idea": idea[:IDEA_CHARACTERS], "parent": int(parent)}


def answer(message: bytes, memory: memoryview) -> bytes:
    """Serve one message of the trusted side."""
    if message[:1] == b"p":
        return json.dumps(propose(json.loads(message[1:]))).encode()
    return stepper.answer(message, memory)
