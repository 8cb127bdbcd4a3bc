"""How many tokens a reply took, as the server says, or by an estimate where that is nonsense."""

from collections.abc import Mapping

from .records import Request, Usage, tokens_in

# The estimate of a prompt is an upper one. Templates and instructions of a server's own, and
# thoughts beyond the limit, are borne up to here; more is a mistake, and would close a budget.
TIMES, EXTRA = 4, 4096


def counted(counts: Mapping[str, object], request: Request, text: str) -> Usage:
    """Tokens under the names of either dialect, for a reply that begins and ends as `text`.

    Some servers leave reasoning out of the output, but have it in the total. A count that is no
    whole number, or cannot be, is as good as none; then what was reserved is never exceeded.
    """
    most_taken = TIMES * request.estimate() + EXTRA
    most_written = TIMES * request.max_output_tokens + EXTRA
    taken = _count(counts, most_taken, "input_tokens", "prompt_tokens")
    written = _count(counts, most_written, "output_tokens", "completion_tokens")
    if not taken or (text and not written):
        return Usage(
            input_tokens=request.estimate(),
            output_tokens=min(tokens_in(text), request.max_output_tokens),
            estimated=True,
        )
    into = _mapping(counts.get("input_tokens_details") or counts.get("prompt_tokens_details"))
    out = _mapping(counts.get("output_tokens_details") or counts.get("completion_tokens_details"))
    thought = _count(out, most_written, "reasoning_tokens")
    total = _count(counts, most_taken + most_written, "total_tokens")
    written = max(written, min(total - taken, most_written), thought)
    return Usage(
        input_tokens=taken,
        cached_tokens=min(taken, _count(into, most_taken, "cached_tokens")),
        output_tokens=written,
        reasoning_tokens=thought,
    )


def _count(counts: Mapping[str, object], most: int, *names: str) -> int:
    """The largest sane count under these names, or 0."""
    values = [counts.get(name) for name in names]
    return max((v for v in values if type(v) is int and 0 < v <= most), default=0)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
