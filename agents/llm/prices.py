"""What tokens cost: the price table that is installed, what the user says, or nothing if local."""

import math
from decimal import Decimal

from pydantic import Field

from ...tasks import Frozen
from .address import OPENAI, is_local
from .records import Usage

MILLION = 1_000_000
SAMPLE = 100_000  # tokens of the request that is priced; some providers charge more for longer ones


class Price(Frozen):
    """USD per million tokens: fresh input, input that the server had cached, and output."""

    input: float = Field(ge=0)
    cached: float = Field(ge=0)
    output: float = Field(ge=0)


FREE = Price(input=0, cached=0, output=0)


def price(model: str, base_url: str = "", override: str | None = None) -> Price | None:
    """The price of a model at a server: `override` ("1.25,10"), 0 if local, or the table's.

    None if nobody knows. Nothing is looked up over the network. Raises ValueError for an override
    that is none.
    """
    if override:
        return parse_price(override)
    url = base_url or OPENAI
    return FREE if is_local(url) else _listed(model, url)


def parse_price(text: str) -> Price:
    """Read "IN,OUT" or "IN,CACHED,OUT" in USD per million tokens; cached costs IN if not said."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) not in (2, 3) or not all(math.isfinite(v) and v >= 0 for v in values):
        raise ValueError(
            f"{text!r} is no price: give USD per million tokens of input and output, such as "
            "1.25,10"
        )
    return Price(input=values[0], cached=values[-2], output=values[-1])


def cost(price: Price, usage: Usage) -> float:
    """The cost of a reply in USD. Reasoning is part of the output."""
    fresh = usage.input_tokens - usage.cached_tokens
    total = fresh * price.input + usage.cached_tokens * price.cached
    return (total + usage.output_tokens * price.output) / MILLION


def _listed(model: str, url: str) -> Price | None:
    """From the data that comes with genai-prices; its updater, which is never started, asks."""
    import genai_prices  # its table takes a third of a second to import

    def per_million(**tokens: int) -> float:
        usage = genai_prices.Usage(**tokens)
        calculated = genai_prices.calc_price(usage, model, provider_api_url=url)
        return float(calculated.total_price * Decimal(MILLION) / SAMPLE)

    try:
        return Price(
            input=per_million(input_tokens=SAMPLE),
            cached=per_million(input_tokens=SAMPLE, cache_read_tokens=SAMPLE),
            output=per_million(input_tokens=0, output_tokens=SAMPLE),
        )
    except LookupError:
        return None
