"""How good a candidate is, and whether that is an improvement.

records       candidates, seeds, trials, claims and verdicts
rule          how much evidence a claim takes
seeds         where seeds come from
door          which programs may run: audit/ reads them, canonical tells equal ones apart
measure       run a candidate on seeds; gateway answers its questions to a model
company       the same seeds beside others
scored        which evaluations are worth comparing
judge/        is it an improvement?
calibration   what is known of a task's noise
env, gym/     a task as a Gymnasium environment
attack/       programs that cheat, and conformance, what a sandbox must withstand
"""

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
