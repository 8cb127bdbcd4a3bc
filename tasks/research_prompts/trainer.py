"""Let the candidate, an agent that asks a model, search: one search for each workload and seed.

Searches are run from their start with the replies that the request holds. One whose agent asks what
has no reply yet stops there; such questions of all searches leave together, as `asks` and their
list, and the job is run again with the replies. Once no search waits, the reply is JSON: by
workload and seed, the text of the program that was picked.
"""

import hashlib
import json
import re
from collections.abc import Mapping

import families
import torch
import worlds
from candidate import CandidateError
from searches import Search

BUDGET = 8  # evaluations of a search
CALLS = 12  # questions to the model in a search, as many as there are rounds
PROMPT = 16_000  # characters of a question
PROBED = ("bowl", "tracking")


class Waiting(Exception):
    """A question that has no reply yet."""

    def __init__(self, name: str, prompt: str) -> None:
        """Take its id, and its text."""
        self.name, self.prompt = name, prompt


class Model:
    """What the agent of one search asks, with the replies so far.

    A question too long, or one too many, gets an empty reply at once.
    """

    def __init__(self, name: str) -> None:
        """Number the questions under a name."""
        self.name, self.calls, self.refused = name, 0, 0

    def __call__(self, prompt: object) -> str:
        """The reply; raises CandidateError for what is no text."""
        if not isinstance(prompt, str) or re.search("[\ud800-\udfff]", prompt):
            raise CandidateError("propose() made a prompt that is no valid text")
        if self.calls == CALLS or len(prompt) > PROMPT:
            self.refused += 1
            return ""
        self.calls += 1
        return self.reply(f"{self.name}/{self.calls - 1}", prompt)

    def reply(self, name: str, prompt: str) -> str:
        """The reply to one of the questions that are allowed."""
        raise NotImplementedError


class Held(Model):
    """Replies out of a request, by `workload/seed/call`."""

    def __init__(self, name: str, answers: Mapping[str, str], asked: Mapping[str, str]) -> None:
        """Take replies, and the digests of the prompts that they reply to."""
        super().__init__(name)
        self._answers, self._asked = answers, asked

    def reply(self, name: str, prompt: str) -> str:
        """What is held; raises Waiting, or CandidateError if it replies to something else."""
        if name not in self._answers:
            raise Waiting(name, prompt)
        if self._asked[name] != digest(prompt):
            raise CandidateError(
                "agent.py is not deterministic: run again with the same replies, it asks other "
                "things"
            )
        return self._answers[name]


class StandIn(Model):
    """Replies fixed by the prompt: nothing, prose, a program that fails, and ones that may run."""

    def __init__(self, name: str) -> None:
        """Nothing is asked yet."""
        super().__init__(name)
        self.asked: list[str] = []

    def reply(self, name: str, prompt: str) -> str:
        """One in four is empty or broken; a program is the longest that is shown, retuned."""
        self.asked.append(digest(prompt))
        kind, factor = int(digest(prompt), 16) % 8, 0.5 + int(digest(prompt), 16) // 8 % 100 / 50
        text = max(re.findall(r"```\w*\n(.*?)```", prompt, re.DOTALL), key=len, default="")
        tuned = re.sub(r"\d+\.\d+", lambda found: f"{float(found[0]) * factor:.4g}", text, count=1)
        if kind < 2:
            return ("", f"```python\n{text}\n)\n```")[kind]
        return f"It is too slow. IDEA: times {factor}.\n\n```python\n{tuned}```\n"


@torch.no_grad()
def run(request: bytes, guest) -> bytes:
    """Search on the asked workloads and seeds, as far as the replies lead."""
    asked = json.loads(request)
    if "probe" in asked:
        return probe(guest, asked["probe"])
    waiting, refused, found = [], 0, []
    for workload in asked["workloads"]:
        found.append([])
        for seed in asked["seeds"]:
            model = Held(f"{workload}/{seed}", asked.get("answers", {}), asked.get("asked", {}))
            try:
                found[-1].append(searched(guest, workload, seed, model))
            except Waiting as wait:
                waiting.append({"id": wait.name, "prompt": wait.prompt})
            refused += model.refused
    if waiting:
        return b"asks\n" + json.dumps(waiting).encode()
    if refused:
        print(f"{refused} questions got an empty reply: more than {CALLS}, or {PROMPT} characters")
    return json.dumps(found).encode()


def searched(guest, workload: str, seed: int, model: Model) -> str:
    """The text that one search ends with."""
    search = Search(guest, workload, worlds.of_run(seed, workload), model)
    search.run(BUDGET)
    return search.text(search.best())


def probe(guest, seed: int) -> bytes:
    """What the agent asks and proposes in two searches, with a stand-in for the model."""
    shown = []
    for workload in PROBED:
        model = StandIn(workload)
        search = Search(guest, workload, seed, model)
        search.run(BUDGET)
        shown.append([model.asked, [[node["files"], node["parent"]] for node in search.nodes]])
    return json.dumps(shown).encode()


def digest(prompt: str) -> str:
    """As the digests of a request are made."""
    return hashlib.sha256(prompt.encode()).hexdigest()[:16]


@torch.no_grad()
def warm() -> None:
    """Load what torch loads lazily, so that jobs are born with it."""
    for workload in families.FAMILIES:
        families.instance(workload, 0).losses(lambda x, _: -0.01 * x, worlds.generator(0), 2)
