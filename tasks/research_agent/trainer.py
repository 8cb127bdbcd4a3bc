"""Let the candidate, a search agent, search: one search for each workload and seed.

This side has the problems, tries the programs that the agent proposes, counts the evaluations and
picks what the search ends with. The agent hears the gains. The reply is JSON: by workload and seed,
the text of the program that was picked.
"""

import json

import families
import torch
import worlds
from candidate import CandidateError
from stepper import Refused, Remote

BUDGET = 24  # evaluations of a search
REPLICATES = 12  # copies of the problem in an evaluation
ROUNDS = 12  # questions in one proposal
TRIED_STEPS = 2
PROBED, SHOWN = 4, 24  # evaluations of a probe, and proposals at their end


class Enough(Exception):
    """A program that is tried out has run for long enough."""


class Search:
    """One search: the problem, and the nodes so far."""

    def __init__(self, guest, workload: str, seed: int) -> None:
        """Evaluate the start."""
        self.guest, self.seed = guest, seed
        self.problem = families.instance(workload, seed)
        self.family = self.problem.family
        self.nodes: list[dict] = []
        self._base = self._losses(self.family.start)
        self._keep({self.family.file: self.family.start}, None, "", self._base, "start")

    def run(self, budget: int) -> None:
        """Have the agent propose, and evaluate what it does, `budget` times."""
        for done in range(budget):
            told = self.proposal(1.0 - done / budget, len(self.nodes), fresh=not done)
            text = told["files"].get(self.family.file)
            if text is None or len(told["files"]) != 1:
                raise CandidateError(f"propose() must return the one file {self.family.file}")
            try:
                losses = self._losses(text)
            except Refused as refused:
                losses, standing = None, f"failed: {refused}"[:200]
            else:
                standing = "scored"
            self._keep(told["files"], told["parent"], told["idea"], losses, standing)

    def best(self) -> dict:
        """The node of the highest gain, less one standard error of it: what is picked."""
        scored = [node for node in self.nodes if node["gain"] is not None]
        return max(scored, key=lambda node: node["gain"] - node["error"])

    def text(self, node: dict) -> str:
        """The program of a node."""
        return node["files"][self.family.file]

    def _losses(self, text: str) -> torch.Tensor:
        rule = Remote(self.guest, text, self.family.function)
        return self.problem.losses(rule, worlds.generator(self.seed, "trials"), REPLICATES)

    def _keep(self, files, parent, idea, losses, standing) -> None:
        node = {"number": len(self.nodes), "parent": parent, "files": files, "idea": idea}
        node |= {"gain": None, "error": 0.0, "seeds": 0, "standing": standing}
        if losses is not None:
            gains = self._base - losses
            node["gain"] = gains.mean().item()
            node["error"] = gains.std().item() / REPLICATES**0.5
            node["seeds"] = REPLICATES
        self.nodes.append(node)

    def proposal(self, left: float, number: int, fresh: bool = False) -> dict:
        """What the agent proposes with the random numbers of that number; `fresh` loads it anew."""
        best = self.best()["number"]
        told = {
            "statement": self.family.statement,
            "nodes": self.nodes,
            "parent": best,
            "best": best,
            "motifs": [{"name": name, "code": code} for name, code in self.family.motifs],
            "left": left,
            "seed": worlds.number(self.seed, "agent", number),
            "replies": {},
            "model": False,
            "fresh": fresh,
        }
        for _ in range(ROUNDS):
            found = json.loads(self.guest.ask(b"p" + json.dumps(told).encode()))
            if "asks" not in found:
                return found
            question = found["asks"][0]
            told["replies"][question.pop("id")] = [question, self._tried(question["files"])]
            told["fresh"] = False
        raise CandidateError(f"propose() had more than {ROUNDS} programs tried out")

    def _tried(self, files: dict) -> dict:
        """Run a program for two steps of a problem that is none of the search's."""
        try:
            if list(files) != [self.family.file]:
                raise Refused(f"the program is one file, {self.family.file}")
            rule, steps = Remote(self.guest, files[self.family.file], self.family.function), []

            def counted(x: torch.Tensor, progress: float) -> torch.Tensor:
                steps.append(rule(x, progress))
                if not steps[-1].isfinite().all():
                    raise Refused("the result is not finite")
                if len(steps) == TRIED_STEPS:
                    raise Enough
                return steps[-1]

            self.problem.losses(counted, worlds.generator(0), 2)
        except Refused as refused:
            return {"ok": False, "log": str(refused)}
        except Enough:
            pass
        return {"ok": True, "log": ""}


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
    search = Search(guest, workload, worlds.number(seed, workload))
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
