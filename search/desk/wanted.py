"""Choose the language models of a run: by name, where they are, and at what price."""

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Literal, NamedTuple

from ...agents.llm import Endpoint, Price, Usage, cost, parse_price, price
from ...agents.opening import Opened
from ...tasks import Task
from ..budget import Caps
from ..plan import rounded_up
from .roster import NO_MODEL, Models

VARIABLE, TIMEOUT = "RATCHET_MODEL", "RATCHET_MODEL_TIMEOUT"
TIMEOUT_SECONDS, LONGEST = 300.0, 3600.0  # the usual and the longest wait for one answer
REPLY_TOKENS = 1500  # of a typical reply


class ModelChoiceError(Exception):
    """The models of a run are not named, or their price is unknown."""

    exit_code = 2


class Wanted(NamedTuple):
    """Models as a user names them: each `NAME` or `ROLE=NAME`.

    `prices` are `NAME=IN,OUT` or `IN,OUT`, in dollars per million tokens read and written.
    """

    models: tuple[str, ...] = ()
    prices: tuple[str, ...] = ()
    api: Literal["auto", "responses", "chat"] = "auto"
    temperature: float | None = None


def choose_models(wanted: Wanted, agent: Opened, task: Task, name: str) -> Models | None:
    """The models of a run, or None where none is named and nobody in it asks one.

    `name` is the agent's. Without names in `wanted`, those of `RATCHET_MODEL` count. Raises
    ModelChoiceError where a model is needed and none is named, and where a price is not known.
    """
    named = wanted.models or tuple(filter(None, os.environ.get(VARIABLE, "").split(",")))
    if not named:
        if agent.needs_model or task.manifest.model:
            who = f"agent {name}" if agent.needs_model else f"task {task.name}"
            raise ModelChoiceError(f"{who} cannot run: {NO_MODEL}")
        return None
    roles = dict(entry.split("=", 1) for entry in named if "=" in entry)
    ensemble = tuple(entry for entry in named if "=" not in entry)
    if not ensemble:
        raise ModelChoiceError("--model gives roles alone: add --model NAME for all the others")
    with closing(connect(wanted.api)) as endpoint:
        url = endpoint.describe()["url"]
    models = Models(
        roles=roles, ensemble=ensemble, url=url, api=wanted.api, temperature=wanted.temperature
    )
    return models.model_copy(update={"prices": _prices(models.every(), url, wanted.prices)})


def connect(api: Literal["auto", "responses", "chat"]) -> Endpoint:
    """The endpoint that the environment names, with the wait for one answer that it names.

    Raises ModelChoiceError where that wait is no number of seconds up to an hour.
    """
    text = os.environ.get(TIMEOUT, "")
    try:
        seconds = float(text or TIMEOUT_SECONDS)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST:
        raise ModelChoiceError(
            f"{TIMEOUT} is {text!r}: set it to seconds, more than 0 and at most {LONGEST:g}"
        )
    return Endpoint.from_environment(api, timeout_seconds=seconds)


def _prices(names: list[str], url: str, given: tuple[str, ...]) -> Mapping[str, Price]:
    """The price of each model; raises ModelChoiceError for one whose price is unknown."""
    given_rates: dict[str, str] = {}
    for entry in given:
        name, _, rate = entry.rpartition("=")
        given_rates[name] = rate
    prices = {}
    for name in names:
        rate = given_rates.get(name) or given_rates.get("", "")
        try:
            model_price = parse_price(rate) if rate else price(name, url)
        except ValueError as error:
            raise ModelChoiceError(f"--price {rate}: {error}") from error
        if model_price is None:
            raise ModelChoiceError(
                f"what {name} costs at {url} is not known: add --price {name}=IN,OUT, in dollars "
                "per million tokens read and written (0,0 if it costs nothing)"
            )
        prices[name] = model_price
    return prices


def foresee_spending(
    models: Models, agent: Opened, task: Task, caps: Caps, say: Callable[[str], object]
) -> None:
    """Say what the budget of tokens and dollars buys, before any of it is spent.

    Raises ModelChoiceError where that is not one proposal.
    """
    requests = agent.requests
    if not requests:
        return
    size = sum(len(text) for text in task.start.values()) + len(task.manifest.statement)
    read = requests * (2 * size // 3 + 4 * REPLY_TOKENS)
    written = requests * REPLY_TOKENS
    rate = models.prices[models.ensemble[0]]
    dollars = cost(rate, Usage(input_tokens=read, output_tokens=written))
    costs = f"about {requests} requests, {(read + written) / 1000:.0f} thousand tokens"
    costs += f" and ${dollars:.3g}" if dollars else ""
    buys = []
    if caps.tokens is not None:
        buys.append(int(caps.tokens / (read + written)))
    if caps.dollars is not None and dollars:
        buys.append(int(caps.dollars / dollars))
    if buys and not min(buys):
        enough = [f"--max-tokens {read + written}"] if caps.tokens is not None else []
        enough += (
            [f"--max-dollars {rounded_up(dollars):g}"]
            if caps.dollars is not None and dollars
            else []
        )
        raise ModelChoiceError(
            f"this budget buys no proposal: one of {models.ensemble[0]} takes {costs}: "
            f"give {' and '.join(enough)}, or more"
        )
    bought = f": this budget buys about {min(buys)}" if buys else ": there is no cap on them"
    say(f"{models.ensemble[0]} at {models.url}: a proposal takes {costs}{bought}")
