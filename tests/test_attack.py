"""Every cheating program of the corpus works elsewhere, and gets nothing here."""

import ast
import json
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from conftest import BOWL, Ratchet
from stand_ins.short import short

from ratchet.app.cli.attack import attack, summary
from ratchet.evals.attack import DEPENDS, EFFECTS, Exploit, Target, corpus, planted, select, watch
from ratchet.evals.attack.here import beyond_luck, differing
from ratchet.evals.records import Split
from ratchet.sandbox import Sandbox, SandboxError, open_sandbox
from ratchet.tasks import Task, TaskError, load

BACKENDS = [
    pytest.param("docker", marks=pytest.mark.docker),
    pytest.param("namespace", marks=pytest.mark.namespace),
]
CLOCK = "import time\nNOW = time.time_ns() // 1000\n"
CATALOGUE = {*map(str, range(1, 79)), *(f"C{number}" for number in range(1, 11))}
EXPLOITS = [pytest.param(each, id=each.name) for each in corpus()]
# What a naive evaluator has not got, so that nothing of it can be shown there.
ALONE = {
    *("67_new_root", "68_keyring"),  # a container's own filter refuses them to its trusted part too
    *("77_chosen_code_101", "77_chosen_code_103", "77_chosen_code_104"),
}
SHOWN = [pytest.param(each, id=each.name) for each in corpus() if each.name not in ALONE]
# One of each kind that could behave otherwise in the shipped task than in the tiny one.
KINDS = (
    *("15_patch_tensor_mean", "44_hidden_steps", "63_forged_frames", "68_hidden_places"),
    *("72_pooled_updates", "73_coin_text", "74_generators", "77_chosen_words"),
)


def aims() -> list[tuple[Exploit, str, Split]]:
    """All exploits on the tiny task, but those that have use for tensors or are after the trainer;
    those on one workload of the shipped task, and one of each kind on all of its workloads.

    Whether bits are equal shows on one workload as well as on four: what makes them differ is in
    the guest, which serves all workloads alike.
    """
    tensors = ("72", "73", "74", "75", "71_pooled_l")
    found: list[tuple[Exploit, str, Split]] = []
    for exploit in corpus():
        bound = "\nimport torch" in exploit.source or '"workloads"' in exploit.source
        bound = bound or exploit.effect == "steps" or exploit.name.startswith("73")
        if not bound:
            found.append((exploit, BOWL, "dev"))
        if exploit.name in KINDS:
            found.append((exploit, "optimizer", "dev"))
        elif bound or exploit.name.startswith(tensors):
            found.append((exploit, "optimizer", "glance"))
    return found


AIMS = [
    pytest.param(exploit, task, role, id=f"{exploit.name}-{Path(task).name}-{role}")
    for exploit, task, role in aims()
]


@pytest.fixture(scope="module", params=BACKENDS)
def boxes(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, str]]:
    """A sandbox, and a secret that lies about on the host's side of it."""
    with planted() as canary:
        try:
            backend = open_sandbox(request.param, workers=1)
        except SandboxError as error:
            pytest.skip(str(error))
        with closing(backend):
            yield backend, canary


class Targets:
    """Tasks under attack in one warm sandbox, each measured when it is first needed."""

    def __init__(self, sandbox: Sandbox, canary: str) -> None:
        self.at = cache(lambda task, role: Target(brief(task), sandbox, canary, role))


def brief(task: str) -> Task:
    """The task, with shorter runs where it is a shipped one: no wall depends on their length."""
    return load(BOWL) if task == BOWL else short(task)


@pytest.fixture(scope="module")
def targets(boxes: tuple[Sandbox, str]) -> Targets:
    return Targets(*boxes)


def test_the_corpus_covers_the_catalogue() -> None:
    assert {each for exploit in corpus() for each in exploit.ids} >= CATALOGUE
    assert len(corpus()) >= 150
    assert len({exploit.title for exploit in corpus()}) == len(corpus())


@pytest.mark.parametrize("exploit", EXPLOITS)
def test_an_exploit_says_what_it_gains_and_why_not_here(exploit: Exploit) -> None:
    assert (exploit.effect in EFFECTS) != (exploit.effect == "none" and exploit.name in ALONE)
    assert exploit.defence.endswith(".")
    assert len(exploit.source) < 4096
    names = {node.name for node in ast.parse(exploit.source).body if hasattr(node, "name")}
    assert names, "a program that only talks"


@pytest.mark.parametrize("exploit", SHOWN)
def test_an_exploit_works_in_a_naive_evaluator(isolated_sandbox: Sandbox, exploit: Exploit) -> None:
    """That is the same in any box: the quickest will do. Some race, and win at times."""
    assert any(EFFECTS[exploit.effect](watch(exploit, isolated_sandbox)) for _ in range(3))


@pytest.mark.parametrize(("exploit", "task", "role"), AIMS)
def test_an_exploit_gets_nothing_here(
    targets: Targets, exploit: Exploit, task: str, role: Split
) -> None:
    outcome = targets.at(task, role).attack(exploit)
    assert outcome.held, outcome


def test_an_improvement_is_not_held_to_be_harmless(targets: Targets) -> None:
    """The test of the test: a program that does score better is told apart."""
    outcome = targets.at(BOWL, "dev").attack(made("def twist(d, world):\n    return 1.5 * d\n"))
    assert outcome.broken == ("a better score",)


def test_eight_seeds_are_measured_on_all_development_workloads(targets: Targets) -> None:
    honest = targets.at(BOWL, "dev").honest
    assert [set(trial.scores) for trial in honest] == [{"easy", "hard"}] * 8


def test_a_score_that_differs_in_other_company_is_refused(targets: Targets) -> None:
    """Also where it is worse than the start's in either."""
    late = f"{CLOCK}def twist(d, world):\n    return d * (NOW % 997) / 2e3\n"
    outcome = targets.at(BOWL, "dev").attack(made(late))
    assert outcome.status == DEPENDS
    assert not outcome.broken
    assert outcome.gain is not None
    assert outcome.gain < 0


def test_failing_in_one_composition_alone_is_a_difference(targets: Targets) -> None:
    whole = targets.at(BOWL, "dev").honest
    failed: dict[str, object] = {"score": None, "scores": {}}
    assert not differing(whole, whole)
    for status, differs in (("candidate_error", True), ("diverged", True), ("timeout", False)):
        other = (*whole[:7], whole[7].model_copy(update={"status": status, **failed}))
        assert differing(whole, other) is differs
        assert differing(other, whole) is differs


def test_what_a_program_says_that_it_got_at_is_noticed(targets: Targets) -> None:
    says = "def attack(world):\n    world.tell('an open door')\n"
    outcome = targets.at(BOWL, "dev").attack(made(says))
    assert outcome.broken == ("it got at an open door",)
    assert outcome.status == "ok"


def test_an_end_by_a_name_that_was_not_so_is_noticed(targets: Targets) -> None:
    says = "def twist(d, world):\n    world.write('was no candidate_error')\n    return d / 0\n"
    outcome = targets.at(BOWL, "dev").attack(made(says))
    assert outcome.broken == ("it chose the name of its own end",)


def test_a_task_whose_start_depends_on_its_company_cannot_be_attacked(
    boxes: tuple[Sandbox, str],
) -> None:
    task = load(BOWL)
    start = f"{CLOCK}def step(x, grad, progress):\n    return -grad * (NOW % 997) / 5e4\n"
    clocked = Task({**task.files, "start/step.py": start.encode()})
    with pytest.raises(TaskError, match="for its own start, its score depends on the seeds"):
        Target(clocked, *boxes)


def made(source: str) -> Exploit:
    return Exploit("made_here", "", ("0",), "score", "", source)


def test_a_secret_in_what_comes_out_is_noticed(boxes: tuple[Sandbox, str]) -> None:
    told = f"def twist(d, world):\n    raise ValueError({boxes[1]!r})\n"
    outcome = Target(load(BOWL), *boxes).attack(Exploit("told", "", ("0",), "leak", "", told))
    assert outcome.status == "candidate_error"
    assert outcome.broken == ("the host's secret came out",)


def test_the_corpus_never_runs_without_a_box(process_sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="these programs attack what they run in"):
        watch(corpus()[0], process_sandbox)
    with pytest.raises(SandboxError, match="these programs attack what they run in"):
        Target(load(BOWL), process_sandbox, "secret")


def test_exploits_are_chosen_by_number_or_name() -> None:
    assert {each.name for each in select("c4, 62")} == {"c04_random_state", "62_silenced_detector"}
    assert select("") == corpus()
    with pytest.raises(TaskError, match="no exploit 199"):
        select("199")


@pytest.mark.slow
@pytest.mark.docker
def test_doctor_attacks_a_task(ratchet: Ratchet, boxes: tuple[Sandbox, str]) -> None:
    words = ["doctor", BOWL, "--attack", "--only", "20,14", "--sandbox", boxes[0].name]
    done = ratchet(*words)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "scores 1.00, honest" in done.stdout
    assert "rejected: " in done.stdout
    assert "4 of 4 exploits got nothing on bowl" in done.stdout
    rows = json.loads(ratchet(*words, "--json").stdout)["exploits"]
    assert [row["held"] for row in rows] == [True] * 4
    assert "imports gc" in str(rows[2]["refused"])


@pytest.mark.slow
def test_doctor_counts_apart_what_has_no_counterpart(
    ratchet: Ratchet, boxes: tuple[Sandbox, str]
) -> None:
    words = ["--only", "68_keyring, 69_locks", "--sandbox", boxes[0].name]
    done = ratchet("doctor", BOWL, "--attack", *words)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "2 of 2 exploits got nothing on bowl" in done.stdout
    assert "1 worked in a naive evaluator and 1 cannot be shown there" in done.stdout
    assert done.stdout.count("has no counterpart ") == 1


@pytest.mark.slow
def test_doctor_says_what_did_not_hold(
    boxes: tuple[Sandbox, str],
) -> None:
    open_door = made("def attack(world):\n    world.tell('an open door')\n")
    rows = list(attack((open_door,), load(BOWL), *boxes))
    assert [row.held for row in rows] == [False]
    assert "NOT HELD made_here: it got at an open door" in summary(rows, "bowl", "box", 1.0)


def test_doctor_refuses_to_attack_this_machine(ratchet: Ratchet) -> None:
    done = ratchet("doctor", BOWL, "--attack", "--sandbox", "process")
    assert done.returncode == 3
    assert "does not isolate" in done.stderr


def test_what_is_planted_is_taken_away_again() -> None:
    home = Path.home()
    with planted() as canary:
        assert canary in (Path.home() / ".ssh/id_ed25519").read_text()
        assert Path.home() != home
    assert Path.home() == home


def test_luck_is_no_better_score_and_one_seed_that_stands_out_is() -> None:
    luck = [0.0, -0.0038, -0.0217, -0.0131, -0.0078, 0.0033, -0.0171, -0.0053]
    assert not beyond_luck(luck, 0.002)
    assert not beyond_luck([0.0] * 8, 0.002)
    assert not beyond_luck([0.0] * 7 + [0.0019], 0.002)
    assert beyond_luck([0.0] * 7 + [0.0021], 0.002)
    assert beyond_luck([*luck[:7], 0.3], 0.002)
    assert beyond_luck([0.3 + gain for gain in luck], 0.002)
