"""Answer the language-model questions that candidates themselves ask while they are measured."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from ...agents.llm import Message, Reply, Request
from ...evals import Ask, Candidate
from .cassette import TRIAL, Cassette
from .roster import Models

AT_ONCE = 8  # questions of candidates that are asked in parallel


class ModelGateway:
    """Answers the questions of candidates that use a model themselves, and asks none twice."""

    def __init__(self, cassette: Cassette, models: Models) -> None:
        """Answer from `cassette`, by the model of the role `candidate`."""
        self._cassette, self._models = cassette, models

    def answer(self, candidate: Candidate, asks: Sequence[Ask]) -> Mapping[str, str]:
        """The replies by the ids of the questions. A reply that was cut off or refused is empty."""
        with ThreadPoolExecutor(min(AT_ONCE, len(asks) or 1)) as pool:
            texts = pool.map(self._answer, asks)
            return {ask.id: text for ask, text in zip(asks, texts, strict=True)}

    def describe(self) -> Mapping[str, str]:
        """The model that answers, and its settings."""
        settings = {"model": self._models.of("candidate"), "endpoint": self._models.url}
        if self._models.temperature is not None:
            settings["temperature"] = str(self._models.temperature)
        return settings

    def _answer(self, ask: Ask) -> str:
        request = Request(
            model=self._models.of("candidate"),
            messages=(Message("user", ask.prompt),),
            max_output_tokens=self._models.max_output_tokens,
            temperature=self._models.temperature,
        )
        # Not by candidate: those that ask the same on the same seed get the same reply.
        reply = self._cassette.complete(f"{TRIAL}{ask.id}", request)
        return "" if unusable(reply) else reply.text


def unusable(reply: Reply) -> str:
    """Why a reply cannot be used, or "" if it can."""
    if reply.finish == "length":
        return "it was cut off for its length"
    if reply.thoughts and reply.finish == "refused":
        return "only thoughts came, and no answer"
    return "it was refused or empty" if reply.finish == "refused" else ""
