"""The schedule task through the process sandbox: gates, repeatability, refusals."""

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

TASK = load("schedule")
START = TASK.start["schedule.py"]
DRAW = Random("test schedule")
SEEDS, SEALED = ([DRAW.getrandbits(63) for _ in range(16)] for _ in range(2))
PARAMETERS = {"autoencoder_short": 7360, "teacher_long": 3392, "glyph_noisy_sgd": 5376}
RATES = 5
HEAD = "import math\n\ndef lr_scale(step, total):\n    "
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


def baseline(name: str) -> str:
    return TASK.baselines[name]["schedule.py"]


def paired_t(new: Sequence[float], old: Sequence[float]) -> float:
    gaps = [a - b for a, b in zip(new, old, strict=True)]
    return statistics.mean(gaps) / (statistics.stdev(gaps) / math.sqrt(len(gaps)))


def test_the_folder_is_a_task() -> None:
    assert TASK.metric.goal == "min"
    assert set(TASK.baselines) == {"constant", "linear", "cosine", "rex", "wsd", "one_sqrt"}


@pytest.mark.parametrize(
    ("better", "worse", "workload"),
    [
        ("linear", "cosine", "teacher_long"),
        ("linear", "cosine", "autoencoder_long"),
        ("rex", "linear", "teacher_long"),
        ("rex", "linear", "autoencoder_short"),
        ("wsd", "linear", "autoencoder_short"),
        ("constant", "wsd", "autoencoder_short"),
        ("linear", "wsd", "glyph_noisy_sgd"),
        ("cosine", "constant", "teacher_long"),
        ("wsd", "constant", "teacher_long"),
        ("linear", "constant", "glyph_noisy_sgd"),
    ],
)
def test_known_orderings_hold(scores: Measure, better: str, worse: str, workload: str) -> None:
    first, second = (scores(baseline(name), workload) for name in (better, worse))
    assert paired_t(first, second) < -2


@pytest.mark.parametrize("workload", ["teacher_long", "glyph_noisy_sgd"])
def test_a_crippled_schedule_is_detected(scores: Measure, workload: str) -> None:
    late = START.replace("return 0.5", "return 0.0 if progress > 0.5 else 0.5")
    assert late != START
    assert paired_t(scores(late, workload), scores(START, workload)) > 3


def test_the_level_of_a_schedule_hardly_counts(scores: Measure) -> None:
    doubled = HEAD + "return 2 - 2 * step / total\n"
    linear = scores(baseline("linear"), "teacher_long")
    gap = statistics.mean(scores(doubled, "teacher_long")) - statistics.mean(linear)
    assert abs(gap) < 0.005


def test_seeds_do_not_depend_on_their_company(process_sandbox: Sandbox) -> None:
    names = ["autoencoder_short", "teacher_long", "glyph_noisy_sgd"]
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
    assert len(artefact) == count * sum(4 * RATES * PARAMETERS[name] for name in names)
    shares: list[list[bytes]] = [[] for _ in range(count)]
    at = 0
    for name in names:
        for share in shares:
            share.append(artefact[at : at + 4 * RATES * PARAMETERS[name]])
            at += len(share[-1])
    return shares


def join(shares: Sequence[Sequence[bytes]]) -> bytes:
    return b"".join(part for parts in zip(*shares, strict=True) for part in parts)


def test_a_renamed_copy_is_identical(process_sandbox: Sandbox) -> None:
    renamed = START.replace("WARMUP", "RISE").replace("progress", "part")
    names = ["autoencoder_short"]
    first, second = (
        train(process_sandbox, TASK, text, names, SEEDS[:3]).reply for text in (START, renamed)
    )
    assert first == second
    assert len(first) == 3 * 4 * RATES * PARAMETERS["autoencoder_short"]


def test_the_probe_tells_behaviours_apart(process_sandbox: Sandbox) -> None:
    texts = [START, *(files["schedule.py"] for files in TASK.baselines.values())]
    shown = [probe(process_sandbox, TASK, text) for text in texts]
    assert {each.status for each in shown} == {"ok"}
    assert len({each.reply for each in shown}) == len(texts)
    assert probe(process_sandbox, TASK, START + "\n# a comment\n").reply == shown[0].reply
    assert shown[1].cpu_seconds < 0.2


def test_factors_are_clamped(process_sandbox: Sandbox) -> None:
    wild = HEAD + "return 1e9 if step == 0 else -1\n"
    tame = HEAD + "return 10 if step == 0 else 0\n"
    assert probe(process_sandbox, TASK, wild).reply == probe(process_sandbox, TASK, tame).reply
    names = ["autoencoder_short"]
    first, second = (
        train(process_sandbox, TASK, text, names, SEEDS[:2]).reply for text in (wild, tame)
    )
    assert first == second


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + "raise ValueError('no idea')\n", "no idea"),
        (HEAD + "return float('nan')\n", "returned nan"),
        (HEAD + "return math.inf\n", "returned inf"),
        (HEAD + "return None\n", "returned NoneType, not a float"),
        (HEAD + "return [1.0]\n", "returned list, not a float"),
        (HEAD + "return 1 / (total - 1 - step)\n", "ZeroDivisionError"),
        ("def scale():\n    pass\n", "must define a function lr_scale()"),
        ("def lr_scale(:\n", "does not import"),
    ],
)
def test_a_broken_schedule_is_the_candidates_fault(
    process_sandbox: Sandbox, text: str, reason: str
) -> None:
    results = [
        train(process_sandbox, TASK, text, ["autoencoder_short"], SEEDS[:2]),
        probe(process_sandbox, TASK, text),
    ]
    for result in results:
        assert result.status == "candidate_error"
        assert reason in result.log


def test_the_grader_judges_by_the_artefact_alone(process_sandbox: Sandbox) -> None:
    two = (["teacher_long"], SEEDS[:2], SEALED[:2])
    artefact = train(process_sandbox, TASK, START, *two[:2]).reply
    assert "bytes" in grade(process_sandbox, TASK, *two, artefact[:-4])["invalid"]
    assert "bytes" in grade(process_sandbox, TASK, *two, b"")["invalid"]
    whole = grade(process_sandbox, TASK, *two, artefact)["scores"]["teacher_long"]
    elsewhere = (["teacher_long"], SEEDS[:2], SEALED[2:4])
    other = grade(process_sandbox, TASK, *elsewhere, artefact)["scores"]["teacher_long"]
    assert other != whole
    assert other == pytest.approx(whole, abs=0.2)


def test_a_seed_whose_every_rate_diverged_has_no_score(process_sandbox: Sandbox) -> None:
    two = (["teacher_long"], SEEDS[:2], SEALED[:2])
    artefact = train(process_sandbox, TASK, START, *two[:2]).reply
    whole = grade(process_sandbox, TASK, *two, artefact)["scores"]["teacher_long"]
    replica = 4 * PARAMETERS["teacher_long"]
    nan = struct.pack("<f", math.nan)
    lost = nan * (replica // 4)
    assert spoil(process_sandbox, two, lost * RATES + artefact[RATES * replica :]) == [
        None,
        whole[1],
    ]
    partly = spoil(process_sandbox, two, nan + artefact[4:])
    assert partly[0] is not None
    assert partly[1] == whole[1]


def spoil(
    sandbox: Sandbox, two: tuple[list[str], list[int], list[int]], artefact: bytes
) -> list[float]:
    found: list[float] = grade(sandbox, TASK, *two, artefact)["scores"]["teacher_long"]
    return found
