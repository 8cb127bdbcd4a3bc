"""The rounds in which candidates get replies of a language model, and how they can fail."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import BOWL

from ratchet.archive import Archive
from ratchet.evals import Ask, Candidate, Seed, Trial, measure, probe
from ratchet.evals.gateway import PROMPT_CHARACTERS, ROUNDS
from ratchet.sandbox import Job, Result, Sandbox
from ratchet.search.lab import Lab
from ratchet.tasks import Task, TaskError, load

SEEDS = [Seed(train=n, sealed=n + 100) for n in range(3)]
TRAINER = """
import json

def run(request, guest):
    asked = json.loads(request)
    if "probe" in asked:
        return guest.ask(b"{}")
    told = json.loads(guest.ask(request))
    if isinstance(told, list):
        return b"asks\\n" + json.dumps(told).encode()
    return json.dumps(told["scores"]).encode()
"""
GUEST = """
import json

def answer(message, memory):
    space = {}
    exec(open("step.py").read(), space)
    return json.dumps(space["step"](json.loads(message))).encode()
"""
GRADER = """
import json

def run(request, guest):
    line, _, artefact = request.partition(b"\\n")
    asked, score = json.loads(line), json.loads(artefact)
    return json.dumps({"scores": {w: [score for _ in asked["seeds"]] for w in asked["workloads"]}})\
.encode()
"""
ONE_PER_SEED = """
def step(request):
    told = request["answers"]
    asks = [{"id": f"easy/{seed}", "prompt": f"say {seed}"} for seed in request["seeds"]]
    missing = [ask for ask in asks if ask["id"] not in told]
    return missing or {"scores": sum(map(float, told.values()))}
"""


def task(model: bool = True) -> Task:
    """The bowl, with a trainer that asks whatever the candidate returns."""
    files = dict(load(BOWL).files)
    manifest = (
        files["task.toml"].decode().replace("[metric]", f"model = {str(model).lower()}\n[metric]")
    )
    programs = {"trainer.py": TRAINER, "guest.py": GUEST, "grader.py": GRADER}
    return Task(
        {**files, "task.toml": manifest.encode(), **{n: t.encode() for n, t in programs.items()}}
    )


@dataclass
class Model:
    """Answers by a rule and remembers, as a recording would."""

    text: str = "2"
    asked: list[list[Ask]] = field(default_factory=list)

    def answer(self, candidate: Candidate, asks: Sequence[Ask]) -> Mapping[str, str]:
        self.asked.append(list(asks))
        return {ask.id: self.text for ask in asks}

    def describe(self) -> Mapping[str, str]:
        return {"model": f"always {self.text}"}


@dataclass
class Counted:
    """The sandbox, with the CPU time of its jobs written down."""

    inner: Sandbox
    trained: list[float] = field(default_factory=list)
    name: str = "counted"
    isolation: str = "none"

    def run(self, job: Job) -> Result:
        result = self.inner.run(job)
        if job.program.guest:
            self.trained.append(result.cpu_seconds)
        return result


def trials(
    sandbox: Sandbox, step: str, model: Model | None = None, what: Task | None = None
) -> tuple[Trial, ...]:
    candidate = Candidate(files={"step.py": step}, idea="", proposer="test")
    return measure(candidate, what or task(), sandbox, SEEDS, "glance", model or Model())


def test_what_a_candidate_asks_is_answered_together_and_its_job_run_again(
    process_sandbox: Sandbox,
) -> None:
    model = Model()
    found = trials(process_sandbox, ONE_PER_SEED, model)
    assert [trial.score for trial in found] == [6.0] * 3
    (asks,) = model.asked
    assert [ask.id for ask in asks] == ["easy/0", "easy/1", "easy/2"]
    assert asks[1].prompt == "say 1"


def test_answers_come_with_the_digests_of_their_prompts(process_sandbox: Sandbox) -> None:
    step = """
def step(request):
    if not request["answers"]:
        return [{"id": "a", "prompt": "why?"}]
    return {"scores": int(request["asked"]["a"], 16)}
"""
    want = int(hashlib.sha256(b"why?").hexdigest()[:16], 16)
    assert [trial.score for trial in trials(process_sandbox, step)] == [float(want)] * 3


def test_a_job_goes_on_for_as_many_rounds_as_it_needs_and_its_cpu_time_is_the_sum(
    process_sandbox: Sandbox,
) -> None:
    step = f"""
def step(request):
    count = len(request["answers"])
    sum(range(100_000))
    return {{"scores": count}} if count == {ROUNDS} else [{{"id": str(count), "prompt": ""}}]
"""
    sandbox, model = Counted(process_sandbox), Model()
    found = trials(sandbox, step, model)  # type: ignore[arg-type]  # as much of one as is needed
    assert [trial.score for trial in found] == [float(ROUNDS)] * 3
    assert len(model.asked) == ROUNDS
    assert len(sandbox.trained) == ROUNDS + 1
    assert sum(trial.seconds for trial in found) == pytest.approx(sum(sandbox.trained))


@pytest.mark.parametrize(
    ("step", "status", "reason", "rounds"),
    [
        (
            "return [{'id': str(len(request['answers'])), 'prompt': 'more'}]",
            "candidate_error",
            f"still asks after {ROUNDS} rounds",
            ROUNDS,
        ),
        (
            "return [{'id': 'a', 'prompt': str(len(request['answers']))}]",
            "candidate_error",
            "not deterministic",
            1,
        ),
        (
            f"return [{{'id': 'a', 'prompt': 'x' * {PROMPT_CHARACTERS + 1}}}]",
            "invalid_output",
            f"a prompt has {PROMPT_CHARACTERS + 1} characters",
            0,
        ),
        ("return 1 / 0", "candidate_error", "ZeroDivisionError", 0),
        ("while True: pass", "timeout", "", 0),
    ],
)
def test_a_candidate_that_asks_what_it_may_not_has_failed(
    process_sandbox: Sandbox, step: str, status: str, reason: str, rounds: int
) -> None:
    model = Model()
    found = trials(process_sandbox, f"def step(request):\n    {step}\n", model)
    assert {trial.status for trial in found} == {status}
    assert reason in found[0].log
    assert len(model.asked) == rounds


@pytest.mark.parametrize(
    "asks",
    [
        "[]",
        "[{'id': 'a'}]",
        "[{'id': '', 'prompt': 'p'}]",
        "[{'id': 'a', 'prompt': 'p', 'more': 1}]",
        "[{'id': 'a', 'prompt': 'p'}] * 2",
        "[{'id': str(n), 'prompt': 'p'} for n in range(4097)]",
        "[{'id': 'a', 'prompt': '\\ud800'}]",
        "[{'id': 'a', 'prompt': 'p'}] if request else 0",  # again, although answered
    ],
)
def test_a_trainer_that_asks_badly_is_the_tasks_fault(process_sandbox: Sandbox, asks: str) -> None:
    with pytest.raises(TaskError, match="the trainer asks"):
        trials(process_sandbox, f"def step(request):\n    return {asks}\n")


def test_a_task_with_a_model_says_what_it_lacks_before_anything_runs() -> None:
    class Never:
        def run(self, job: Job) -> Result:
            raise AssertionError

    candidate = Candidate(files=task().start, idea="", proposer="")
    with pytest.raises(TaskError, match="OPENAI_BASE_URL or OPENAI_API_KEY, and --model") as found:
        measure(candidate, task(), Never(), SEEDS)  # type: ignore[arg-type]
    assert found.value.exit_code == 2


def test_a_probe_asks_nobody(process_sandbox: Sandbox) -> None:
    candidate = Candidate(files={"step.py": ONE_PER_SEED}, idea="", proposer="")
    quiet = {"step.py": "def step(request): return [request]"}
    assert probe(candidate, task(), process_sandbox).status == "candidate_error"
    found = probe(candidate.model_copy(update={"files": quiet}), task(), process_sandbox)
    assert (found.status, found.reply) == ("ok", b"[{}]")


def test_a_task_without_a_model_never_asks_whatever_its_artefact_says(
    process_sandbox: Sandbox,
) -> None:
    model, plain = Model(), task(model=False)
    grader = b"""
import json

def run(request, guest):
    line, _, artefact = request.partition(b"\\n")
    asked = json.loads(line)
    score = 1.0 if artefact.startswith(b"asks\\n") and "answers" not in asked else 0.0
    return json.dumps({"scores": {w: [score for _ in asked["seeds"]] for w in asked["workloads"]}})\
.encode()
"""
    plain = Task({**plain.files, "grader.py": grader})
    step = "def step(request):\n    assert set(request) == {'workloads', 'seeds'}\n    return [1]\n"
    assert [t.score for t in trials(process_sandbox, step, model, plain)] == [1.0] * 3
    assert model.asked == []


def test_a_lab_passes_its_gateway_and_keeps_the_trials_of_two_models_apart(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    archive = Archive(tmp_path / "a.db", create=True)
    candidate = Candidate(files={"step.py": ONE_PER_SEED}, idea="", proposer="test")
    quiet = Task({**task().files, "start/step.py": b"def step(request): return [1]"})
    scores = {}
    for text in ("2", "3"):
        model = Model(text)
        for _ in range(2):  # the second time from the archive
            lab = Lab(quiet, process_sandbox, archive, gateway=model)
            found = lab.evaluate(candidate, "s", SEEDS, "glance")
        assert len(model.asked) == 1
        assert archive.environment(lab.environment)["model"] == f"always {text}"
        scores[text] = [trial.score for trial in found.trials]
    assert scores == {"2": [6.0] * 3, "3": [9.0] * 3}
    bowl = Lab(load(BOWL), process_sandbox, archive, gateway=Model())
    assert "model" not in archive.environment(bowl.environment)


def test_an_ask_is_told_from_others_by_its_id_and_reaches_disk_as_json() -> None:
    ask = Ask(id="easy/1", prompt="why?")
    assert Ask.model_validate(json.loads(ask.model_dump_json())) == ask
    assert ask.digest == Ask(id="easy/2", prompt="why?").digest
