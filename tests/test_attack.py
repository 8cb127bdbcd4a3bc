"""Every cheating program of the corpus works elsewhere, and gets nothing here."""

import ast
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from conftest import BOWL, Ratchet

from ratchet.evals.attack import EFFECTS, Exploit, Target, corpus, planted, select, watch
from ratchet.sandbox import Sandbox, SandboxError, open_sandbox
from ratchet.tasks import TaskError, load

BACKENDS = [
    pytest.param("docker", marks=pytest.mark.docker),
    pytest.param("namespace", marks=pytest.mark.namespace),
]
CATALOGUE = {*map(str, range(1, 63)), *(f"C{number}" for number in range(1, 11))}
EXPLOITS = [pytest.param(each, id=each.name) for each in corpus()]


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


@pytest.fixture(scope="module")
def targets(boxes: tuple[Sandbox, str]) -> dict[str, Target]:
    return {name: Target(load(name), *boxes) for name in (BOWL, "optimizer")}


def aim(exploit: Exploit) -> str:
    """The quick task, unless the exploit has use for tensors or is after the trainer."""
    deep = "\nimport torch" in exploit.source or '"workloads"' in exploit.source
    return "optimizer" if deep or exploit.effect == "steps" else BOWL


def test_the_corpus_covers_the_catalogue() -> None:
    assert {each for exploit in corpus() for each in exploit.ids} >= CATALOGUE
    assert len(corpus()) >= 70
    assert len({exploit.title for exploit in corpus()}) == len(corpus())


@pytest.mark.parametrize("exploit", EXPLOITS)
def test_an_exploit_says_what_it_gains_and_why_not_here(exploit: Exploit) -> None:
    assert exploit.effect in EFFECTS
    assert exploit.defence.endswith(".")
    assert len(exploit.source) < 4096
    names = {node.name for node in ast.parse(exploit.source).body if hasattr(node, "name")}
    assert names, "a program that only talks"


@pytest.mark.parametrize("exploit", EXPLOITS)
def test_an_exploit_works_in_a_naive_evaluator(
    boxes: tuple[Sandbox, str], exploit: Exploit
) -> None:
    seen = watch(exploit, boxes[0])
    assert EFFECTS[exploit.effect](seen), seen


@pytest.mark.parametrize("exploit", EXPLOITS)
def test_an_exploit_gets_nothing_here(targets: dict[str, Target], exploit: Exploit) -> None:
    outcome = targets[aim(exploit)].attack(exploit)
    assert outcome.held, outcome


def test_an_improvement_is_not_held_to_be_harmless(targets: dict[str, Target]) -> None:
    """The test of the test: a program that does score better is told apart."""
    better = Exploit(
        "better", "", ("0",), "score", "", "def twist(d, world):\n    return 1.5 * d\n"
    )
    outcome = targets[BOWL].attack(better)
    assert outcome.broken == ("a better score",)


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
    with pytest.raises(TaskError, match="no exploit 99"):
        select("99")


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
