from random import Random

import pytest

from ratchet.agents.evolve.crossover import crossover
from ratchet.agents.evolve.forks import fork, merge
from ratchet.agents.evolve.program import Program
from ratchet.agents.evolve.reader import analyse, read
from ratchet.agents.evolve.tidy import tidied
from ratchet.agents.evolve.uses import divide_constant
from ratchet.agents.evolve.weave import suits, weave
from ratchet.agents.evolver import FLOOR, WEIGHTS, sound
from ratchet.tasks import Task, load


@pytest.fixture(scope="module")
def task() -> Task:
    return load("optimizer")


@pytest.fixture(scope="module")
def muon(task: Task) -> Program:
    return read(task.baselines["muon"]["optimizer.py"], task.motifs)


def test_motifs_with_a_state_fit_inside_branches(task: Task, muon: Program) -> None:
    motif = next(motif for motif in task.motifs.motifs if motif.name == "second moment")
    sites = [site for site in muon.sites if suits(muon, motif, site)]
    assert len(sites) > 30
    for site in [site for site in sites if not site.spot.plain][::4]:
        edited = weave(muon, motif, site, Random(0))
        assert edited
        assert sound(analyse(edited[0], muon.facts), muon)


def test_one_use_of_a_shared_constant_gets_its_own(muon: Program) -> None:
    texts = [edited[0].code for s in range(60) if (edited := divide_constant(muon, Random(s)))]
    split = [
        text for text in texts if "ahead = MOMENTUM_AHEAD * m + (1.0 - MOMENTUM_AHEAD)" in text
    ]
    assert split
    assert all("m = MOMENTUM * state" in text for text in split)


def test_a_factor_goes_only_where_its_kind_does(task: Task, muon: Program) -> None:
    motif = next(motif for motif in task.motifs.motifs if motif.name == "bias factor")
    sites = [site for site in muon.sites if suits(muon, motif, site)]
    assert sites
    assert not any("LR * scale" in site.spot.quoted[:18] for site in sites)


def test_a_value_forks_by_kind_and_merges(muon: Program) -> None:
    forked = [analyse(e[0], muon.facts) for s in range(8) if (e := fork(muon, Random(s)))]
    good = [program for program in forked if sound(program, muon)]
    assert good
    assert any(merge(program, Random(1)) for program in good)


def test_crossover_takes_from_branches(task: Task, muon: Program) -> None:
    parent = read(task.baselines["nadamw"]["optimizer.py"], task.motifs)
    edited = [e for s in range(60) if (e := crossover(parent, Random(s), [muon]))]
    taken = [module.code for module, *_ in edited if "orthogonalise(" in module.code]
    assert taken
    assert all("if " in text for text in taken)


def test_what_a_function_returns_stays() -> None:
    task = load("research_agent")
    source = (
        "def propose(brief):\n    queue = [1, 2]\n    first = queue.pop()\n"
        "    return {'files': {}, 'idea': 'x', 'parent': queue}\n"
    )
    assert tidied(read(source, task.motifs)).source == source


def test_every_edit_is_drawn_now_and_then() -> None:
    assert min(WEIGHTS.values()) == FLOOR
    assert FLOOR / sum(WEIGHTS.values()) > 0.01
