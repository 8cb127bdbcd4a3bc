"""Benches of agents: equal budgets, equal seeds, benches that go on, and figures to check."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import BOWL, SECRET
from rich.console import Console
from stand_ins.model_server import ModelServer
from stand_ins.scripted import START, confirmed, node
from stand_ins.weak_model import answer

from ratchet.agents.base import AgentError
from ratchet.app.cli.bench import BenchOrder, bench_agents, bench_record, bench_view
from ratchet.app.pages.curves import PlotError, at
from ratchet.archive import Archive, Node, Tree
from ratchet.evals import Verdict
from ratchet.search.desk.wanted import ModelChoiceError, Wanted
from ratchet.search.order import Chance, SandboxChoice
from ratchet.search.select import POLICIES
from ratchet.search.studies.contest import searches as contest
from ratchet.search.studies.contest.compare import (
    BenchTable,
    best_baseline,
    handed_over,
    path,
    within,
)
from ratchet.search.studies.contest.improvement import difference, improvement, mean_gain

CHOICE = SandboxChoice("process", 2, True)
TWO = ("stand_ins.tweak", "seed_only")
ORDER = BenchOrder((BOWL,), TWO, 240, 2, chance=Chance(1, SECRET))


def test_a_probability_of_improvement_counts_pairs_and_half_of_ties() -> None:
    assert improvement([[1.0, 3.0]], [[2.0, 0.0]]).value == 0.75
    assert improvement([[0.0, 1.0]], [[0.0, 0.0]]).value == 0.75
    always = improvement([[2.0, 3.0, 4.0]], [[0.0, 1.0, 1.0]])
    assert (always.value, always.low) == (1.0, None)
    assert always.luck == pytest.approx(1 / 20)
    assert improvement([[2.0, 3.0]] * 2, [[0.0, 1.0]] * 2).luck == pytest.approx(1 / 36)
    tied = improvement([[0.0] * 4], [[0.0] * 4])
    assert (tied.value, tied.low, tied.high) == (0.5, None, None)
    assert improvement([[1.0]], [[0.0]]).low is None, "one search has no interval"
    both = improvement([[1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]])
    assert both.value == 0.5, "tasks count alike"


def test_the_interval_of_an_improvement_covers_the_truth() -> None:
    import numpy as np

    rng, covered, searches = np.random.default_rng(1), 0, 200
    truth = 0.7602  # of normal variables a standard deviation apart
    for _ in range(searches):
        ours, theirs = rng.standard_normal((2, 20))
        found = improvement([(ours + 1.0).tolist()], [theirs.tolist()])
        covered += found.low is not None and found.low <= truth <= (found.high or 0.0)
    assert 0.88 <= covered / searches <= 0.99


def test_the_difference_of_two_agents_covers_the_truth_and_needs_two_searches_of_each() -> None:
    import numpy as np

    rng, covered, searches = np.random.default_rng(2), 0, 200
    for _ in range(searches):
        seeds = rng.standard_normal(8)
        ours, theirs = (
            (mean + rng.standard_normal((count, 1)) + seeds).tolist()
            for mean, count in ((1.0, 4), (0.0, 6))
        )
        apart = difference(ours, theirs)
        covered += apart.low is not None and apart.low <= 1.0 <= (apart.high or 0.0)
    assert covered / searches >= 0.9
    assert difference([[1.0, 2.0]], [[0.0, 0.0], [0.0, 1.0]]).low is None


def test_a_mean_gain_has_the_errors_of_searches_and_of_seeds() -> None:
    alike = mean_gain([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]])
    assert alike.value == 1.0
    assert alike.high == pytest.approx(1.0 + 4.3027 / 3**0.5, rel=1e-4), "seeds alone differ"
    apart = mean_gain([[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]])
    assert apart.high == pytest.approx(1.0 + 12.7062, rel=1e-4), "searches alone differ"
    assert mean_gain([[1.0, 2.0]]).low is None
    assert str(mean_gain([[0.5, 0.5]])) == "+0.5000"


def grown(*more: Node) -> list[Node]:
    start = node(0, None, START, trials=32)
    rival = node(1, None, START.replace("0.02", "0.03"), trials=32)
    return [start, rival.model_copy(update={"kind": "baseline", "gain": 0.3}), *more]


def test_what_ranks_below_the_best_baseline_is_not_handed_over() -> None:
    assert handed_over(Tree(grown())) is None
    assert handed_over(Tree(grown(confirmed(2, 0, 0.25)))) is None
    best = handed_over(Tree(grown(confirmed(2, 0, 0.25), confirmed(3, 2, 0.5))))
    assert best is not None
    assert best.number == 3
    raced = confirmed(2, 0, 0.9)
    verdict = Verdict(standing="promising", reason="", estimate=raced.verdict.estimate)
    assert handed_over(Tree(grown(raced.model_copy(update={"verdict": verdict})))) is None


def test_a_path_ends_where_the_budget_does() -> None:
    states = grown(
        node(2, trials=10),
        confirmed(3, 0, 0.6, trials=20),
        confirmed(4, 3, 0.9, trials=20),
    )
    assert [(spent, n and n.number) for spent, n in path(states)] == [(0, None), (94, 3), (114, 4)]
    assert len(within(states, 113)) == 4
    assert [n and n.number for _, n in path(within(states, 113))] == [None, 3]
    assert within(states, 114) == states
    again = states[3].model_copy(update={"turn": 9, "trials": 26})
    assert len(within([*states, again], 119)) == 5, "a node that is ranked again costs the rest"
    assert len(within([*states, again], 120)) == 6
    assert best_baseline([Tree(states), Tree(states)]).number == 1
    with pytest.raises(AgentError, match="does not reach to measure start"):
        best_baseline([Tree(states), Tree(states[:1])])


def test_turns_begin_until_the_settled_ones_have_spent_the_budget() -> None:
    tree = Tree(grown(confirmed(2, 0, 0.6, trials=20)))
    assert contest.until(85)(tree, 50), "what is on its way does not count"
    assert not contest.until(84)(tree, 3)


def run_bench(where: Path, order: BenchOrder = ORDER) -> list[BenchTable]:
    return bench_agents(order, CHOICE, str(where))


class Whole(NamedTuple):
    where: Path
    table: BenchTable


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    where = tmp_path_factory.mktemp("bench") / "a.db"
    (table,) = run_bench(where)
    return Whole(where, table)


def essence(archive: Archive, run: str) -> list[dict[str, Any]]:
    states = within(archive.states(run), ORDER.trials)
    return [n.model_dump(mode="json", exclude={"cpu_seconds"}) for n in states]


def test_a_bench_runs_every_agent_alike_and_is_not_run_twice(whole: Whole) -> None:
    where, table = whole
    assert [row.agent for row in table.standings] == list(TWO)
    tweak, seed_only = table.standings
    assert tweak.gain.value > 0 < tweak.beat
    assert tweak.trials <= ORDER.trials >= seed_only.trials
    assert (seed_only.gain.value, seed_only.found, seed_only.beat) == (0.0, 0, 0)
    assert seed_only.better is not None
    assert seed_only.better.value < 0.5
    assert tweak.better is None
    assert not table.validated, "there was no isolation"
    archive = Archive(where)
    rows = archive.runs()
    assert [row.control_of for row in rows] == ["bench"] * 4
    secrets = {row.id[-3:]: row.keys.sealed for row in rows}
    assert all(row.keys.sealed == secrets[row.id[-3:]] for row in rows)
    assert len(set(secrets.values())) == 2, "searches of one number share seeds, others do not"
    assert len({row.keys.steer for row in rows}) == 4
    own = [outing for outing in table.searches if outing.agent == TWO[0]]
    for outing in own:
        assert outing.curve[-1].gain == outing.gain
        assert at(outing, ORDER.trials) == outing.gain
        assert at(outing, 10) == 0.0
    states = {row.id: archive.states(row.id) for row in rows}
    assert run_bench(where) == [table]
    assert {row.id: archive.states(row.id) for row in rows} == states
    (less,) = run_bench(where, ORDER._replace(trials=68))
    assert {row.id: archive.states(row.id) for row in rows} == states
    assert {each.gain for each in less.searches} == {0.0}, "by then they had only planted"
    (more,) = run_bench(where, ORDER._replace(agents=(*TWO, "stand_ins.rogue")))
    assert more.searches[:4] == table.searches, "what is there is not searched again"
    json.dumps(bench_record([table, more]), allow_nan=False)
    shown = StringIO()
    Console(width=220, file=shown).print(bench_view([table, table]))
    assert "P(seed_only > stand_ins.tweak) = " in shown.getvalue()


def test_a_bench_that_was_cut_short_goes_on_to_the_same_table(
    whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured_alike(whole, tmp_path / "b.db")
    for stop in (2, 5):
        said: list[str] = []

        def cut(words: str, said: list[str] = said, stop: int = stop) -> None:
            said.append(words)
            if len(said) == stop:
                raise KeyboardInterrupt

        grow = contest.grow
        with monkeypatch.context() as patch:
            patch.setattr(contest, "grow", lambda run, n, say, grow=grow: grow(run, n, cut))
            with pytest.raises(KeyboardInterrupt):
                run_bench(tmp_path / "b.db")
    (part,) = run_bench(tmp_path / "b.db")
    assert facts(part) == facts(whole.table)
    one, other = Archive(whole.where), Archive(tmp_path / "b.db")
    for outing in whole.table.searches:
        assert essence(one, outing.run) == essence(other, outing.run)


def measured_alike(whole: Whole, where: Path) -> None:
    """An archive that holds the calibration of the whole bench, which draws seeds of its own."""
    with closing(Archive(whole.where)) as one, closing(Archive(where, create=True)) as other:
        run = one.runs()[0]
        environment = one.states(run.id)[0].environment
        calibration = one.calibration(run.task_digest, environment)
        assert calibration is not None
        other.add_calibration(calibration)


def facts(table: BenchTable) -> list[dict[str, Any]]:
    return [o.model_dump(exclude={"seconds"}) for o in table.searches]


def test_other_terms_need_another_name(tmp_path: Path) -> None:
    where = tmp_path / "a.db"
    order = ORDER._replace(agents=("seed_only",), searches=1, trials=68)
    run_bench(where, order)
    archive = Archive(where)
    (row,) = archive.runs()
    task = archive.task(row.id)
    rule = contest.rule_of(archive, "bench", task)
    assert rule is not None
    terms = contest.Terms("bench", task, rule, 64, 1)
    with pytest.raises(AgentError, match="another select: compare under another --name"):
        contest.configured(archive, terms, contest.Entrant("seed_only", "planted"), 1)
    looser = terms._replace(rule=rule.model_copy(update={"alpha": 0.2}))
    with pytest.raises(AgentError, match="another rule"):
        contest.configured(archive, looser, contest.Entrant("seed_only", "lead"), 1)
    assert contest.rule_of(archive, "other", task) is None
    run_bench(where, order._replace(name="other"))
    assert [each.control_of for each in archive.runs()] == ["bench", "other"]


def test_an_agent_of_ones_own_may_have_any_name_and_its_policy_is_used(tmp_path: Path) -> None:
    assert contest.search_id("b", "bowl", "my.lab/agent", 7) == "b-bowl-my-lab-agent-007"
    order = ORDER._replace(agents=("best_of_n",), searches=1, trials=68)
    run_bench(tmp_path / "a.db", order)
    (row,) = Archive(tmp_path / "a.db").runs()
    assert row.select == "planted"
    assert row.select in POLICIES


def test_bad_orders_are_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = tmp_path / "a.db"
    monkeypatch.delenv("RATCHET_MODEL", raising=False)
    with pytest.raises(AgentError, match="names an agent twice"):
        run_bench(where, ORDER._replace(agents=("seed_only", "seed_only")))
    with pytest.raises(AgentError, match="a --name of letters"):
        run_bench(where, ORDER._replace(name=""))
    with pytest.raises(AgentError, match="give --agents"):
        run_bench(where, ORDER._replace(agents=()))
    with pytest.raises(AgentError, match="no agent named 'nobody'"):
        run_bench(where, ORDER._replace(agents=("nobody",)))
    with pytest.raises(ModelChoiceError, match="researcher cannot run"):
        run_bench(where, ORDER._replace(agents=("seed_only", "researcher")))
    with pytest.raises(PlotError, match=r"ends in \.svg"):
        run_bench(where, ORDER._replace(plot=tmp_path / "a.png"))
    with pytest.raises(PlotError, match="does not exist"):
        run_bench(where, ORDER._replace(plot=tmp_path / "none" / "a.svg"))
    assert not where.exists()
    with pytest.raises(AgentError, match="take 64 trials, and nothing would be left of 64"):
        run_bench(where, ORDER._replace(trials=64))
    assert Archive(where).runs() == []
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PlotError, match=r"pip install 'ratchet\[bench\]'"):
        run_bench(where, ORDER._replace(plot=tmp_path / "a.svg"))


def test_a_plot_has_a_line_an_agent_and_is_the_same_each_time(whole: Whole, tmp_path: Path) -> None:
    from ratchet.app.pages.curves import plot

    (table,) = run_bench(whole.where, ORDER._replace(plot=tmp_path / "a.svg"))
    text = (tmp_path / "a.svg").read_text()
    assert all(f">{agent}<" in text for agent in TWO)
    assert "gain on sealed seeds (nats)" in text
    plot([table], tmp_path / "b.svg")
    assert (tmp_path / "b.svg").read_text() == text


@pytest.fixture
def weak_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer(answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        yield server


def test_agents_with_models_get_equal_dollars_and_are_asked_nothing_twice(
    tmp_path: Path, weak_server: ModelServer
) -> None:
    agents: Sequence[str] = ("researcher", "stand_ins.tweak")
    wanted = Wanted(("weak",), ("weak=5,5",))
    order = ORDER._replace(agents=tuple(agents), models=wanted, dollars=0.3, searches=1)
    (table,) = run_bench(tmp_path / "a.db", order)
    researcher, tweak = table.standings
    assert 0 < researcher.dollars <= 0.3
    assert researcher.tokens > 0 == tweak.tokens
    asked = len(weak_server.asked)
    assert asked > 0
    assert run_bench(tmp_path / "a.db", order) == [table]
    assert len(weak_server.asked) == asked
