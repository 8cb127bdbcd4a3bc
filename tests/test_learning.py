"""What pays is learned from search seeds alone, in a run and from earlier ones."""

import json
import shutil
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import BOWL, HERE, Ratchet
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_ins.briefs import bare
from stand_ins.runs import always, essence, node, start

from ratchet.agents.evolve.credit import NOTE, PARTS, Arm, Credit, Total, arms, noted, totals
from ratchet.agents.evolve.factors import DRIFTS
from ratchet.agents.evolve.ideas import credits
from ratchet.agents.evolve.learned import Document, Learned, LearnedError, Taught, read_file
from ratchet.agents.evolve.thompson import EXPLORE, Thompson
from ratchet.agents.evolver import WEIGHTS, create, evolve
from ratchet.agents.learning import SHIPPED, opened
from ratchet.archive import Archive, Evidence, Node, Tree
from ratchet.evals import Candidate, Claim, Estimate, Summary, Verdict
from ratchet.sandbox import Sandbox
from ratchet.search.loop import search
from ratchet.search.run import Run
from ratchet.tasks import load, names
from ratchet.tasks.motifs import Motif

TASK = load("optimizer")
LEAST = TASK.metric.minimum_gain
GLANCE = (Evidence(stream="search/0", count=4, split="glance"),)
STANDINGS = ("no gain", "promising", "confirmed", "unproven", "refuted")
KEPT = HERE / "fixtures/archive_0_1"
DRY: Any = SimpleNamespace(dry=True)  # a desk at which nothing is tried out
GAINS = st.floats(-1, 1)


def child(
    number: int,
    note: str,
    screen: Summary | None = None,
    standing: str = "no gain",
    parent: int = 0,
    evidence: tuple[Evidence, ...] = (),
    **verdict: Any,
) -> Node:
    """A proposal with a note and a screen; `verdict` is what else was decided on it."""
    made = Candidate(files={"a.py": "x = 1\n"}, idea="", proposer="evolver", notes={NOTE: note})
    judged = Verdict(standing=standing, reason="", screen=screen, **verdict)  # type: ignore[arg-type]
    grown: Node = node(number, None, parent, standing, candidate=made, evidence=evidence)
    return grown.model_copy(update={"verdict": judged})


def tree(*children: Node) -> Tree:
    roots = [node(0, 0.0), node(1, 0.1)]
    named = [root.model_copy(update={"name": name}) for root, name in zip(roots, "ab", strict=True)]
    return Tree([*named, *children])


def screened(mean: float) -> Summary:
    return Summary(mean=mean, sd=0.04, pairs=16)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(GAINS, st.sampled_from(STANDINGS), st.sampled_from(STANDINGS), GAINS),
        min_size=1,
        max_size=6,
    )
)
def test_claims_and_all_that_fresh_seeds_showed_change_no_draw(
    rows: Sequence[tuple[float, str, str, float]],
) -> None:
    def grown(told: bool) -> Tree:
        children = []
        for number, (mean, one, other, gain) in enumerate(rows, 2):
            held = other == "confirmed"
            claim = Claim(
                says="better", versus=0, held=held, level=0.01, log_e=9 * gain, stream="confirm/2",
                pairs=32, evidence="", gain=screened(gain),
            )  # fmt: skip
            estimate = Estimate(gain=gain, low=gain - 1, high=gain + 1, pairs=32)
            more: dict[str, Any] = {"claims": (claim,), "estimate": estimate} if told else {}
            standing = other if told else one
            made = child(number, "constant, at update", screened(mean), standing, **more)
            ranked = {"gain": gain, "score": gain, "gain_error": 0.1} if told else {}
            children.append(made.model_copy(update=ranked))
        return tree(*children)

    plain, after = (totals(grown(told), LEAST) for told in (False, True))
    assert plain == after
    one, other = (Thompson("a", known, {}).edits(WEIGHTS, Random(1)) for known in (plain, after))
    assert one == other


@settings(max_examples=30, deadline=None)
@given(GAINS, GAINS, st.sampled_from(STANDINGS))
def test_a_reward_is_a_chance_that_grows_with_the_screen(
    one: float, other: float, standing: str
) -> None:
    low, high = sorted((one, other))
    known = totals(
        tree(child(2, "fork", screened(low), standing), child(3, "move", screened(high), standing)),
        LEAST,
    )
    worse, better = known["edit", "fork"]["a"], known["edit", "move"]["a"]
    assert 0 <= worse.reward <= better.reward <= 1
    assert worse.tried == better.tried == 1


def test_what_is_ruined_or_invalid_brings_nothing_and_what_was_not_measured_counts_not() -> None:
    known = totals(
        tree(
            child(2, "fork", standing="invalid"),
            child(3, "merge", evidence=GLANCE),
            child(4, "move"),
            child(5, "reuse", Summary(mean=0.0, sd=0.0, pairs=4)),
            child(6, "operator", screened(0.1)),
        ),
        LEAST,
    )
    assert known["edit", "fork"] == known["edit", "merge"] == {"a": Total(0.0, 1)}
    assert ("edit", "move") not in known
    assert known["edit", "reuse"]["a"].reward < 0.01
    assert known["edit", "operator"]["a"].reward > 0.9


def test_both_edits_of_a_proposal_are_credited_each_once_and_to_the_family_of_its_root() -> None:
    made = [
        Credit("value motif", "ema", "update for conv and matrix"),
        Credit("constant", "", "constant LR"),
        Credit("constant", "", "constant LR"),
    ]
    note = noted(made)
    assert note.startswith("value motif: ema, at update for conv and matrix; constant, at ")
    grown = tree(child(2, note, screened(0.1), parent=1), child(3, note, screened(-0.1), parent=2))
    known = totals(grown, LEAST)
    assert set(known) == {
        ("edit", "value motif"),
        ("edit", "constant"),
        ("motif", "ema"),
        ("place", "update for conv and matrix"),
        ("place", "constant LR"),
    }
    assert {tuple(families) for families in known.values()} == {("b",)}
    assert {total.tried for families in known.values() for total in families.values()} == {2}


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=300))
def test_any_note_is_read_and_what_is_not_known_changes_no_chance(note: str) -> None:
    known = totals(tree(child(2, note, screened(0.1)), child(3, "tune; x: y, at z")), LEAST)
    assert all(part in PARTS and name for part, name in arms(note))
    strange = {arm: families for arm, families in known.items() if arm[1] not in WEIGHTS}
    one, other = (Thompson("a", brought, {}).edits(WEIGHTS, Random(1)) for brought in (strange, {}))
    assert one == other


AMOUNTS = st.integers(0, 400).flatmap(lambda n: st.tuples(st.floats(0, n), st.just(n)))
FAMILIES = st.dictionaries(
    st.sampled_from("abc"), AMOUNTS.map(lambda pair: Total(*pair)), max_size=3
)


def brought(part: str, names: Sequence[str]) -> Any:
    arms_of = st.sampled_from(names).map(lambda name: (part, name))
    return st.dictionaries(arms_of, FAMILIES, max_size=8)


@settings(max_examples=40, deadline=None)
@given(brought("edit", list(WEIGHTS)), brought("edit", list(WEIGHTS)), st.integers(0, 9))
def test_every_edit_keeps_its_floor_whatever_was_learned(run: Any, earlier: Any, seed: int) -> None:
    chances = Thompson("a", run, earlier).edits(WEIGHTS, Random(seed))
    assert sum(chances) == pytest.approx(1)
    whole = sum(WEIGHTS.values())
    for chance, weight in zip(chances, WEIGHTS.values(), strict=True):
        assert chance >= EXPLORE * weight / whole * (1 - 1e-9)


@settings(max_examples=5, deadline=None)
@given(brought("motif", [motif.name for motif in DRIFTS]), st.integers(0, 9))
def test_every_motif_is_tried_first_at_times(run: Any, seed: int) -> None:
    rng, guide = Random(seed), Thompson("a", run, {})
    first = Counter(guide.motifs(DRIFTS, rng)[0].name for _ in range(1000))
    # A third of 15 % of 1000 is 50; fewer than 20 has a chance of one in a million.
    assert all(first[motif.name] >= 20 for motif in DRIFTS)
    assert {motif.name for motif in guide.motifs(DRIFTS, rng)} == {m.name for m in DRIFTS}


def test_an_arm_is_judged_by_its_family_where_that_has_a_story_and_else_by_the_others() -> None:
    bad, good = Total(0.0, 200), Total(180.0, 200)

    def mean(run: Mapping[str, Total], earlier: Mapping[str, Total]) -> float:
        won, lost = Thompson("a", {("edit", "fork"): run}, {("edit", "fork"): earlier}).posterior(
            ("edit", "fork"), 0.1
        )
        return won / (won + lost)

    assert mean({}, {}) == pytest.approx(0.1)
    assert 0.5 < mean({"b": good}, {}) < 0.9
    assert mean({"b": good, "a": bad}, {}) < 0.15
    assert mean({}, {"b": good}) < mean({}, {"a": good}) < mean({}, {"a": good, "b": good})
    assert mean({"a": good}, {"a": bad}) > 0.75


def test_what_pays_is_drawn_more_often_and_first_draws_are_about_as_weighed() -> None:
    run: dict[Arm, dict[str, Total]] = {("edit", n): {"a": Total(2.0, 40)} for n in WEIGHTS}
    run["edit", "fork"] = {"a": Total(16.0, 40)}
    rng = Random(1)

    def share(known: Any, name: str) -> float:
        guide, at = Thompson("a", known, {}), list(WEIGHTS).index(name)
        return sum(guide.edits(WEIGHTS, rng)[at] for _ in range(1000)) / 1000

    assert share(run, "fork") > 0.7
    whole = sum(WEIGHTS.values())
    for name in ("factor", "constant", "crossover"):
        assert share({}, name) == pytest.approx(WEIGHTS[name] / whole, abs=0.06)


def test_places_that_pay_are_drawn_more_often_and_none_is_given_up() -> None:
    run: dict[Arm, dict[str, Total]] = {
        ("place", "here"): {"a": Total(20.0, 40)},
        ("place", "there"): {"a": Total(0.0, 40)},
    }
    guide, rng = Thompson("a", run, {}), Random(1)
    drawn = Counter(guide.pick(["here", "there"], rng, str) for _ in range(500))
    assert drawn["here"] > 5 * drawn["there"] > 0


def test_proposals_say_what_they_are_made_of_and_other_guides_change_no_draw() -> None:
    programs = [
        Candidate(files=files, idea="", proposer="task")
        for files in (TASK.start, TASK.baselines["muon"])
    ]
    motifs = {motif.name for motif in (*TASK.motifs.motifs, *DRIFTS)}
    for seed in range(12):
        learned = evolve(TASK, programs[1], programs, Random(seed), Thompson("muon", {}, {}))
        parts = arms(learned.notes[NOTE])
        edits = {name for part, name in parts if part == "edit"}
        assert edits
        assert edits <= set(WEIGHTS)
        assert {name for part, name in parts if part == "motif"} <= motifs
        plain = evolve(TASK, programs[1], programs, Random(seed))
        assert plain == evolve(TASK, programs[1], programs, Random(seed))
        assert not plain.notes


def test_the_idea_of_an_older_proposal_tells_what_it_was_made_of() -> None:
    programs = [
        Candidate(files=files, idea="", proposer="task")
        for files in (TASK.start, *TASK.baselines.values())
    ]
    told = 0
    for seed in range(40):
        parent = programs[seed % len(programs)]
        made = evolve(TASK, parent, programs, Random(seed), Thompson("muon", {}, {}))
        noted_arms = {arm for arm in arms(made.notes[NOTE]) if arm[0] != "place"}
        read = arms(noted(credits(made.idea, TASK.motifs)))
        alike = {("edit", "substitution"), ("edit", "operator")}  # say the same
        assert read - alike == noted_arms - alike, made.idea
        told += len(read)
    assert told > 40


def test_runs_that_kept_nothing_learned_propose_as_they_did() -> None:
    parent = node(0, 0.0, candidate=Candidate(files=TASK.start, idea="", proposer="task"))
    paid = child(1, "constant, at update", screened(0.2))
    offers = [
        create().propose(replace(bare(TASK, parent, Tree([parent, *more]), Random(5)), desk=DRY))
        for more in ([], [paid])
    ]
    assert offers[0] == offers[1]
    assert NOTE not in offers[0].notes


# Runs and files


@pytest.fixture(scope="module")
def bowl(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The bowl, with motifs to weave in."""
    folder = tmp_path_factory.mktemp("task") / "bowl"
    shutil.copytree(BOWL, folder)
    shutil.copy(KEPT / "motifs.toml", folder)
    return str(folder)


def begun(path: Path, sandbox: Sandbox, folder: str) -> Run:
    """A run of the evolver on the bowl, or the one that is there, taken up."""
    earlier = Learned(edit={"constant": {"start": (1.0, 9)}})
    run: Run = start(path, sandbox, create(), folder=folder, turns=9, learned=earlier)
    return run


@pytest.fixture(scope="module")
def grown(
    tmp_path_factory: pytest.TempPathFactory, bowl: str, isolated_sandbox: Sandbox
) -> Iterator[Archive]:
    """An archive with such a run, at its end."""
    run = begun(tmp_path_factory.mktemp("grown") / "a.db", isolated_sandbox, bowl)
    list(search(run, always))
    yield run.archive
    run.archive.close()


def test_a_run_that_is_abandoned_and_resumed_learns_the_same(
    tmp_path: Path, bowl: str, grown: Archive, isolated_sandbox: Sandbox
) -> None:
    for stop in (6, 99):
        run = begun(tmp_path / "b.db", isolated_sandbox, bowl)
        nodes = search(run, always)
        for _ in zip(range(stop), nodes, strict=False):
            pass
        nodes.close()  # type: ignore[attr-defined]
    states = run.archive.states("test")
    assert essence(states) == essence(grown.states("test"))
    assert totals(Tree(states).validated(), 0.002), "the run has learned something"


def test_what_comes_with_ratchet_is_known_to_its_tasks() -> None:
    document = read_file(SHIPPED)
    assert set(document.tasks) <= set(names())
    assert len(document.text) < 16_000
    for name in document.tasks:
        said: list[str] = []
        opened(None, "no/such.db", load(name), said.append)
        assert not said


NAMES = st.text(st.characters(categories=["L", "N", "Zs"]), min_size=1, max_size=12).filter(
    lambda name: name == " ".join(name.split()) and bool(name)
)
PAIRS = st.integers(0, 99).flatmap(lambda n: st.tuples(st.floats(0, n), st.just(n)))
TAUGHT = st.builds(
    Taught, run=NAMES, task=NAMES, digest=NAMES, begun=NAMES, proposals=st.integers(0, 9)
)
TABLES = st.dictionaries(NAMES, st.dictionaries(NAMES, PAIRS, max_size=3), max_size=3)
LEARNED = st.builds(
    Learned,
    runs=st.lists(TAUGHT, max_size=2).map(tuple),
    edit=TABLES,
    motif=TABLES,
    place=TABLES,
)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(NAMES, LEARNED, max_size=2))
def test_a_file_says_all_that_was_learned(tasks: dict[str, Learned]) -> None:
    document = Document(format=1, version="1", tasks=tasks)
    assert Document.model_validate(tomllib.loads(document.text)) == document


@pytest.mark.parametrize(
    "text",
    [
        "tasks = {}",
        "format = 2",
        "[",
        "format = 1\n[tasks.a.edit]\nb = { c = [3.0, 2] }",
        "format = 1\nx = 1",
    ],
)
def test_a_file_that_is_none_of_ours_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "learned.toml"
    path.write_text(text)
    with pytest.raises(LearnedError) as raised:
        read_file(path)
    assert "\n" not in str(raised.value)
    assert "ratchet learn" in str(raised.value)


def test_names_that_nothing_has_are_passed_over_with_a_word(tmp_path: Path) -> None:
    families = {"start": (1.0, 2)}
    learned = Learned(
        edit={"constant": families, "graft": families}, motif={"ema": families, "gone": families}
    )
    path = tmp_path / "mine.toml"
    path.write_text(Document(format=1, tasks={"optimizer": learned}).text)
    said: list[str] = []
    kept = opened(str(path), "a.db", TASK, said.append)
    assert set(kept.edit) == {"constant"}
    assert set(kept.motif) == {"ema"}
    assert "graft" in said[0]
    assert "gone" in said[0]
    assert opened("nothing", "a.db", TASK, said.append) == Learned()


def test_what_an_archive_teaches_is_written_and_a_later_search_finds_it(
    tmp_path: Path, bowl: str, grown: Archive, quick_ratchet: Ratchet, ratchet: Ratchet
) -> None:
    where = str(grown.where)
    done = ratchet("learn", where, "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    (taught,) = record["tasks"]["bowl"]["runs"]
    assert (taught["run"], taught["proposals"]) == ("test", 9)
    path = Path(record["file"])
    assert path == Path(f"{where}.learned.toml")
    said: list[str] = []
    found = opened(None, where, load(bowl), said.append)
    assert found == read_file(path).learned("bowl")
    assert found.edit
    assert said == [f"{path}: the search begins with what earlier runs taught"]
    shown = ratchet("learn", where, "--out", "copy.toml")
    assert "mean reward" in shown.stdout
    assert (tmp_path / "copy.toml").read_text() == path.read_text()
    # The run began with another lesson, and is grown again with that.
    replayed = quick_ratchet("replay", "test", "--archive", where, "--json")
    assert json.loads(replayed.stdout)["outcome"] == "REPRODUCED", replayed.stdout


def test_what_cannot_be_learned_from_or_written_is_one_sentence(
    tmp_path: Path, ratchet: Ratchet
) -> None:
    Archive(tmp_path / "empty.db", create=True).close()
    (tmp_path / "other.toml").write_text("mine = true\n")
    cases = {
        ("learn", "empty.db"): "no run teaches anything",
        ("learn", "empty.db", "--out", "other.toml"): "name another file with --out",
        ("learn", "none.db"): "none.db",
        ("search", BOWL, "--learned", "none.toml"): "cannot read none.toml",
    }
    for words, said in cases.items():
        done = ratchet(*words)
        assert done.returncode in (2, 3)
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert (tmp_path / "other.toml").read_text() == "mine = true\n"
    assert not (tmp_path / ".ratchet").exists()


def test_motifs_are_ordered_also_where_there_are_none() -> None:
    empty: list[Motif] = []
    assert Thompson("a", {}, {}).motifs(empty, Random(1)) == []
