"""The optimizer task, through its real trainer and grader: the results it must reproduce."""

import json
import math
import re
import statistics
import struct
import tomllib
from random import Random
from typing import Any

import pytest

from ratchet.sandbox import Job, Program, Result, Sandbox
from ratchet.tasks import load

TASK = load("optimizer")
DEV = TASK.manifest.workloads.dev
START = TASK.start["optimizer.py"]
SEEDS = [Random("test optimizer").getrandbits(63) + i for i in range(16)]
SEALED = [Random("test optimizer, sealed").getrandbits(63) + i for i in range(16)]

Scores = dict[str, list[float | None]]
Described = dict[str, dict[str, Any]]

# The workloads on which the difference was reproduced beyond doubt when the task was made.
GATES = {
    "adamw over sgd": set(DEV),
    "muon over adamw": set(DEV),
}

DESCRIBE = b"""
import json
from workloads import WORKLOADS

def run(request, guest):
    described = {n: {"repr": repr(w), "shapes": w.shapes} for n, w in WORKLOADS.items()}
    return json.dumps(described).encode()
"""

SGD = """
def init(params, kinds):
    return {}

def update(grads, state, params, ctx):
    return {name: -0.1 * grad for name, grad in grads.items()}, state
"""


def train(
    sandbox: Sandbox, source: str, seeds: list[int], names: tuple[str, ...] = ("teacher",)
) -> Result:
    request = json.dumps({"workloads": names, "seeds": seeds}).encode()
    files = {"optimizer.py": source.encode()}
    return sandbox.run(Job(TASK.trainer, request, files, TASK.limits))


def artefact(
    sandbox: Sandbox, source: str, seeds: list[int], names: tuple[str, ...] = ("teacher",)
) -> bytes:
    result = train(sandbox, source, seeds, names)
    assert result.status == "ok", result.log
    return result.reply


def grade(sandbox: Sandbox, data: bytes, seeds: list[int], names: tuple[str, ...]) -> Result:
    asked = {"workloads": names, "seeds": seeds, "sealed": SEALED[: len(seeds)]}
    return sandbox.run(Job(TASK.grader, json.dumps(asked).encode() + b"\n" + data))


def scores(
    sandbox: Sandbox, source: str, count: int, names: tuple[str, ...] = ("teacher",)
) -> Scores:
    data = artefact(sandbox, source, SEEDS[:count], names)
    result = grade(sandbox, data, SEEDS[:count], names)
    assert result.status == "ok", result.log
    found: Scores = json.loads(result.reply)["scores"]
    return found


def gains(better: Scores, worse: Scores) -> dict[str, float]:
    """Mean paired gain over its standard error, on every workload."""
    found = {}
    for name in better:
        pairs = zip(better[name], worse[name], strict=True)
        each = [b - a for a, b in pairs if a is not None and b is not None]
        assert len(each) == len(better[name])
        found[name] = statistics.mean(each) / (statistics.stdev(each) / len(each) ** 0.5)
    return found


def with_constants(source: str, **constants: float) -> str:
    for name, value in constants.items():
        source, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", source)
        assert count == 1
    return source


@pytest.fixture(scope="module")
def workloads(process_sandbox: Sandbox) -> Described:
    """What the library says of every workload."""
    files = {**TASK.trainer.files, "describe.py": DESCRIBE}
    result = process_sandbox.run(Job(Program(files, "describe"), b""))
    assert result.status == "ok", result.log
    described: Described = json.loads(result.reply)
    return described


@pytest.fixture(scope="module")
def adamw(process_sandbox: Sandbox) -> Scores:
    return scores(process_sandbox, START, 8, DEV)


def test_adamw_beats_sgd(process_sandbox: Sandbox, adamw: Scores) -> None:
    sgd = scores(process_sandbox, TASK.baselines["sgd_nesterov"]["optimizer.py"], 8, DEV)
    assert {name for name, t in gains(adamw, sgd).items() if t > 3} >= GATES["adamw over sgd"]


def test_muon_beats_adamw(process_sandbox: Sandbox, adamw: Scores) -> None:
    muon = scores(process_sandbox, TASK.baselines["muon"]["optimizer.py"], 8, DEV)
    assert {name for name, t in gains(muon, adamw).items() if t > 3} >= GATES["muon over adamw"]


def test_a_shorter_second_moment_beats_the_customary_one(process_sandbox: Sandbox) -> None:
    names = ("autoencoder", "teacher")
    short = scores(process_sandbox, with_constants(START, BETA2=0.95), 8, names)
    customary = scores(process_sandbox, with_constants(START, BETA2=0.999), 8, names)
    assert all(t > 3 for t in gains(short, customary).values())


def test_a_crippled_learning_rate_is_detected(process_sandbox: Sandbox, adamw: Scores) -> None:
    rate = float(re.findall(r"(?m)^LR = (.*)$", START)[0])
    crippled = scores(process_sandbox, with_constants(START, LR=0.3 * rate), 8, DEV)
    assert gains(overall(adamw), overall(crippled))["score"] > 5


def overall(by_workload: Scores) -> Scores:
    """The mean over workloads, as the host takes it."""
    columns = zip(*by_workload.values(), strict=True)
    return {"score": [statistics.mean(x for x in each if x is not None) for each in columns]}


def test_a_renamed_copy_scores_identically(process_sandbox: Sandbox) -> None:
    renamed = START.replace("new_state", "following").replace("m_hat", "first")
    assert artefact(process_sandbox, renamed, SEEDS[:2]) == artefact(
        process_sandbox, START, SEEDS[:2]
    )


@pytest.mark.parametrize("method", ["start", *TASK.baselines])
def test_a_seed_is_bitwise_the_same_beside_any_others(
    process_sandbox: Sandbox, workloads: Described, method: str
) -> None:
    source = START if method == "start" else TASK.baselines[method]["optimizer.py"]
    names = DEV if method == "start" else ("autoencoder",)
    of = {n: artefact(process_sandbox, source, SEEDS[:n], names) for n in (1, 4, 16)}
    assert artefact(process_sandbox, source, SEEDS[:4], names) == of[4]
    first = {n: first_seed(data, n, names, workloads) for n, data in of.items()}
    assert first[1] == first[4] == first[16]
    graded = {n: grade(process_sandbox, data, SEEDS[:n], names).reply for n, data in of.items()}
    rows = {n: [row[:1] for row in json.loads(graded[n])["scores"].values()] for n in graded}
    assert rows[1] == rows[4] == rows[16]


def first_seed(
    data: bytes, seeds: int, names: tuple[str, ...], workloads: Described
) -> list[bytes]:
    """The first seed's slice of every tensor."""
    slices, at = [], 0
    for name in names:
        for shape in workloads[name]["shapes"].values():
            slices.append(data[at : at + 4 * math.prod(shape)])
            at += 4 * math.prod(shape) * seeds
    assert at == len(data)
    return slices


def test_the_loop_agrees_with_vmap(process_sandbox: Sandbox) -> None:
    looped = START.replace(
        "    updates, new_state", "    float(grads['b0'].sum())\n    updates, new_state", 1
    )
    result = train(process_sandbox, looped, SEEDS[:2])
    assert result.status == "ok"
    assert "path=loop" in result.log
    usual = floats(artefact(process_sandbox, START, SEEDS[:2]))
    distance = max(abs(a - b) for a, b in zip(floats(result.reply), usual, strict=True))
    assert distance < 1e-3


def floats(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // 4}f", data)


def test_writing_into_the_inputs_changes_nothing(process_sandbox: Sandbox) -> None:
    writing = SGD.replace(
        "    return {name", "    for p in params.values():\n        p.mul_(0.5)\n    return {name"
    )
    assert artefact(process_sandbox, writing, SEEDS[:2]) == artefact(
        process_sandbox, SGD, SEEDS[:2]
    )


def test_a_readout_is_evaluated_whatever_its_order(process_sandbox: Sandbox) -> None:
    readout = "\ndef readout(params, state, ctx):\n    return {}\n"
    same = SGD + readout.format("{name: params[name] for name in reversed(list(params))}")
    other = SGD + readout.format("{name: 2 * param for name, param in params.items()}")
    plain = artefact(process_sandbox, SGD, SEEDS[:2])
    assert artefact(process_sandbox, same, SEEDS[:2]) == plain
    assert artefact(process_sandbox, other, SEEDS[:2]) != plain


FAULTS = {
    "no update": ("def init(params, kinds):\n    return {}\n", "must define a function update()"),
    "syntax": ("def init(", "does not import: SyntaxError"),
    "raises": (SGD.replace("-0.1 * grad", "grad / ctx.speed"), "update raised AttributeError"),
    "shape": (SGD.replace("-0.1 * grad", "grad.sum()"), "update returned () torch.float32 for"),
    "dtype": (SGD.replace("-0.1 * grad", "grad.double()"), "torch.float64 for"),
    "not a tensor": (SGD.replace("-0.1 * grad", "0.0"), "update returned a float where a tensor"),
    "names": (SGD.replace("{name:", "{name + 'x':"), "must return a dict with the keys"),
    "not a pair": (SGD.replace("}, state", "}"), "must return a tuple (updates, state)"),
    "float state": (SGD.replace("return {}", "return {'t': 0.0}"), "init returned a float"),
    "big state": (
        SGD.replace(
            "return {}", "return {n: p.repeat(9, *[1] * p.ndim) for n, p in params.items()}"
        ),
        "more than 4 times the parameters",
    ),
    "readout": (SGD + "\ndef readout(params, state, ctx):\n    return {}\n", "readout must return"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_the_candidates_and_named(process_sandbox: Sandbox, fault: str) -> None:
    source, message = FAULTS[fault]
    result = train(process_sandbox, source, SEEDS[:2])
    assert result.status == "candidate_error"
    assert message in result.log.strip().splitlines()[-1]


def test_a_diverged_seed_is_null_and_the_others_are_not(process_sandbox: Sandbox) -> None:
    data = bytearray(artefact(process_sandbox, SGD, SEEDS[:2]))
    data[:4] = struct.pack("<f", float("nan"))
    result = grade(process_sandbox, bytes(data), SEEDS[:2], ("teacher",))
    first, second = json.loads(result.reply)["scores"]["teacher"]
    assert first is None
    assert second is not None
    exploding = scores(process_sandbox, SGD.replace("-0.1", "1e30"), 2)
    assert exploding == {"teacher": [None, None]}


def test_usual_scores_are_near_zero_and_worst_is_where_the_crippled_program_is(
    process_sandbox: Sandbox, adamw: Scores
) -> None:
    assert all(abs(statistics.mean(s for s in row if s)) < 0.1 for row in adamw.values())
    crippled = scores(process_sandbox, (TASK.crippled or {})["optimizer.py"], 8, DEV)
    (bad,) = overall(crippled).values()
    assert statistics.mean(s for s in bad if s) == pytest.approx(TASK.metric.worst, abs=0.1)


def test_no_workload_counts_as_worse_than_two_nats(process_sandbox: Sandbox) -> None:
    bad = scores(process_sandbox, SGD.replace("-0.1", "0.05"), 2)
    assert all(s is None or s <= 2 for s in bad["teacher"])


def test_an_artefact_of_the_wrong_length_is_invalid(process_sandbox: Sandbox) -> None:
    result = grade(process_sandbox, b"\0" * 12, SEEDS[:2], ("teacher",))
    assert "12 bytes" in json.loads(result.reply)["invalid"]


def test_probes_tell_behaviours_apart_and_copies_not(process_sandbox: Sandbox) -> None:
    def probe(source: str) -> bytes:
        files = {"optimizer.py": source.encode()}
        result = process_sandbox.run(Job(TASK.trainer, b'{"probe": 7}', files, TASK.limits))
        assert result.status == "ok", result.log
        return result.reply

    constant = START.replace("(1.0 - ctx.progress)", "1.0")
    copy = START.replace("new_state", "following")
    programs = [START, constant, with_constants(START, BETA2=0.5), SGD]
    assert len({probe(each) for each in programs}) == len(programs)
    assert probe(copy) == probe(START)


def test_the_start_trains_every_transfer_workload(process_sandbox: Sandbox) -> None:
    transfer = TASK.manifest.workloads.transfer
    found = scores(process_sandbox, START, 2, transfer)
    assert all(s is not None and s < 1 for each in found.values() for s in each)


def test_no_two_workloads_are_the_same_problem(workloads: Described) -> None:
    names = (*DEV, *TASK.manifest.workloads.transfer)
    assert set(names) <= workloads.keys()
    assert len({workloads[name]["repr"] for name in names}) == len(names)


def test_sealed_seeds_alone_decide_the_validation_data(process_sandbox: Sandbox) -> None:
    data = artefact(process_sandbox, SGD, SEEDS[:2], ("glyph_mlp",))
    asked = {"workloads": ["glyph_mlp"], "seeds": SEEDS[:2], "sealed": SEALED[2:4]}
    other = process_sandbox.run(Job(TASK.grader, json.dumps(asked).encode() + b"\n" + data))
    usual = grade(process_sandbox, data, SEEDS[:2], ("glyph_mlp",))
    assert other.reply != usual.reply
    assert grade(process_sandbox, data, SEEDS[:2], ("glyph_mlp",)).reply == usual.reply


def test_the_trainer_is_warm_for_what_the_task_develops_on() -> None:
    warm = f"WARM = {json.dumps(list(DEV))}".replace("[", "(").replace("]", ")")
    assert warm in TASK.files["trainer.py"].decode()
    assert warm in TASK.files["grader.py"].decode()
    assert tomllib.loads(TASK.files["task.toml"].decode())["name"] == "optimizer"
