"""One search by an agent: the problem, the programs so far, and what each of them gained.

The agent proposes in the guest; here its programs are evaluated, its try-outs run, and its
questions to a model, where it has one, handed on.
"""

import json
from collections.abc import Callable

import families
import torch
import worlds
from candidate import CandidateError
from stepper import Refused, Remote

REPLICATES = 12  # copies of the problem in an evaluation
ROUNDS = 12  # questions in one proposal
TRIED_STEPS = 2


class Enough(Exception):
    """A program that is tried out has run for long enough."""


class Search:
    """One search: the problem, and the nodes so far."""

    def __init__(
        self, guest, workload: str, seed: int, model: Callable[[str], str] | None = None
    ) -> None:
        """Evaluate the start. `model` replies to the agent's prompts; without one it has none."""
        self.guest, self.seed, self.model = guest, seed, model
        self.problem = families.instance(workload, seed)
        self.family = self.problem.family
        self.nodes: list[dict] = []
        self._known: dict[str, torch.Tensor | Refused] = {}
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
        """Log losses of a program, each evaluated once; raises Refused where it fails."""
        if text not in self._known:
            try:
                rule, source = self._rule(text), worlds.generator(self.seed, "trials")
                self._known[text] = self.problem.losses(rule, source, REPLICATES)
            except Refused as refused:
                self._known[text] = refused
        found = self._known[text]
        if isinstance(found, Refused):
            raise found
        return found

    def _rule(self, text: str) -> Remote:
        return Remote(self.guest, text, self.family.function)

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
            "model": self.model is not None,
            "fresh": fresh,
        }
        for _ in range(ROUNDS):
            found = json.loads(self.guest.ask(b"p" + json.dumps(told).encode()))
            if "asks" not in found:
                return found
            question = found["asks"][0]
            told["replies"][question.pop("id")] = [question, self._reply(question)]
            told["fresh"] = False
        raise CandidateError(f"propose() put more than {ROUNDS} questions in one call")

    def _reply(self, question: dict) -> str | dict:
        if question["kind"] == "ask" and self.model:
            return self.model(question["prompt"])
        return self._tried(question["files"])

    def _tried(self, files: dict) -> dict:
        """Run a program for two steps of a problem that is none of the search's."""
        try:
            if list(files) != [self.family.file]:
                raise Refused(f"the program is one file, {self.family.file}")
            rule, steps = self._rule(files[self.family.file]), []

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
