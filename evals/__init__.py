"""How good a candidate is, and whether that is an improvement."""

from . import judge
from .audit import AuditFindings, audit
from .calibration import Calibration
from .door import Admission, admit, unfit
from .gateway import Ask, Gateway
from .measure import measure, probe
from .records import (
    Candidate,
    Claim,
    Estimate,
    Evaluation,
    Seed,
    Split,
    Standing,
    Summary,
    Trial,
    Verdict,
)
from .rule import Rule
from .seeds import COMMON, Keys, data_of, derived_key, draw, fresh_key, key_from

__all__ = [
    "COMMON",
    "Admission",
    "Ask",
    "AuditFindings",
    "Calibration",
    "Candidate",
    "Claim",
    "Estimate",
    "Evaluation",
    "Gateway",
    "Keys",
    "Rule",
    "Seed",
    "Split",
    "Standing",
    "Summary",
    "Trial",
    "Verdict",
    "admit",
    "audit",
    "data_of",
    "derived_key",
    "draw",
    "fresh_key",
    "judge",
    "key_from",
    "measure",
    "probe",
    "unfit",
]
