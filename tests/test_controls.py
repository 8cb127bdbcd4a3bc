"""Equal-budget controls: what they change, what they may spend, and that they go on when cut."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from conftest import BOWL, SECRET, UNISOLATED, Ratchet
from stand_ins.briefs import bare
from stand_ins.runs import TREE, always, start
from stand_ins.tweak import Tweak

from ratchet.agents.base import ProposalError
from ratchet.agents.random_tweak import RandomTweak
from ratchet.agents.seed_only import SeedOnly
from ratchet.archive import Node, Tree
from ratchet.evals import Candidate, audit
from ratchet.evals.canonical import canonical
from ratchet.evals.syntax import size
from ratchet.sandbox import Sandbox
from ratchet.search.loop import search
from ratchet.search.run import Config, Run
from ratchet.search.select import POLICIES
from ratchet.search.studies.controls import (
    CHANGES,
    control,
    control_config,
    grow,
)
from ratchet.search.studies.equal_budget import affordable
from ratchet.search.studies.report import report
from ratchet.tasks import load

CONFIG = Config(
    tune=0.25,
    task="bowl",
    agent="stand_ins.tweak",
    key="1" * 32,
    secret=SECRET,
    turns=9,
    seed=1,
    company=True,
)


def named(run: Run) -> Run:
    """The run under the name of the agent that it was given."""
    return replace(run, config=run.config.model_copy(update={"agent": "stand_ins.tweak"}))


def quiet(words: str) -> None:
    """Say nothing of the progress."""


@pytest.mark.parametrize("name", CHANGES)
def test_a_control_differs_only_in_what_it_is_about(name: str) -> None:
    made = control_config(CONFIG, "abcd", name).model_dump()
    was = CONFIG.model_dump()
    changed = {key for key in was if was[key] != made[key]}
    always_changed = {"control_of", "turns", "seed", "key", "secret"}
    about = {*CHANGES[name], *(["rule"] if name == "seed-only" else [])}
    assert changed == always_changed | about
    assert made["turns"] is None
    assert control_config(CONFIG, "abcd", name).model_dump() == made
    secrets = {control_config(CONFIG, "abcd", each).secret for each in CHANGES}
    assert len(secrets) == len(CHANGES)


def parent(text: str) -> Node:
    files = {"step.py": text}
    planted: Node = TREE[0]
    return planted.model_copy(update={"candidate": Candidate(files=files, idea="", proposer="t")})


START = load(BOWL).start["step.py"]


def test_a_changed_seed_is_a_changed_comment_and_no_more() -> None:
    node, task = parent(START), load(BOWL)
    for number in range(5):
        offer = SeedOnly().propose(bare(task, node, TREE, Random(number)))
        assert offer.files != node.candidate.files
        assert canonical(offer.files) == canonical({"step.py": START})
        assert size(offer.files) == size({"step.py": START})
        assert len(offer.files["step.py"]) < len(START) + 30, "comments do not pile up"
        assert not audit(offer.files, task).refused
        node = parent(offer.files["step.py"])


def test_a_random_tweak_changes_one_number() -> None:
    task = load(BOWL)
    for number in range(20):
        offer = RandomTweak().propose(bare(task, parent(START), TREE, Random(number)))
        old, new = START.splitlines(), offer.files["step.py"].splitlines()
        differ = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
        assert len(differ) == 1
        assert differ[0][1].startswith("RATE = ")
    plain = parent("def step(x, grad, progress):\n    return grad\n")
    with pytest.raises(ProposalError, match="no number"):
        RandomTweak().propose(bare(task, plain, TREE, Random(0)))


def test_the_policy_of_best_of_n_builds_on_nothing_found() -> None:
    drawn = {POLICIES["planted"](TREE, Random(seed)).number for seed in range(100)}
    assert drawn == {node.number for node in TREE.planted()}


def test_a_budget_counts_what_is_on_its_way() -> None:
    nodes = [
        TREE[0],
        *(TREE[3].model_copy(update={"number": i, "turn": i, "trials": 10}) for i in range(1, 6)),
    ]
    more = affordable(budget=80)
    assert [more(Tree(nodes), turn) for turn in range(6, 11)] == [True] * 3 + [False] * 2
    assert not affordable(budget=50)(Tree(nodes), 6)


def test_controls_spend_as_much_and_are_measured_on_the_same_seeds(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    run = named(start(tmp_path / "a.db", process_sandbox, Tweak(), turns=8))
    list(search(run, always))
    reading = report(run.archive.run(), run.lab, run.archive)
    assert reading is not None
    budget = run.archive.tree(run.id).trials
    table = control(run, reading, quiet)
    assert [row.search for row in table.rows] == ["this search", *CHANGES]
    mine, *others = table.rows
    assert (mine.trials, mine.dev) == (budget, reading.dev["baseline"])
    for row in others:
        tree = run.archive.tree(row.run)
        most = max(node.trials for node in tree)
        assert budget - 2 * most <= tree.trials == row.trials <= budget + 4 * most
        assert run.archive.run(row.run).control_of == run.id
        assert all(n.parent in (0, 1) for n in tree if n.verdict) or row.search != "best-of-n"
    seed_only = others[-1]
    assert (seed_only.confirmed, seed_only.best) == (0, "")
    best_of_n = others[0]
    assert best_of_n.dev is not None
    assert best_of_n.dev.pairs == reading.dev["baseline"].pairs
    before = [len(run.archive.states(row.run)) for row in others]
    measured = run.lab.trials
    assert control(run, reading, quiet) == table
    assert [len(run.archive.states(row.run)) for row in others] == before
    assert run.lab.trials == measured, "all is in the archive"


def test_a_control_that_was_cut_short_goes_on(tmp_path: Path, process_sandbox: Sandbox) -> None:
    run = named(start(tmp_path / "a.db", process_sandbox, Tweak(), turns=3))
    list(search(run, always))
    part = grow(run, "random-tweak", 120, quiet)
    some = len(run.archive.states(part.id))
    assert grow(run, "random-tweak", 400, quiet).id == part.id
    assert len(run.archive.states(part.id)) > some
    assert run.archive.tree(part.id).trials >= 300


def test_controls_on_the_command_line(ratchet: Ratchet) -> None:
    words = ["search", BOWL, "--agent", "stand_ins.tweak", *UNISOLATED]
    assert ratchet(*words, "--turns", "5", "--seed", "1", "--secret", SECRET).returncode == 0
    done = ratchet("report", "--controls", "--accept-unisolated")
    assert done.returncode == 0, done.stderr
    assert "seed-only proposes the same program again and again" in done.stdout
    shown = ratchet("report", "--json")
    assert shown.returncode == 0, shown.stderr
    record = json.loads(shown.stdout)
    assert [row["search"] for row in record["controls"]["rows"]] == ["this search", *CHANGES]
    assert ratchet("runs").stdout.count(f"(control of {record['run']})") == len(CHANGES)
    itself = ratchet("report", f"seed-only-{record['run']}", "--controls")
    assert itself.returncode == 2
    assert "is itself a control" in itself.stderr
