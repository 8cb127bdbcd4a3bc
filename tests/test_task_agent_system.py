"""The agent_system task through the process sandbox, with a mediocre model played by a function."""

import json
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from types import ModuleType
from typing import Any

import pytest
from stand_ins.played import GENERATORS, Mediocre, grader
from stand_ins.programs import probe

from ratchet.evals import Ask, Candidate, Seed, Split, Trial, audit, measure
from ratchet.sandbox import Job, Sandbox
from ratchet.tasks import Task, load

TASK = load("agent_system")
START = TASK.start["system.py"]
SEEDS = [Seed(train=n, sealed=n) for n in range(8)]


@pytest.fixture(scope="module")
def marking() -> Iterator[ModuleType]:
    """The grader, which knows the answers."""
    with grader() as module:
        yield module


def run(
    sandbox: Sandbox, text: str, model: Mediocre, count: int = 8, role: Split = "dev"
) -> tuple[Trial, ...]:
    candidate = Candidate(files={"system.py": text}, idea="", proposer="test")
    return measure(candidate, TASK, sandbox, SEEDS[:count], role, model)


def mean(trials: Sequence[Trial]) -> float:
    assert {trial.status for trial in trials} == {"ok"}, trials[0].log
    return fmean(trial.score or 0.0 for trial in trials)


def solving(body: str) -> str:
    return "import re\n\ndef solve(problem, model):\n" + "".join(
        f"    {line}\n" for line in body.split("\n")
    )


def test_baselines_rank_as_in_the_literature(process_sandbox: Sandbox, marking: ModuleType) -> None:
    programs = {name: files["system.py"] for name, files in TASK.baselines.items()}
    score, rounds = {}, {}
    for name, text in {"start": START, **programs}.items():
        model = Mediocre(marking)
        score[name], rounds[name] = mean(run(process_sandbox, text, model)), model.rounds
    assert score["self_consistency"] > score["chain_of_thought"] + 0.03
    assert score["chain_of_thought"] > score["start"] + 0.2
    assert score["self_refine"] > score["start"] + 0.2
    assert 0.3 < score["start"] < 0.5
    assert rounds["start"] == [128]  # all problems of all seeds side by side
    assert rounds["self_consistency"] == [128] * 3


def test_a_crippled_system_asks_nothing_and_is_nearly_always_wrong(
    process_sandbox: Sandbox, marking: ModuleType
) -> None:
    assert TASK.crippled is not None
    model = Mediocre(marking)
    assert mean(run(process_sandbox, TASK.crippled["system.py"], model)) == 0.0
    assert model.rounds == []


def test_every_transfer_workload_is_asked_and_marked(
    process_sandbox: Sandbox, marking: ModuleType
) -> None:
    text = TASK.baselines["chain_of_thought"]["system.py"]
    trials = run(process_sandbox, text, Mediocre(marking), role="transfer")
    assert set(trials[0].scores) == {"long_stories", "large_grids", "long_journeys"}
    assert mean(trials) > 0.6


def test_what_was_answered_is_not_asked_twice_and_seeds_may_share_a_job_or_not(
    process_sandbox: Sandbox, marking: ModuleType
) -> None:
    text, model = TASK.baselines["self_consistency"]["system.py"], Mediocre(marking)
    together = run(process_sandbox, text, model, 4)
    asked = model.new
    assert asked == 4 * 16 * 3
    assert [t.scores for t in run(process_sandbox, text, model, 4)] == [t.scores for t in together]
    candidate = Candidate(files={"system.py": text}, idea="", proposer="test")
    alone = [measure(candidate, TASK, process_sandbox, [s], "dev", model)[0] for s in SEEDS[:4]]
    assert [t.scores for t in alone] == [t.scores for t in together]
    assert model.new == asked


def test_a_run_that_was_cut_off_goes_on_with_what_is_recorded(
    process_sandbox: Sandbox, marking: ModuleType
) -> None:
    class Cut(Mediocre):  # type: ignore[misc]  # its module is found at run time alone
        def answer(self, candidate: Candidate, asks: Sequence[Ask]) -> Mapping[str, str]:
            if len(self.rounds) == 2:
                raise KeyboardInterrupt
            replies: Mapping[str, str] = super().answer(candidate, asks)
            return replies

    text, cut = TASK.baselines["self_refine"]["system.py"], Cut(marking)
    with pytest.raises(KeyboardInterrupt):
        run(process_sandbox, text, cut, 2)
    resumed = Mediocre(marking, cut.said)
    whole = Mediocre(marking)
    first, second = (run(process_sandbox, text, model, 2) for model in (resumed, whole))
    assert [trial.scores for trial in first] == [trial.scores for trial in second]
    assert (resumed.new, whole.new) == (32, 96)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("for _ in range(9): model(problem)\nreturn '1'", "asked more than the 8 prompts"),
        ("while True: model(problem)", "asked more than the 8 prompts"),
        ("return model(problem + 'x' * 9000)", "and 8000 are the most"),
        ("return model(problem + '\\ud800')", "no valid text"),
        ("return '1' * 201", "returned 201 characters"),
        ("return 7", "returned int, not a str"),
        ("return None", "returned NoneType, not a str"),
        ("return model(7)", "model() takes a str, not int"),
        ("model(problem)\nreturn [][0]", "IndexError"),
    ],
)
def test_what_a_system_may_not_do_makes_the_problem_wrong_and_is_in_the_log(
    process_sandbox: Sandbox, marking: ModuleType, body: str, reason: str
) -> None:
    trials = run(process_sandbox, solving(body), Mediocre(marking), 2)
    assert [trial.score for trial in trials] == [0.0, 0.0]
    assert reason in trials[0].log
    assert "16 problems have no answer" in trials[0].log


def test_an_error_on_one_problem_costs_that_problem_alone(
    process_sandbox: Sandbox, marking: ModuleType
) -> None:
    whole = TASK.baselines["chain_of_thought"]["system.py"]
    risky = whole.replace("    return last(", "    assert '\\n' not in problem\n    return last(")
    assert risky != whole
    kept, lost = (run(process_sandbox, text, Mediocre(marking)) for text in (whole, risky))
    assert 0 < mean(lost) < mean(kept)
    # Another program has other luck with the model; what it answers is right as often.
    assert fmean(t.scores["word_problems"] or 0 for t in lost) > 0.6


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        (
            "import os\ndef solve(problem, model): return model(os.urandom(8).hex() + problem)",
            "candidate_error",
            "system.py is not deterministic",
        ),
        (
            "import time\ndef solve(problem, model):\n"
            "    if time.monotonic_ns() // 1000 % 2: model(problem)\n"
            "    return model(problem + ' again')",
            "candidate_error",
            "system.py is not deterministic",
        ),
        ("def solve(problem): return 'x'", "ok", "takes 1 positional argument but 2 were given"),
        ("def answer(problem, model): return 'x'", "candidate_error", "must define a function"),
        ("x = 1 / 0", "candidate_error", "does not import: ZeroDivisionError"),
        ("import os\nos._exit(0)", "candidate_error", ""),
        ("def solve(problem, model): raise SystemExit", "candidate_error", ""),
        ("def solve(problem, model): return str(bytearray(3 << 30))", "oom", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_run_or_repeated_has_failed(
    process_sandbox: Sandbox, marking: ModuleType, text: str, status: str, reason: str
) -> None:
    trials = run(process_sandbox, text, Mediocre(marking), 1)
    assert {trial.status for trial in trials} == {status}, trials[0].log
    assert reason in trials[0].log


def test_a_system_that_will_not_stop_is_stopped(
    process_sandbox: Sandbox, marking: ModuleType
) -> None:
    text = solving("while True:\n    try: model(problem)\n    except BaseException: pass")
    manifest = TASK.files["task.toml"].replace(b"wall_seconds = 60", b"wall_seconds = 1")
    hasty = Task({**TASK.files, "task.toml": manifest})
    candidate = Candidate(files={"system.py": text}, idea="", proposer="test")
    trials = measure(candidate, hasty, process_sandbox, SEEDS[:1], "dev", Mediocre(marking))
    assert [trial.status for trial in trials] == ["timeout"]


def test_a_system_that_catches_everything_is_asked_all_the_same(
    process_sandbox: Sandbox, marking: ModuleType
) -> None:
    text = solving("try:\n    reply = model(problem)\nexcept:\n    reply = 'nothing 1'\n"
                   "return re.findall(r'\\d+', reply)[-1]")  # fmt: skip
    model = Mediocre(marking)
    assert 0.2 < mean(run(process_sandbox, text, model)) < 0.6
    assert model.rounds == [128]


def test_random_is_seeded_and_no_state_is_left_of_other_problems(
    process_sandbox: Sandbox, marking: ModuleType
) -> None:
    text = """
import random
seen = []

def solve(problem, model):
    seen.append(problem)
    assert len(seen) == 1
    return model(f"{random.random()} {random.sample(range(99), 9)} {problem}")[6:-1]
"""
    assert 0.2 < mean(run(process_sandbox, text, Mediocre(marking))) < 0.6


SPY = """
import gc, os, sys

def solve(problem, model):
    found = []
    for name in %r:
        if name in sys.modules:
            found.append("module " + name)
        try:
            __import__(name)
        except ImportError:
            continue
        found.append("import " + name)
    words = ("NEW_" + "THEMES", "PROB" + "LEMS", "sea" + "led")
    modules = [vars(module) for module in sys.modules.values() if hasattr(module, "__dict__")]
    for each in [*gc.get_objects(), *modules]:
        if isinstance(each, dict) and any(word in each for word in words):
            found.append("an object with " + str([word for word in words if word in each]))
    for folder in (os.getcwd(), os.path.dirname(os.getcwd()), *sys.path):
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            if name in %r:
                found.append(os.path.join(folder, name))
    if found:
        raise ValueError("found " + ", ".join(found))
    return model(problem)[6:-1]
"""


@pytest.mark.parametrize("box", ["process_sandbox", "isolated_sandbox"])
def test_neither_the_generator_nor_an_answer_is_within_a_systems_reach(
    request: pytest.FixtureRequest, box: str, marking: ModuleType
) -> None:
    hidden = (*GENERATORS, "trainer", "grader")
    spy = SPY % (hidden, tuple(f"{name}.py" for name in hidden))
    model = Mediocre(marking)
    trials = run(request.getfixturevalue(box), spy, model, 2)
    assert mean(trials) > 0.2, trials[0].log
    assert trials[0].log == ""
    assert model.new == 32


def test_a_probe_needs_no_model_and_tells_systems_apart(process_sandbox: Sandbox) -> None:
    replies = {}
    for name, files in {"start": TASK.start, **TASK.baselines}.items():
        found = probe(process_sandbox, TASK, files["system.py"])
        assert found.status == "ok", found.log
        assert found.reply == probe(process_sandbox, TASK, files["system.py"] + "\nX = 1\n").reply
        replies[name] = found.reply
    assert len(set(replies.values())) == 4
    prompts, answer, error = json.loads(replies["self_refine"])[0]
    assert len(prompts) == 3
    assert answer.isdigit()
    assert error is None


def test_a_probe_fails_where_every_problem_does(process_sandbox: Sandbox) -> None:
    some = probe(process_sandbox, TASK, solving("assert '\\n' in problem\nreturn '1'"))
    none = probe(process_sandbox, TASK, solving("return 1 / 0"))
    assert (some.status, none.status) == ("ok", "candidate_error")
    assert "ZeroDivisionError" in none.log


def test_the_programs_of_the_task_pass_the_audit() -> None:
    programs = {"start": TASK.start, **TASK.baselines, "crippled": TASK.crippled or {}}
    for name, files in programs.items():
        findings = audit(files, TASK)
        assert findings.refused == (), name
        assert findings.flags == (), name
    assert audit({"system.py": "import torch\nimport os\n"}, TASK).refused


@pytest.mark.parametrize(
    ("facts", "answer"),
    [
        ((("start", 50), ("more", 20), ("packs", 3, 10), ("times", 2), ("left",)), 200),
        ((("start", 50), ("less", 6), ("left",)), 44),
        ((("start", 50), ("bags", 8)), 6),
        ((("start", 50), ("over", 8)), 2),
        ((("start", 50), ("both", 8)), 108),
        (("routes", ("..", ".."), ""), 2),
        (("routes", ("...", ".#.", "..."), ""), 2),
        (("routes", ("....",) * 4, ""), 20),
        (("cheapest", ("19", "21"), ""), 4),
        (("cheapest", ("191", "111", "951"), ""), 5),
        (("walk", ("12", "34"), "NESW"), 1 + 2 + 4 + 3),
        (("walk", ("12", "34"), "EEES"), 2 + 2 + 2 + 4),
        (("arrival", 60, ((30, 5), (20, 0))), 115),
        (("travel", 60, ((30, 5), (20, 0))), 50),
        (("waiting", 60, ((30, 5), (20, 0))), 5),
    ],
)  # fmt: skip
def test_problems_are_solved_as_by_hand(
    marking: ModuleType, facts: tuple[Any, ...], answer: int
) -> None:
    assert marking.solve(facts) == answer


def test_problems_are_fixed_by_their_seed_and_hold_the_numbers_they_are_made_of(
    marking: ModuleType,
) -> None:
    quiz = marking.quiz
    for workload in (*TASK.manifest.workloads.dev, *TASK.manifest.workloads.transfer):
        assert quiz.problems(workload, 5) == quiz.problems(workload, 5)
        told = [problem for seed in range(40) for problem in quiz.problems(workload, seed)]
        assert len({problem.statement for problem in told}) > 316
        answers = [marking.solve(problem.facts) for problem in told]
        assert min(answers) >= 0
        assert max(answers.count(answer) for answer in set(answers)) < 32  # no guess is worth much
    dev, new = ({p.statement for s in range(40) for p in quiz.problems(w, s)}
                for w in ("word_problems", "long_stories"))  # fmt: skip
    for things in marking.quiz.story.__globals__["NEW_THEMES"]:
        assert not any(things[0] in text for text in dev)
        assert any(things[0] in text for text in new)


@pytest.mark.parametrize(
    ("given", "number"),
    [("42", 42), (" -3\n", -3), ("1,234", 1234), ("+7", 7), ("42.", None), ("42.0", None),
     ("forty", None), ("", None), (None, None), ("4 2", None), ("1" * 5000, None), ("٤", None)],
)  # fmt: skip
def test_an_answer_is_an_integer_and_nothing_else(
    marking: ModuleType, given: str | None, number: int | None
) -> None:
    assert marking.number(given) == number


def test_a_grader_gets_no_file_of_the_candidate(process_sandbox: Sandbox) -> None:
    assert TASK.grader.guest == ""
    assert set(TASK.trainer.shown) == {"guest.py", "allowance.py", "candidate.py"}
    artefact = json.dumps({"word_problems": [["1"] * 8]}).encode()
    request = {"workloads": ["word_problems"], "seeds": [3], "sealed": [4]}
    result = process_sandbox.run(Job(TASK.grader, json.dumps(request).encode() + b"\n" + artefact))
    assert json.loads(result.reply) == {"scores": {"word_problems": [0.0]}}
