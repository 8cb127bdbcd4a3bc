"""The report: read once, in words, and never read by a search."""

import json
from pathlib import Path

import pytest
from conftest import BOWL, SECRET, UNISOLATED, Ratchet
from stand_ins.runs import always, essence, start
from stand_ins.tweak import Tweak

from ratchet.app.pages import sentences
from ratchet.app.pages.findings import Findings, gather, read_once, sections
from ratchet.evals import Estimate, Rule
from ratchet.sandbox import Sandbox
from ratchet.search.loop import search
from ratchet.search.studies.report import Report, readings, report
from ratchet.tasks import Metric

METRIC = Metric(name="loss", unit="nats", goal="min", worst=20.0, minimum_gain=0.002)
WORDS = ["search", BOWL, "--agent", "stand_ins.tweak", *UNISOLATED]
WORDS += ["--seed", "1", "--secret", SECRET]


def estimate(gain: float, half: float) -> Estimate:
    return Estimate(gain=gain, low=gain - half, high=gain + half, pairs=64)


def said(found: Findings) -> str:
    return "\n".join(sentence for section in sections(found) for sentence in section.sentences)


@pytest.mark.parametrize(
    ("gain", "half", "words"),
    [
        (0.0237, 0.0058, "yes, by 0.0237 ± 0.0058 nats on 64 seeds that nothing else used"),
        (0.0016, 0.0124, "not shown: +0.0016 ± 0.0124 nats on 64 seeds"),
        (0.0016, 0.0124, ", could be none"),
        (-0.03, 0.01, "no, worse by 0.0300 ± 0.0100 nats"),
        (0.001, 0.0005, "yes, by 0.0010 ± 0.0005 nats, less than the 0.002 worth claiming, on"),
    ],
)
def test_a_gain_is_a_sentence(gain: float, half: float, words: str) -> None:
    sentence = sentences.gain("muon (the best baseline)", estimate(gain, half), METRIC)
    assert sentence.startswith("Better than muon (the best baseline): ")
    assert words in sentence


def test_what_is_not_confirmed_is_never_said_to_be_better() -> None:
    sentence = sentences.gain("muon", estimate(0.5, 0.1), METRIC, confirmed=False)
    assert "not confirmed" in sentence
    assert "yes" not in sentence


def test_the_sealed_split_is_read_once_and_again_only_when_asked(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Tweak(), turns=8)
    list(search(run, always))
    row, told = run.archive.run(), list[str]()
    for _ in range(3):
        found = read_once(row, run.lab, run.archive, 2, told.append)
    assert len(told) == len(readings(run.archive, run.id)) == 1
    assert "by more than 0.002 nats: yes" in said(found)
    assert "sealed seeds, which decided nothing" in said(found)
    tree = run.archive.tree(run.id)
    best = tree.best()
    assert best is not None
    assert best.verdict is not None
    other = next(node for node in tree.confirmed() if node.number != best.number)
    assert other.verdict is not None
    worth = best.verdict.model_copy(update={"estimate": estimate(9.0, 0.1)})
    common = tuple(block.model_copy(update={"mean": 9.0}) for block in other.common)
    later = {"verdict": worth, "gain": 9.0, "common": common, "turn": 99}
    run.archive.add(other.model_copy(update=later))
    moved = read_once(row, run.lab, run.archive, 2, told.append, " --archive x.db")
    assert len(told) == 1
    assert f"The best node is now {other.id}." in said(moved)
    assert f"was read at node {best.id}: `ratchet report test --again --archive x.db`" in said(
        moved
    )
    assert report(row, run.lab, run.archive) is not None
    twice = gather(run.archive, row)
    assert [(read.reading, read.node) for read in twice.readings] == [(1, best.id), (2, other.id)]
    assert f"Reading 1 came before this one: node {best.id}" in said(twice)
    assert "(reading 2)" in next(iter(sections(twice))).heading


def test_no_search_reads_a_report(tmp_path: Path, process_sandbox: Sandbox) -> None:
    whole = start(tmp_path / "a.db", process_sandbox, Tweak(), turns=14)
    unread = essence(search(whole, always))
    run = start(tmp_path / "b.db", process_sandbox, Tweak(), turns=14)
    nodes = search(run, always)
    assert any(node.kept for node in nodes)  # and no further
    nodes.close()  # type: ignore[attr-defined]
    assert report(run.archive.run(), run.lab, run.archive) is not None
    run.archive.log(run.id, "ablation", {"node": "test.3", "validated": True, "steps": []})
    run = start(tmp_path / "b.db", process_sandbox, Tweak(), turns=14)
    list(search(run, always))
    assert essence(run.archive.states(run.id)) == unread


def test_of_an_exploration_every_line_says_not_confirmed(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    rule = Rule(standard="explore")
    run = start(tmp_path / "a.db", process_sandbox, Tweak(), turns=8, rule=rule)
    list(search(run, always))
    found = read_once(run.archive.run(), run.lab, run.archive, 2, lambda words: None)
    lines = [line for line in said(found).splitlines() if line.startswith("Better than")]
    assert len(lines) >= 4
    assert all("not confirmed" in line and "yes" not in line for line in lines)
    assert "controls no error rate" in said(found)


def test_a_reading_of_an_older_version_is_still_shown() -> None:
    gains = {name: estimate(0.1, 0.01) for name in ("parent", "start", "baseline")}
    old = {"node": "r.4", "parent": "r.2", "baseline": "muon", "reading": 1, "validated": True}
    read = Report.model_validate({**old, "dev": gains, "transfer": gains, "workloads": {}})
    assert read.number == 4
    found = Findings(
        run="r", task="t", metric=METRIC, best="r.4", again="", readings=(read,)
    )  # fmt: skip
    assert "Better than muon (the best baseline): yes" in said(found)


def test_report_on_the_command_line(tmp_path: Path, ratchet: Ratchet) -> None:
    assert ratchet(*WORDS, "--turns", "6").returncode == 0
    done = ratchet("report", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert [read["reading"] for read in record["readings"]] == [1]
    assert record["readings"][0]["claims"]
    assert any("Better than" in line for lines in record["said"].values() for line in lines)
    resumed = ratchet("resume", *UNISOLATED, "--turns", "8")
    assert "measuring the best kept node" not in resumed.stdout
    assert "on sealed seeds (reading 1)" in resumed.stdout
    again = ratchet("report", "--again", "--ablation", "--accept-unisolated", "--json")
    assert again.returncode == 0, again.stderr
    record = json.loads(again.stdout)
    assert [read["reading"] for read in record["readings"]] == [1, 2]
    assert [step["finding"] for step in record["ablation"]["steps"]][-1] == "matters"
    shown = ratchet("report", record["run"])
    assert "Reading 1 came before this one" in shown.stdout
    assert "still matters: without it" in shown.stdout


def test_a_run_that_kept_nothing_says_so(ratchet: Ratchet) -> None:
    words = ["--agent", "stand_ins.rogue", *UNISOLATED, "--turns", "2", "--seed", "3"]
    ratchet("search", BOWL, *words)
    done = ratchet("report", "--ablation", "--controls")
    assert done.returncode == 0, done.stderr
    assert "nothing was kept" in done.stdout
    assert json.loads(ratchet("report", "--json").stdout)["readings"] == []
