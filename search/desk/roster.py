"""Which language models a run uses, for which role, and at what price."""

from collections.abc import Mapping
from random import Random
from statistics import fmean
from typing import Literal

from pydantic import Field

from ...agents.bandit import Arm, choose
from ...agents.llm import MOST_OUTPUT, Price
from ...archive import Node, Tree
from ...tasks import Frozen

NO_MODEL = (
    "it asks a language model, and none is named: set OPENAI_API_KEY, or OPENAI_BASE_URL for a "
    "server of your own, and add --model NAME"
)


class Models(Frozen):
    """The models of a run, by role. Of several under `ensemble`, each proposal draws one.

    `prices` are in dollars per million tokens. `url` is without credentials.
    """

    roles: Mapping[str, str] = {}
    ensemble: tuple[str, ...] = Field(min_length=1)
    url: str = ""
    api: Literal["auto", "responses", "chat"] = "auto"
    prices: Mapping[str, Price] = {}
    max_output_tokens: int = Field(default=MOST_OUTPUT, ge=16)
    temperature: float | None = None

    def of(self, role: str) -> str:
        """The model that plays a role."""
        return self.roles.get(role) or self.ensemble[0]

    def chosen(self, tree: Tree, rng: Random) -> "Models":
        """The same models with one of the ensemble left, drawn by what its proposals gained."""
        if len(self.ensemble) == 1:
            return self
        arms = [Arm(name, self._rewards(name, tree), self._cost(name)) for name in self.ensemble]
        return self.model_copy(update={"ensemble": (choose(arms, rng),)})

    def every(self) -> list[str]:
        """The names of all models without repeats, the ensemble first."""
        return list(dict.fromkeys((*self.ensemble, *self.roles.values())))

    def _rewards(self, name: str, tree: Tree) -> list[float]:
        """What the children that a model wrote gained over their parents, oldest first."""
        children = [node for node in tree if node.candidate.notes.get("model") == name]
        return [max(0.0, _gain(node)) for node in children if node.standing != "promising"]

    def _cost(self, name: str) -> float:
        price = self.prices.get(name)
        return fmean((price.input, price.output)) if price else 0.0


def _gain(node: Node) -> float:
    """A child's gain on fresh seeds; 0 where there were none, or where they did not bear it out."""
    verdict = node.verdict
    kept = node.kept and verdict is not None and verdict.estimate is not None
    return verdict.estimate.gain if kept and verdict and verdict.estimate else 0.0
