"""Which language models a run asks, where they are, and what they cost."""

import os
from collections.abc import Mapping
from contextlib import closing
from typing import Literal, NamedTuple

from rich.console import Console

from ...agents.llm import Endpoint, Price, Usage, cost, parse_price, price
from ...agents.opening import Opened
from ...search.budget import Caps
from ...search.desk.desk import NO_MODEL
from ...search.desk.roster import Models
from ...search.plan import rounded_up
from ...tasks import Task

VARIABLE, TIMEOUT = "RATCHET_MODEL", "RATCHET_MODEL_TIMEOUT"
TIMEOUT_SECONDS, LONGEST = 300.0, 3600.0  # to wait for one answer
WORDS = 1500  # tokens of a typical reply


class ModelChoiceError(Exception):
    """The models of a run are not named, or what they cost is not known."""

    exit_code = 2


class Wanted(NamedTuple):
    """What the command line says of models: `NAME` or `ROLE=NAME`, and `NAME=IN,OUT` of prices."""

    models: tuple[str, ...] = ()
    prices: tuple[str, ...] = ()
    api: Literal["auto", "responses", "chat"] = "auto"
    temperature: float | None = None


def settle_models(wanted: Wanted, agent: Opened, task: Task, name: str) -> Models | None:
    """The models of a run, or None where nobody in it asks one; raises ModelChoiceError."""
    needs = agent.needs_model or task.manifest.model
    named = wanted.models or tuple(filter(None, os.environ.get(VARIABLE, "").split(",")))
    who = f"agent {name}" if agent.needs_model else f"task {task.name}"
    if not named:
        if needs:
            raise ModelChoiceError(f"{who} cannot run: {NO_MODEL}")
        return None
    roles = dict(each.split("=", 1) for each in named if "=" in each)
    ensemble = tuple(each for each in named if "=" not in each)
    if not ensemble:
        raise ModelChoiceError("--model gives roles alone: add --model NAME for all the others")
    with closing(connect(wanted.api)) as endpoint:
        url = endpoint.describe()["url"]
    models = Models(
        roles=roles, ensemble=ensemble, url=url, api=wanted.api, temperature=wanted.temperature
    )
    return models.model_copy(update={"prices": _prices(models.every(), url, wanted.prices)})


def connect(api: Literal["auto", "responses", "chat"]) -> Endpoint:
    """The endpoint that the environment names, and how long to wait for one answer of it."""
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
    """What each model costs; raises ModelChoiceError for one of which nobody knows."""
    own: dict[str, str] = {}
    for each in given:
        name, _, rate = each.rpartition("=")
        own[name] = rate
    prices = {}
    for name in names:
        given_rate = own.get(name) or own.get("")
        try:
            known = parse_price(given_rate) if given_rate else price(name, url)
        except ValueError as error:
            raise ModelChoiceError(f"--price {given_rate}: {error}") from error
        if known is None:
            raise ModelChoiceError(
                f"what {name} costs at {url} is not known: add --price {name}=IN,OUT, in dollars "
                "per million tokens read and written (0,0 if it costs nothing)"
            )
        prices[name] = known
    return prices


def foresee_spending(
    models: Models, agent: Opened, task: Task, caps: Caps, console: Console
) -> None:
    """Say what the budget of tokens and dollars buys, before any of it is spent.

    Raises ModelChoiceError where that is not one proposal.
    """
    requests = agent.requests
    if not requests:
        return
    size = sum(len(text) for text in task.start.values()) + len(task.manifest.statement)
    read = requests * (2 * size // 3 + 4 * WORDS)
    written = requests * WORDS
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
    console.print(f"{models.ensemble[0]} at {models.url}: a proposal takes {costs}{bought}")
