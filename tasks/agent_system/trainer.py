"""Put the problems of all asked seeds to the candidate's system, and collect its answers.

A run of the system ends at the first prompt that the request holds no reply to. Such prompts of all
problems are asked together: the reply of the job is then `asks` and their list, and the job is run
again with the replies. Once no system waits, the reply is the answers, as strings or null, in order
of seeds and problems for each workload.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import quiz

CALLS = 8  # prompts for one problem
PROMPT, ANSWER = 8000, 200  # characters
SHOWN = 4  # errors in the log
PROBED = 4  # problems of each workload in a probe


class Attempt(NamedTuple):
    """How far a system came with a problem: its prompts, then an answer, an error, or neither."""

    prompts: list[str]
    answer: str | None = None
    error: str | None = None

    @property
    def waits(self) -> bool:
        """Whether its last prompt is to be answered."""
        return self.answer is None and self.error is None


def run(request: bytes, guest) -> bytes:
    """The answers to all problems, or what is to be asked first."""
    asked = json.loads(request)
    if "probe" in asked:
        return probe(guest, asked["probe"])
    held = Held(asked.get("answers", {}), asked.get("asked", {}))
    attempts = {
        f"{workload}/{seed}": [
            advanced(guest, problem.statement, f"{workload}/{seed}/{number}", held)
            for number, problem in enumerate(quiz.problems(workload, seed))
        ]
        for workload in asked["workloads"]
        for seed in asked["seeds"]
    }
    if waiting := list(prompts(attempts)):
        return b"asks\n" + json.dumps(waiting).encode()
    report([each.error for row in attempts.values() for each in row if each.error])
    answers = {
        workload: [
            [each.answer for each in attempts[f"{workload}/{seed}"]] for seed in asked["seeds"]
        ]
        for workload in asked["workloads"]
    }
    return json.dumps(answers).encode()


class Held:
    """The replies that a request holds, by `workload/seed/problem/call`."""

    def __init__(self, answers: Mapping[str, str], asked: Mapping[str, str]) -> None:
        """Take replies, and the digests of the prompts that they reply to."""
        self._answers, self._asked = answers, asked

    def replies(self, name: str) -> list[str]:
        """The replies for one problem, in order."""
        names = (f"{name}/{call}" for call in range(CALLS))
        return [self._answers[each] for each in names if each in self._answers]

    def digests(self, name: str) -> list[str]:
        """What each of the replies answers."""
        return [self._asked[f"{name}/{call}"] for call in range(len(self.replies(name)))]


def advanced(guest, statement: str, name: str, held: Held) -> Attempt:
    """Run the system on a problem; raises ValueError if it asks other things than it did before."""
    replies = held.replies(name)
    attempt = attempted(guest, statement, replies)
    if [digest(prompt) for prompt in attempt.prompts[: len(replies)]] != held.digests(name):
        raise ValueError(
            "system.py is not deterministic: run again with the same replies, it asks other things"
        )
    return attempt


def attempted(guest, statement: str, replies: list[str]) -> Attempt:
    """Run the system on a problem; what it may not do becomes its error."""
    message = json.dumps({"problem": statement, "replies": replies})
    told = json.loads(guest.ask(message.encode()))
    attempt = Attempt(told["prompts"], told.get("answer"), told.get("error"))
    texts = [*attempt.prompts, *(each for each in attempt[1:] if each is not None)]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("the guest answers with something else than texts")
    if attempt.waits and len(attempt.prompts) != len(replies) + 1:
        raise ValueError("the guest has neither an answer nor a prompt")
    return attempt._replace(answer=None, error=fault(attempt)) if fault(attempt) else attempt


def fault(attempt: Attempt) -> str:
    """Why an attempt does not count, if it does not."""
    if attempt.error is not None:
        return attempt.error[:1000]
    if len(attempt.prompts) > CALLS:
        return f"solve() asked more than the {CALLS} prompts allowed for a problem"
    if (longest := max(map(len, attempt.prompts), default=0)) > PROMPT:
        return f"solve() made a prompt of {longest} characters, and {PROMPT} are the most"
    if any("\ud800" <= letter <= "\udfff" for letter in "".join(attempt.prompts)):
        return "solve() made a prompt that is no valid text"
    if attempt.answer is not None and len(attempt.answer) > ANSWER:
        return f"solve() returned {len(attempt.answer)} characters, and {ANSWER} are the most"
    return ""


def prompts(attempts: Mapping[str, list[Attempt]]) -> Iterator[dict[str, str]]:
    """What the systems wait for, with ids."""
    for name, row in attempts.items():
        for number, each in enumerate(row):
            if each.waits:
                call = len(each.prompts) - 1
                yield {"id": f"{name}/{number}/{call}", "prompt": each.prompts[call]}


def report(errors: list[str]) -> None:
    """Print how problems went wrong, the first few and once each."""
    for error in list(dict.fromkeys(errors))[:SHOWN]:
        print(error)
    if errors:
        print(f"{len(errors)} problems have no answer for such errors and count as wrong")


def probe(guest, seed: int) -> bytes:
    """The digests of prompts, and the answers, on a few problems, with a stand-in for the model.

    Raises ValueError if every run ends with an error.
    """
    statements = [
        problem.statement
        for workload in quiz.DEVELOPMENT
        for problem in quiz.problems(workload, seed, 0)[:PROBED]
    ]
    attempts = [alone(guest, statement) for statement in statements]
    if all(attempt.error for attempt in attempts):
        raise ValueError(attempts[0].error)
    shown = [([digest(each) for each in a.prompts], a.answer, a.error) for a in attempts]
    return json.dumps(shown).encode()


def alone(guest, statement: str) -> Attempt:
    """Run the system on a problem with the stand-in's replies."""
    replies: list[str] = []
    while (attempt := attempted(guest, statement, replies)).waits:
        replies.append(stand_in(attempt.prompts[-1]))
    return attempt


def stand_in(prompt: str) -> str:
    """A reply in one of a few forms, fixed by the prompt."""
    number = int(digest(prompt), 16)
    form = FORMS[number % len(FORMS)]
    return form % (number // len(FORMS) % 1000)


FORMS = ("%d", "The answer is %d.", "First, 3 and 4 make 7.\n\nAnswer: %d", "Final answer: **%d**")


def digest(prompt: str) -> str:
    """As the digests of a request are made."""
    return hashlib.sha256(prompt.encode()).hexdigest()[:16]
