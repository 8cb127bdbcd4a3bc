"""What `evolver` does with ordinary programs: everything people write is material, and it runs."""

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

import pytest
from conftest import BOWL
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.agents.base import ProposalError
from ratchet.agents.evolve.credit import NOTE, Total, Totals, arms
from ratchet.agents.evolve.guide import BY_HAND
from ratchet.agents.evolve.thompson import Thompson
from ratchet.agents.evolver import evolve
from ratchet.agents.scripts.breeding import breed
from ratchet.agents.scripts.changes import CHANGES
from ratchet.agents.scripts.edits import leave_out, repeat, swap_lines, take_function, take_numbers
from ratchet.agents.scripts.numbers import numbers_of, scale_number
from ratchet.agents.scripts.pack import apply, pytorch
from ratchet.agents.scripts.script import Script, read_script
from ratchet.evals import Candidate, audit
from ratchet.evals.syntax import undefined
from ratchet.tasks import Task, load

HERE = Path(__file__).parent
SCRIPTS = {path.stem: path.read_text() for path in sorted((HERE / "scripts").glob("*.py"))}
CHARS = (HERE / "chars" / "train.py").read_text()
ALL = {**SCRIPTS, "chars": CHARS}
# With RMSNorm in them, so that each motif meets at least three differently written programs.
OTHERS = {name: text.replace("nn.LayerNorm", "nn.RMSNorm") for name, text in ALL.items()}
MOTIFS = {motif.name: motif for motif in pytorch()}


def run(sources: Sequence[str]) -> list[str]:
    """What becomes of some programs: "ok" each, or what went wrong."""
    runner = [sys.executable, str(HERE / "chars" / "runner.py")]
    done = subprocess.run(
        runner, input=json.dumps(list(sources)), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [str(word) for word in json.loads(done.stdout)]


def candidate(source: str) -> Candidate:
    return Candidate(files={"train.py": source}, idea="", proposer="")


@cache
def ordinary() -> Task:
    """A task whose candidates are ordinary programs, and which has no motifs.toml."""
    files = load(BOWL).files
    toml = files["task.toml"].replace(b"step.py", b"train.py") + b'\n[audit]\nlevel = "program"\n'
    start = {"start/train.py": CHARS.encode(), "crippled/train.py": CHARS.encode()}
    others = {p: d for p, d in files.items() if p.split("/")[0] not in ("baselines", "motifs.toml")}
    return Task({**others, "task.toml": toml, **start})


def woven() -> list[tuple[str, str]]:
    """A name and the program, for every motif in three of the scripts that it fits."""
    programs: list[tuple[str, str]] = []
    for motif in pytorch():
        texts = OTHERS if motif.name == "LayerNorm" else ALL
        edits = [(name, apply(read_script(text), motif, Random(0))) for name, text in texts.items()]
        fitting = [(f"{motif.name} in {name}", e.module.code) for name, e in edits if e]
        assert len(fitting) >= 3, motif.name
        programs += fitting[-3:]
    return programs


def test_every_motif_in_three_programs_and_forty_of_forty_proposals_run() -> None:
    task = ordinary()
    children = [evolve(task, candidate(CHARS), [], Random(seed)) for seed in range(40)]
    assert len({child.files["train.py"] for child in children}) > 20
    assert not [child.idea for child in children if audit(child.files, task).refused]
    programs = [*woven(), *((child.idea, child.files["train.py"]) for child in children)]
    words = run([text for _, text in programs])
    assert [(name, w) for (name, _), w in zip(programs, words, strict=True) if w != "ok"] == []


@pytest.mark.parametrize("name", MOTIFS)
def test_a_motif_names_its_paper_and_its_change(name: str) -> None:
    motif = MOTIFS[name]
    assert motif.source
    assert motif.idea
    assert motif.change in CHANGES
    assert bool(motif.needs) == bool(motif.helpers)


def names(source: str) -> set[str]:
    return {one.name for one in numbers_of(read_script(source)) if one.name}


def test_numbers_are_met_wherever_people_write_them() -> None:
    assert names(SCRIPTS["functional"]) == {"WIDTH", "RATE", "EPOCHS", "momentum"}
    assert names(SCRIPTS["modular"]) == {"batch_size", "epochs", "learning_rate", "hidden"}
    options = {"lr", "weight_decay", "batch_size", "dim", "iters"}
    assert names(SCRIPTS["command_line"]) == options
    fields = {"layers", "heads", "width", "dropout"}
    assert names(CHARS) == fields | {"STEPS", "BATCH", "LR", "WARMUP", "mean", "std"} | {
        "betas",
        "weight_decay",
    }


@pytest.mark.parametrize(
    "source",
    [
        "SEED = 3\n",
        "torch.manual_seed(1)\n",
        "x = a.shape[1]\n",
        "y = x ** 2\n",
        "y = step % 10\n",
        "y = x.sum(dim=1)\n",
        "model = Model(vocab_size=11)\n",
        "def f(num_classes=10): pass\n",
        "def points(count):\n    return torch.randn(count) * 0.3\n",
        "def points(count):\n    return torch.randn(count)\nx = points(64)\n",
        "def evaluate(model):\n    return 0.5 * loss(model)\n",
        "with torch.no_grad():\n    y = 0.5 * x\n",
        "nn.Linear(1, 8)\n",
        "print('a', 3)\n",
    ],
)
def test_what_the_data_and_the_seeds_decide_is_left_alone(source: str) -> None:
    assert numbers_of(read_script(source)) == []


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(ALL)), st.integers(0, 10_000))
def test_whole_numbers_stay_whole_and_positive(name: str, seed: int) -> None:
    script = read_script(ALL[name])
    edited = scale_number(script, Random(seed), BY_HAND)
    assert edited
    before, after = numbers_of(script), numbers_of(read_script(edited.module.code))
    assert [one.name for one in before] == [one.name for one in after]
    for old, new in zip(before, after, strict=True):
        assert type(old.value) is type(new.value)
        assert new.value > 0 or old.value == new.value
        assert not old.shares or new.value < 1
    assert sum(old.value != new.value for old, new in zip(before, after, strict=True)) == 1


RESIDUAL = """
import torch.nn.functional as F


class Net:
    def forward(self, x):
        x = x + self.one(x)
        x = F.relu(x)
        self.norm.apply(init)
        return x
"""


def texts(edit: object, script: Script) -> set[str]:
    assert callable(edit)
    drawn = [edit(script, Random(seed), BY_HAND) for seed in range(12)]
    return {edited.module.code for edited in drawn if edited}


def test_statements_are_left_out_repeated_and_swapped_in_methods() -> None:
    script = read_script(RESIDUAL)
    assert {text.count("\n") for text in texts(leave_out, script)} == {RESIDUAL.count("\n") - 1}
    assert len(texts(leave_out, script)) == 3
    assert len(texts(repeat, script)) == 2
    first, second = "x = x + self.one(x)", "x = F.relu(x)"
    swapped = RESIDUAL.replace(first, "A").replace(second, first).replace("A", second)
    assert texts(swap_lines, script) == {swapped}


def test_functions_classes_and_numbers_are_taken_from_other_programs() -> None:
    ours = read_script("RATE = 0.1\n\n\ndef f(x):\n    return x\n\n\nf(RATE)\n")
    theirs = read_script(
        "RATE = 0.2\nPOWER = 2\n\n\ndef g(x):\n    return x**POWER\n\n\n"
        "def f(x):\n    return g(x) + 1\n\n\nf(RATE)\n"
    )
    taken = take_function(ours, Random(0), [theirs], BY_HAND)
    assert taken
    assert "return g(x) + 1" in taken.module.code
    assert undefined(taken.module.code) == set()
    space: dict[str, object] = {}
    exec(taken.module.code, space)
    numbers = take_numbers(ours, Random(0), [theirs], BY_HAND)
    assert numbers
    assert numbers.module.code.startswith("RATE = 0.2")


def test_a_motif_fits_only_where_its_pattern_is_there() -> None:
    def fits(name: str, source: str) -> bool:
        return apply(read_script(source), MOTIFS[name], Random(0)) is not None

    assert not fits("cosine schedule", CHARS)  # it sets its learning rate itself
    clipped = CHARS.replace(
        "        optimizer.step()",
        "        nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n        optimizer.step()",
    )
    assert not fits("gradient clipping", clipped)
    assert not fits("AdamW", CHARS)
    assert not fits("label smoothing", SCRIPTS["modular"])
    evaluated = SCRIPTS["functional"].replace(
        "loss = torch.nn.functional.cross_entropy", "loss = f"
    )
    assert not fits("label smoothing", evaluated)
    binary = SCRIPTS["functional"].replace("cross_entropy", "binary_cross_entropy")
    assert not fits("label smoothing", binary)
    assert not fits("larger batch", SCRIPTS["functional"])
    assert not any(fits(name, "x = 1\n") for name in MOTIFS)


LOOPS = """
import torch

for seed in range(3):
    model = torch.nn.Linear(2, 2)
    opt = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for epoch in range(5):
        for batch in range(7):
            loss = model(torch.ones(1, 2)).sum()
            loss.backward()
            opt.step()
"""


def test_a_schedule_counts_the_outermost_loop_in_which_one_optimizer_steps() -> None:
    edited = apply(read_script(LOOPS), MOTIFS["linear to zero"], Random(0))
    assert edited
    assert "warm_up_and_linear(epoch, 5)" in edited.module.code
    averaged = apply(read_script(LOOPS), MOTIFS["average of weights"], Random(0))
    assert averaged
    assert averaged.module.code.endswith("\n    use_average(opt)\n")


def test_a_learning_rate_by_place_goes_along_to_the_new_optimizer() -> None:
    edited = apply(read_script(LOOPS), MOTIFS["AdamW"], Random(0))
    assert edited
    assert "torch.optim.AdamW(model.parameters(), lr=0.1 * 0.1)" in edited.module.code


def test_a_motif_is_not_woven_in_twice_where_once_is_enough() -> None:
    for name in ("average of weights", "orthogonal start", "decay of matrices alone"):
        once = apply(read_script(SCRIPTS["modular"]), MOTIFS[name], Random(0))
        assert once
        assert apply(read_script(once.module.code), MOTIFS[name], Random(0)) is None


def test_proposals_follow_from_the_parent_and_the_draws() -> None:
    for text in ALL.values():
        one, other = (breed(candidate(text), [candidate(CHARS)], Random(5)) for _ in range(2))
        assert one == other


def test_a_bandit_learns_which_published_changes_pay() -> None:
    arm = {"": Total(40.0, 40.0)}
    paid: Totals = {("edit", "published change"): arm, ("motif", "Lion"): arm}
    guide = Thompson("", paid, {})
    notes = [
        breed(candidate(SCRIPTS["modular"]), [], Random(seed), guide).notes[NOTE]
        for seed in range(12)
    ]
    credited = [arms(note) for note in notes]
    lion = sum(("motif", "Lion") in arm for arm in credited)
    assert lion > 4
    assert all(kind == "place" or name for arm in credited for kind, name in arm)


def test_what_is_not_python_is_no_material() -> None:
    with pytest.raises(ProposalError):
        breed(candidate("x = (\n"), [], Random(0))
