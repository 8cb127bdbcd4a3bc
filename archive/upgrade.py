"""Read what older versions wrote: nothing changes on disk, so it is upgraded in memory."""

import math
from collections.abc import Mapping
from typing import Any

SCREEN = 24  # pairs in a screen, before screens were kept as more than their t


def upgraded(data: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a node, as this version writes it."""
    node = {"turn": data["number"], **data}
    verdict = dict(node["verdict"] or {})
    if "log_e" not in verdict:
        return node
    log_e, threshold, pairs, t = (
        verdict.pop(key) for key in ("log_e", "threshold", "pairs", "screen_t")
    )
    if t is not None:  # of mean and spread only the ratio is known
        verdict["screen"] = {"mean": t, "sd": math.sqrt(SCREEN), "pairs": SCREEN}
    if pairs:
        verdict["claims"] = [
            {
                "says": "better",
                "versus": node["parent"],
                "held": verdict["standing"] == "confirmed",
                "turn": node["number"],
                "level": math.exp(-threshold),
                "log_e": log_e,
                "stream": f"confirm/{node['number']}",
                "pairs": pairs,
                "evidence": "",
            }
        ]
    return {**node, "verdict": verdict}
