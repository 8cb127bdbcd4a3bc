"""How good a candidate is, and whether that is an improvement."""

from . import judge
from .audit import Findings, audit
from .measure import measure, probe
from .records import Candidate, Estimate, Evaluation, Role, Seed, Standing, Trial, Verdict
from .seeds import Keys, draw, fresh_key, key_from

__all__ = [
    "Candidate",
    "Estimate",
    "Evaluation",
    "Findings",
    "Keys",
    "Role",
    "Seed",
    "Standing",
    "Trial",
    "Verdict",
    "audit",
    "draw",
    "fresh_key",
    "judge",
    "key_from",
    "measure",
    "probe",
]
