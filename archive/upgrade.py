"""Bring records of older versions up to date, in memory: nothing changes on disk."""

import math
from collections.abc import Mapping
from typing import Any

SCREEN = 24  # pairs in a screen, before screens were kept as more than their t


def upgraded(data: Mapping[str, Any]) -> dict[str, Any]:
    """A node's record as this version writes it; raises LookupError where a field is missing."""
    node = _renamed({"turn": data["number"], **data}, "evaluations", "trials")
    node["evidence"] = [
        _renamed(part, "role", "split") if isinstance(part, Mapping) else part
        for part in node.get("evidence", ())
    ]
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


def upgraded_config(data: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a run, as this version writes it."""
    config = _renamed({"key": "", **data}, "isolation", "sharing")
    if isinstance(config.get("caps"), Mapping):
        config["caps"] = _renamed(config["caps"], "evaluations", "trials")
    return config


def _renamed(data: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """A copy of a record with the field `old` renamed to `new`."""
    return {new if name == old else name: value for name, value in data.items()}
