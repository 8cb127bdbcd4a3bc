"""What a server was found to take: kept by model, and not tried anew with every request."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from .faults import BAD_REQUEST, NO_SUCH_ROUTE, Fault
from .limits import bounds
from .records import Request, Usage

Api = Literal["responses", "chat"]

LEAST = 256  # tokens; what leaves a reply fewer than that has no room for one
MARGIN = 32  # tokens that a server may put around a prompt
LOWERINGS = 6  # times that one request may go out with a smaller limit
SPARE = 1.1  # of what a prompt is expected to take
USUAL = 0.6  # tokens in one that is estimated, as long as the server has not counted any
SURELY = 3  # an estimate that is so many windows long is of a prompt that does not fit


@dataclass(frozen=True)
class Traits:
    """A dialect, schemas, `store`, the newer name of a limit, and limits in tokens.

    `formless` are forms whose schemas alone are not taken. `most` is the longest reply, `window`
    what prompt and reply share, `density` how many tokens the server counts in one that is
    estimated. `ceiling` is the limit of one request only.
    """

    api: Api
    schema: bool = True
    store: bool = True
    newer_limit: bool = True
    formless: frozenset[str] = frozenset()
    most: int | None = None
    window: int | None = None
    density: float = USUAL
    ceiling: int | None = None

    @property
    def other_api(self) -> Api:
        """The dialect that this is not."""
        return "chat" if self.api == "responses" else "responses"

    def takes(self, request: Request) -> bool:
        """Whether the request has a schema that may be sent."""
        return self.schema and request.schema_ is not None and request.form not in self.formless

    def limit(self, request: Request) -> int:
        """The most tokens to ask for."""
        limits = [request.max_output_tokens, self.most, self.ceiling]
        if self.window is not None and self.ceiling is None:
            prompt = math.ceil(request.estimate() * self.density * SPARE) + MARGIN
            limits.append(max(self.window - prompt, least(request)))
        return min(limit for limit in limits if limit is not None)

    def settled(self, request: Request, usage: Usage) -> "Traits":
        """The traits that are kept once a request was answered."""
        density = self.density
        if not usage.estimated and usage.input_tokens:
            density = usage.input_tokens / request.estimate()
        return replace(self, ceiling=None, density=density)


def least(request: Request) -> int:
    """The fewest tokens in which a reply may be of use."""
    return min(LEAST, request.max_output_tokens)


def adjusted(
    traits: Traits, fault: Fault, request: Request, free: bool, changed: frozenset[str]
) -> tuple[Traits, str] | None:
    """The traits to try next after this fault, and the name of what changed; None if it is final.

    `free`: the other dialect may be tried too. Nothing is changed twice (`changed`).
    """
    for name, fits, other in _changes(traits, fault, request, free):
        if fits and name not in changed:
            return other, name
    if fault.too_long or fault.too_much or ("limit" in changed and _names_limit(fault)):
        lower = lowered(traits, fault, request)
        steps = sum(name.startswith("lower ") for name in changed)
        if lower is not None and steps < LOWERINGS:
            return lower, f"lower limit {lower.limit(request)}"
    return None


def lowered(traits: Traits, fault: Fault, request: Request) -> Traits | None:
    """With a smaller limit of the reply; None where the prompt leaves none that is of use."""
    sent, lowest, estimate = traits.limit(request), least(request), request.estimate()
    says = bounds(f"{fault.param} {fault.said or fault.detail}".lower(), sent)
    if says.most is not None:
        return replace(traits, most=says.most)
    half = sent // 2 if sent // 2 >= lowest else None
    if says.window is None:
        blamed = fault.too_much or _names_limit(fault)
        return replace(traits, most=half) if blamed and half else None
    density = says.prompt / estimate if says.prompt else traits.density
    left = says.window - (says.prompt or estimate) - MARGIN
    ceiling = left if lowest <= left < sent else half
    beyond = left < lowest if says.prompt else estimate > SURELY * says.window
    if ceiling is None or beyond:
        return None
    return replace(traits, window=says.window, density=density, ceiling=ceiling)


def _changes(
    traits: Traits, fault: Fault, request: Request, free: bool
) -> Iterator[tuple[str, bool, Traits]]:
    missing = fault.status in NO_SUCH_ROUTE and not fault.blames(request.model)
    yield "api", free and missing, replace(traits, api=traits.other_api)
    size = fault.too_long or fault.too_much
    bad = fault.status in BAD_REQUEST and not size and not fault.declined
    yield "store", bad and traits.store and fault.names("store"), replace(traits, store=False)
    renamed = bad and traits.api == "chat" and _names_limit(fault)
    yield "limit", renamed, replace(traits, newer_limit=not traits.newer_limit)
    failed = fault.kind == "status" and fault.status >= 500 and fault.passing
    form = (bad or failed) and traits.takes(request) and not fault.names("temperature")
    yield "schema", form, replace(traits, formless=traits.formless | {request.form})


def _names_limit(fault: Fault) -> bool:
    return fault.names("max_tokens", "max_completion_tokens", "max_output_tokens")
