"""The policy_objective task through the process sandbox: gates, repeatability, refusals."""

import math
import statistics
import struct
from collections.abc import Callable, Sequence
from functools import cache
from random import Random

import pytest
from stand_ins.programs import grade, probe, train

from ratchet.sandbox import Sandbox
from ratchet.tasks import load

TASK = load("policy_objective")
START = TASK.start["objective.py"]
DRAW = Random("test policy_objective")
SEEDS, SEALED = ([DRAW.getrandbits(63) for _ in range(16)] for _ in range(2))
HEAD = "import torch\n\ndef objective(log_ratio, adv, logp_old, entropy, ctx):\n    "
Measure = Callable[[str, str], list[float]]


@pytest.fixture(scope="module")
def scores(process_sandbox: Sandbox) -> Measure:
    @cache
    def of(text: str, workload: str) -> list[float]:
        result = train(process_sandbox, TASK, text, [workload], SEEDS)
        assert result.status == "ok", result.log
        graded = grade(process_sandbox, TASK, [workload], SEEDS, SEALED, result.reply)
        found: list[float] = graded["scores"][workload]
        return found

    return of


def z_score(new: Sequence[float], old: Sequence[float]) -> float:
    """Welch's statistic: runs diverge, so pairing by seed would gain nothing here."""
    variance = statistics.variance(new) / len(new) + statistics.variance(old) / len(old)
    return (statistics.mean(new) - statistics.mean(old)) / math.sqrt(variance)


def test_the_folder_is_a_task() -> None:
    assert TASK.metric.goal == "max"
    assert set(TASK.baselines) == {"none", "clip_higher", "kl_penalty", "dpo_drift"}
    assert all(set(files) == {"objective.py"} for files in TASK.baselines.values())


def test_every_baseline_learns(scores: Measure) -> None:
    for files in (TASK.start, *TASK.baselines.values()):
        found = scores(files["objective.py"], "catch")
        assert len(found) == len(SEEDS)
        assert statistics.mean(found) > 0.2
        assert all(-0.3 < value < 1.01 for value in found)


@pytest.mark.parametrize("workload", ["catch", "cartpole"])
def test_without_a_trust_region_many_epochs_do_harm(scores: Measure, workload: str) -> None:
    none = TASK.baselines["none"]["objective.py"]
    assert z_score(scores(START, workload), scores(none, workload)) > 3


def test_the_discovered_drift_does_not_transfer_to_cartpole(scores: Measure) -> None:
    drift = TASK.baselines["dpo_drift"]["objective.py"]
    assert z_score(scores(START, "cartpole"), scores(drift, "cartpole")) > 3


def test_a_divergence_penalty_beats_clipping_with_few_epochs(scores: Measure) -> None:
    penalty = TASK.baselines["kl_penalty"]["objective.py"]
    assert z_score(scores(penalty, "cartpole_few"), scores(START, "cartpole_few")) > 1.64


@pytest.mark.parametrize("workload", TASK.manifest.workloads.dev)
def test_a_crippled_objective_is_detected(scores: Measure, workload: str) -> None:
    nothing = scores(HEAD + "return torch.zeros_like(adv)\n", workload)
    assert abs(statistics.mean(nothing)) < 0.05
    assert z_score(scores(START, workload), nothing) > 5


def test_seeds_do_not_depend_on_their_company(process_sandbox: Sandbox) -> None:
    names = ["catch", "cartpole_few"]
    sixteen = split(train(process_sandbox, TASK, START, names, SEEDS).reply, names, 16)
    for first, count in ((4, 4), (5, 1), (6, 3)):
        some = SEEDS[first : first + count]
        again = split(train(process_sandbox, TASK, START, names, some).reply, names, count)
        assert again == sixteen[first : first + count]
    everyone = grade(process_sandbox, TASK, names, SEEDS, SEALED, join(sixteen))["scores"]
    alone = grade(process_sandbox, TASK, names, SEEDS[5:6], SEALED[5:6], join(sixteen[5:6]))[
        "scores"
    ]
    assert {name: values[5:6] for name, values in everyone.items()} == alone


def split(artefact: bytes, names: Sequence[str], count: int) -> list[list[bytes]]:
    """Each seed's share of every workload."""
    sizes = {"catch": 8 * 1731 * 4, "cartpole_few": 8 * 226 * 4}
    assert len(artefact) == count * sum(sizes[name] for name in names)
    shares: list[list[bytes]] = [[] for _ in range(count)]
    at = 0
    for name in names:
        for share in shares:
            share.append(artefact[at : at + sizes[name]])
            at += sizes[name]
    return shares


def join(shares: Sequence[Sequence[bytes]]) -> bytes:
    return b"".join(part for parts in zip(*shares, strict=True) for part in parts)


def test_a_renamed_copy_is_identical(process_sandbox: Sandbox) -> None:
    renamed = START.replace("surrogate", "gain").replace("CLIP", "RANGE").replace("ratio", "r")
    renamed = renamed.replace("log_r", "log_ratio").replace("clipped", "held")
    assert renamed != START
    first, second = (
        train(process_sandbox, TASK, text, ["cartpole"], SEEDS[:3]) for text in (START, renamed)
    )
    assert first.reply == second.reply
    assert len(first.reply) > 0


def test_an_objective_that_vmap_cannot_follow_runs_seed_by_seed(process_sandbox: Sandbox) -> None:
    looped = START.replace("    ratio =", "    assert float(adv[0]) == adv[0].item()\n    ratio =")
    mapped, by_seed = (
        train(process_sandbox, TASK, text, ["catch"], SEEDS[:3]) for text in (START, looped)
    )
    assert "path=loop" in by_seed.log
    assert "path=loop" not in mapped.log
    assert by_seed.reply == mapped.reply


def test_random_numbers_in_the_loop_do_not_depend_on_the_company(process_sandbox: Sandbox) -> None:
    noisy = START.replace(
        "return surrogate", "return surrogate + 0.1 * torch.randn(()) * log_ratio"
    )
    both, alone = (train(process_sandbox, TASK, noisy, ["catch"], SEEDS[:n]).reply for n in (2, 1))
    assert alone == both[: len(alone)]


def test_the_probe_tells_behaviours_apart(process_sandbox: Sandbox) -> None:
    texts = [START, *(files["objective.py"] for files in TASK.baselines.values())]
    timed = START.replace("return surrogate", "return surrogate * (1 - ctx.progress)")
    shown = [probe(process_sandbox, TASK, text) for text in [*texts, timed]]
    assert {each.status for each in shown} == {"ok"}
    assert len({each.reply for each in shown}) == len(texts) + 1
    assert probe(process_sandbox, TASK, START + "\n# a comment\n").reply == shown[0].reply
    assert shown[1].cpu_seconds < 0.5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + "raise ValueError('no idea')\n", "no idea"),
        (HEAD + "return adv.mean()\n", "of shape []"),
        (HEAD + "return torch.cat((adv, adv))\n", "of shape"),
        (HEAD + "return 1.0\n", "returned float, not a tensor"),
        (HEAD + "return adv.double()\n", "torch.float64"),
        (HEAD + "return adv > 0\n", "torch.bool"),
        ("def loss():\n    pass\n", "must define a function objective()"),
        ("def objective(:\n", "does not import"),
    ],
)
def test_a_broken_objective_is_the_candidates_fault(
    process_sandbox: Sandbox, text: str, reason: str
) -> None:
    for result in (
        train(process_sandbox, TASK, text, ["catch"], SEEDS[:2]),
        probe(process_sandbox, TASK, text),
    ):
        assert result.status == "candidate_error"
        assert reason in result.log


def test_a_seed_that_diverges_has_no_score(process_sandbox: Sandbox) -> None:
    result = train(
        process_sandbox, TASK, HEAD + "return log_ratio / 0 * adv\n", ["catch"], SEEDS[:2]
    )
    assert result.status == "ok"
    found = grade(process_sandbox, TASK, ["catch"], SEEDS[:2], SEALED[:2], result.reply)["scores"]
    assert found == {"catch": [None, None]}


def test_the_grader_judges_by_the_artefact_alone(process_sandbox: Sandbox) -> None:
    two = (["catch"], SEEDS[:2], SEALED[:2])
    artefact = train(process_sandbox, TASK, START, *two[:2]).reply
    assert "bytes" in grade(process_sandbox, TASK, *two, artefact[:-4])["invalid"]
    assert "bytes" in grade(process_sandbox, TASK, *two, b"")["invalid"]
    whole = grade(process_sandbox, TASK, *two, artefact)["scores"]["catch"]
    spoilt = struct.pack("<f", math.inf) + artefact[4:]
    assert grade(process_sandbox, TASK, *two, spoilt)["scores"]["catch"] == [None, whole[1]]
    other = grade(process_sandbox, TASK, ["catch"], SEEDS[:2], SEALED[2:4], artefact)["scores"][
        "catch"
    ]
    assert other != whole
    assert other == pytest.approx(whole, abs=0.1)
