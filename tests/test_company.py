"""A seed's score does not depend on the seeds beside it, or the candidate is invalid."""

from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import BOWL, SECRET
from hypothesis import given
from hypothesis import strategies as st
from stand_ins.cheats import BOWL_POOL, CHEATS, SOBER, coin, leaking
from stand_ins.played import Mediocre, Played, grader
from stand_ins.runs import always
from stand_ins.short import short
from stand_ins.tweak import Tweak

from ratchet.agents.base import Brief
from ratchet.agents.opening import declared
from ratchet.archive import Archive, Tree
from ratchet.evals import Candidate, Keys, Rule, Seed, Trial, audit, draw, key_from, measure
from ratchet.evals.company import ALONE, REASON, companies, difference
from ratchet.evals.conformance import check_task
from ratchet.sandbox import Sandbox, open_sandbox
from ratchet.search.lab import Lab
from ratchet.search.loop import search
from ratchet.search.run import Config, Run
from ratchet.search.select import dgm
from ratchet.search.studies.rejudge import rejudge
from ratchet.search.studies.replay import replay
from ratchet.tasks import Task, TaskError, load, names

SEEDS = draw(Keys("key", "secret"), "confirm/1", 40)


class Offers:
    """Offers programs one after the other, by the turn that asks."""

    def __init__(self, programs: list[str]) -> None:
        self.programs = programs

    def propose(self, brief: Brief) -> Candidate:
        number = int(brief.desk.thread.rpartition("/")[2].partition(".")[0])
        text = self.programs[number % len(self.programs)]
        return Candidate(files={"step.py": text}, idea=f"offer {number}", proposer="offers")


def begun(path: Path, sandbox: Sandbox, agent: Any, task: Task, **config: Any) -> Run:
    archive = Archive(path, create=True)
    config = {"company": True, "schedule": "adaptive", "lag": 0, **config}
    settings = Config(task="bowl", seed=1, key=key_from(1), secret=SECRET, **config)
    if not archive.runs():
        archive.start_run("test", task, settings.model_dump(mode="json"))
    opened, lab = declared(agent, settings.agent), Lab(task, sandbox, archive)
    return Run("test", settings, opened, dgm, lab, archive, 2)


def trial(seed: Seed, **scores: float | None) -> Trial:
    ok = None not in scores.values()
    return Trial(
        seed=seed, status="ok" if ok else "diverged", scores=scores, score=1.0 if ok else None
    )


@given(
    count=st.integers(1, 40), workloads=st.integers(1, 5), key=st.integers(), apart=st.booleans()
)
def test_of_any_evidence_seeds_are_repeated_alone_on_every_workload_and_some_together(
    count: int, workloads: int, key: int, apart: bool
) -> None:
    names = [f"w{number}" for number in range(workloads)]
    trials = [trial(seed, **dict.fromkeys(names, 1.0)) for seed in SEEDS[:count]]
    asked = companies(trials, names, Random(key), apart)
    assert asked == companies(trials, names, Random(key), apart)
    assert {seed for company in asked for seed in company.seeds} <= set(SEEDS[:count])
    alone = [company for company in asked if len(company.seeds) == 1]
    assert any(company.fresh for company in asked)
    if apart:
        assert len(alone) == len(asked) == min(2, count)
        return
    own = [company for company in alone if not company.fresh]
    assert len({company.seeds for company in own}) == len(own) == min(max(ALONE, workloads), count)
    shares = [sum(company.only == (name,) for company in own) for name in names]
    assert max(shares) - min(shares) <= 1


def test_scores_are_equal_to_the_last_bit_or_within_what_the_task_says() -> None:
    task, seed = load(BOWL), SEEDS[0]
    near = 1.0 + 2**-52
    before = [trial(SEEDS[1], easy=0.0), trial(seed, easy=1.0, hard=2.0)]
    assert difference(before, [trial(seed, easy=1.0)], task, "alone") is None
    found = difference(before, [trial(seed, hard=2.0, easy=near)], task, "alone")
    assert found is not None
    assert (found.workload, found.before, found.now) == ("easy", 1.0, near)
    assert str(seed.train) not in found.words("seed 1 of confirm/1")
    toml = task.files["task.toml"].replace(b"[metric]", b"[metric]\nrepeats_within = 0.001")
    loose = Task({**task.files, "task.toml": toml})
    assert difference(before, [trial(seed, easy=near)], loose, "alone") is None
    assert difference(before, [trial(seed, easy=1.0011)], loose, "alone") is not None
    for other in (trial(seed, easy=None), Trial(seed=seed, status="timeout", score=None)):
        assert difference(before, [other], loose, "alone") is not None
        assert difference([other], [other], task, "alone") is None
    short_of_time = Trial(seed=seed, status="timeout", score=None)
    assert difference([short_of_time], [trial(seed, easy=1.0)], task, "alone") is None
    crashed = Trial(seed=seed, status="candidate_error", score=None)
    assert difference([crashed], [trial(seed, easy=1.0)], task, "alone") is not None


@pytest.mark.parametrize("within", ["0.1", "-1", "nan", '"much"'])
def test_a_task_cannot_call_a_gain_worth_claiming_a_repeat(within: str) -> None:
    files = load(BOWL).files
    toml = files["task.toml"].replace(b"[metric]", f"[metric]\nrepeats_within = {within}".encode())
    with pytest.raises(TaskError, match=r"task\.toml: metric"):
        Task({**files, "task.toml": toml})


@pytest.mark.parametrize("rule", [Rule(ruin=1e9), Rule(glance=0)])
def test_a_program_that_pools_seeds_is_invalid_at_its_first_look(
    tmp_path: Path, isolated_sandbox: Sandbox, rule: Rule
) -> None:
    agent = Offers([BOWL_POOL.replace("0.02", f"0.02{n}") for n in range(3)])
    run = begun(tmp_path / "a.db", isolated_sandbox, agent, leaking(), turns=3, rule=rule)
    made = [node for node in search(run, always) if node.verdict]
    assert len(made) == 3
    for node in made:
        assert node.standing == "invalid"
        assert node.verdict is not None
        assert node.verdict.reason.startswith(f"{REASON}: seed ")
        assert max(each.count for each in node.evidence) == rule.first_look


@pytest.fixture(scope="module")
def coins(tmp_path_factory: pytest.TempPathFactory, isolated_sandbox: Sandbox) -> dict[bool, Run]:
    """A search whose agent offers coins for whole jobs, without and with the check."""
    runs = {}
    for company in (False, True):
        path = tmp_path_factory.mktemp("coins") / "a.db"
        agent = Offers([coin(number, sides=3) for number in range(14)])
        rule = Rule(glance=0, most=32)
        runs[company] = begun(
            path, isolated_sandbox, agent, leaking(), turns=14, company=company, rule=rule
        )
        list(search(runs[company], always))
    return runs


def test_a_coin_for_a_whole_job_is_never_confirmed_and_was_without_the_check(
    coins: dict[bool, Run],
) -> None:
    trees = {company: run.archive.tree("test") for company, run in coins.items()}
    assert trees[False].confirmed()
    assert not trees[True].confirmed()
    assert not any(claim.held for claim in trees[True].claims())
    for row in rejudge(coins[True].archive, "test"):
        assert (row.before, row.after) == ("refuted", "refuted")


def test_a_replay_finds_what_depends_on_company(
    coins: dict[bool, Run], isolated_sandbox: Sandbox
) -> None:
    node = coins[False].archive.tree("test").confirmed()[0]
    found = replay(node, coins[False].archive, isolated_sandbox)
    assert found.outcome == "DRIFTED"
    assert REASON in found.reason
    assert not coins[False].archive.tree("test")[node.number].company_checked


def test_an_honest_search_keeps_what_it_kept_says_that_it_was_checked_and_a_replay_does_it_later(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    kept = {}
    runs = {}
    for company in (False, True):
        path = tmp_path / f"{company}.db"
        run = begun(path, isolated_sandbox, Tweak(), load(BOWL), turns=6, company=company)
        tree = Tree(list(search(run, always)))
        assert tree.confirmed()
        assert all(node.company_checked == company for node in tree.confirmed())
        kept[company] = [(node.number, node.standing, node.gain) for node in tree]
        runs[company] = run
    assert kept[False] == kept[True]
    archive = runs[False].archive
    node = archive.tree("test").confirmed()[0]
    found = replay(node, archive, isolated_sandbox)
    assert (found.outcome, found.identical) == ("REPRODUCED", found.seeds)
    assert "checked in other company" in found.reason
    assert archive.tree("test")[node.number].company_checked


def test_a_failing_seed_beside_honest_ones_does_not_make_them_depend(
    isolated_sandbox: Sandbox, tmp_path: Path
) -> None:
    lab = Lab(load(BOWL), isolated_sandbox, Archive(tmp_path / "a.db", create=True))
    text = "def step(x, grad, progress):\n    return -0.02 * grad / (abs(x) < 2.9999)\n"
    candidate = Candidate(files={"step.py": text}, idea="", proposer="test")
    lab.evaluate(candidate, "s", SEEDS[:2])
    lab.evaluate(candidate, "s", SEEDS[:40], beside=SEEDS[:2])
    again = lab.repeats(candidate, SEEDS)
    held = lab.evaluate(candidate, "s", SEEDS[:2]).trials
    assert difference(held, again, lab.task, "beside others") is None


def test_what_rides_along_is_no_evaluation_and_is_measured_once(
    isolated_sandbox: Sandbox, tmp_path: Path
) -> None:
    lab = Lab(load(BOWL), isolated_sandbox, Archive(tmp_path / "a.db", create=True))
    first = lab.evaluate(lab.start, "s", SEEDS[:4])
    second = lab.evaluate(lab.start, "s", SEEDS[:8], beside=SEEDS[:2])
    assert lab.trials == 8
    assert [t.seed for t in second.trials] == list(SEEDS[:8])
    again = lab.repeats(lab.start, SEEDS)
    assert {t.seed: t.scores for t in again} == {t.seed: t.scores for t in first.trials[:2]}
    calls = lab.trials
    assert lab.evaluate(lab.start, "s", SEEDS[:8], beside=SEEDS[4:6]) == second
    assert len(lab.repeats(lab.start, SEEDS)) == 2
    assert lab.trials == calls


def keeps_apart(task: Task) -> bool:
    return task.manifest.limits.apart or task.manifest.limits.seeds_per_job == 1


def test_of_each_shipped_task_seeds_run_in_processes_of_their_own_or_coins_are_tried() -> None:
    tasks = [load(name) for name in names()]
    assert {task.name for task in tasks if not keeps_apart(task)} <= set(CHEATS)
    for name, programs in CHEATS.items():
        for files in (*programs.values(), SOBER[name]):
            assert not audit(files, load(name)).refused


def test_what_a_system_keeps_on_an_imported_class_does_not_reach_another_seed(
    isolated_sandbox: Sandbox,
) -> None:
    task, keeping = load("agent_system"), CHEATS["agent_system"]["kept on an imported class"]
    candidate = Candidate(files=keeping, idea="", proposer="test")
    with grader() as marking:
        model = Mediocre(marking)
        together = measure(candidate, task, isolated_sandbox, SEEDS[:3], "glance", model)
        alone = measure(candidate, task, isolated_sandbox, SEEDS[2:3], "glance", model)
    assert any(trial.score for trial in together)
    assert together[2].scores == alone[0].scores
    assert max(model.rounds[:-1]) > max(model.rounds[-1:])  # asked together all the same


def test_hashes_and_addresses_are_the_same_in_each_box(isolated_sandbox: Sandbox) -> None:
    text = """
def solve(problem, model):
    many = [lambda: number for number in range(900)]
    places = [many.index(function) for function in set(many)]
    raise ValueError(f"{solve} {list(set('abcdefgh'))} {places[:9]}")
"""
    task = load("agent_system")
    candidate = Candidate(files={"system.py": text}, idea="", proposer="test")
    logs = {
        measure(candidate, task, isolated_sandbox, SEEDS[:1], "glance", Played(), fresh=True)[0].log
        for _ in range(3)
    }
    assert len(logs) == 1


@pytest.mark.parametrize("name", sorted(name for name in CHEATS if not keeps_apart(load(name))))
def test_no_program_makes_the_seeds_of_a_shipped_task_meet(
    isolated_sandbox: Sandbox, name: str
) -> None:
    # Whether seeds can meet does not depend on how long they train.
    with closing(open_sandbox(isolated_sandbox.name, 1)) as elsewhere:
        cheats = CHEATS[name]
        findings = check_task(short(name), isolated_sandbox, cheats, elsewhere=elsewhere)
    # The worst score of a shorter run is far away.
    assert [finding for finding in findings if "worst" not in finding.what] == []


def test_the_conformance_suite_names_a_guest_that_lets_seeds_meet(
    isolated_sandbox: Sandbox,
) -> None:
    pool = {"pool": {"step.py": BOWL_POOL}}
    assert check_task(worst(load(BOWL), 3.0), isolated_sandbox, pool) == []
    (finding,) = check_task(worst(leaking(), 3.0), isolated_sandbox, pool)
    assert finding.program == "pool"
    assert REASON in finding.what


def worst(task: Task, value: float) -> Task:
    """The bowl with another worst score; its usual ones are about 0."""
    text = task.files["task.toml"].replace(b"worst = 20.0", f"worst = {value}".encode())
    return Task({**task.files, "task.toml": text})


@pytest.mark.parametrize(
    ("value", "words"), [(20.0, "weighs as much as"), (-0.5, "is no better than worst")]
)
def test_the_conformance_suite_names_a_worst_score_that_is_too_far_or_too_near(
    isolated_sandbox: Sandbox, value: float, words: str
) -> None:
    (finding,) = check_task(worst(load(BOWL), value), isolated_sandbox)
    assert words in finding.what


def test_trials_of_one_workload_are_of_that_alone(isolated_sandbox: Sandbox) -> None:
    task = load(BOWL)
    start = Candidate(files=task.start, idea="", proposer="test")
    (found,) = measure(start, task, isolated_sandbox, SEEDS[:1], only=("hard",), fresh=True)
    assert set(found.scores) == {"hard"}


@pytest.mark.parametrize(
    "line",
    [
        "grad = torch.Tensor(9)",
        "grad = list(map(torch.Tensor, [9]))",
        "grad = grad.new(9)",
        "grad = grad.stride()",
        "torch.kept = grad",
    ],
)
def test_what_shows_memory_or_the_stack_of_others_is_refused(line: str) -> None:
    text = f"import torch\n\n\ndef update(grad):\n    {line}\n    return grad\n"
    assert audit({"optimizer.py": text}, load("optimizer")).refused
    checks = "isinstance(grad, torch.Tensor)"
    assert not audit({"optimizer.py": text.replace(line, checks)}, load("optimizer")).refused
