"""Let the candidate, a search agent, search: one search for each workload and seed.

This side has the problems, tries the programs that the agent proposes, counts the evaluations and
picks what the search ends with: a `Search` of the library. The agent hears the gains. The reply is
JSON: by workload and seed, the text of the program that was picked.
"""

import json

import families
import torch
import worlds
from searches import Search

BUDGET = 24  # evaluations of a search
PROBED, SHOWN = 4, 24  # evaluations of a probe, and proposals at their end


@torch.no_grad()
def run(request: bytes, guest) -> bytes:
    """Search on the asked workloads and seeds, or show what the agent proposes at first."""
    asked = json.loads(request)
    if "probe" in asked:
        return probe(guest, asked["probe"])
    found = [
        [searched(guest, workload, seed) for seed in asked["seeds"]]
        for workload in asked["workloads"]
    ]
    return json.dumps(found).encode()


def searched(guest, workload: str, seed: int) -> str:
    """The text that one search ends with."""
    search = Search(guest, workload, worlds.of_run(seed, workload))
    search.run(BUDGET)
    return search.text(search.best())


def probe(guest, seed: int) -> bytes:
    """What the agent proposes after a few evaluations, for two kinds of problem."""
    shown = []
    for workload in ("bowl", "tracking"):
        search = Search(guest, workload, seed)
        search.run(PROBED)
        shown += [[node["files"], node["parent"]] for node in search.nodes]
        for number in range(SHOWN):
            told = search.proposal(1.0 - number / SHOWN, PROBED + number + 1)
            shown.append([told["files"], told["parent"]])
    return json.dumps(shown).encode()


@torch.no_grad()
def warm() -> None:
    """Load what torch loads lazily, so that jobs are born with it."""
    for workload in families.FAMILIES:
        families.instance(workload, 0).losses(lambda x, _: -0.01 * x, worlds.generator(0), 2)
