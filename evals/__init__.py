"""How good a candidate is, and whether that is an improvement.

The files, in reading order:

    records      what passes between proposing, measuring, judging and archiving
    seeds        where seeds come from, and who may know them
    door         what may run: every program passes here first
    audit/       read a program before it runs
    syntax       parse a program, and say how large it is
    canonical    a digest that is blind to names and layout
    carried      how much data a program may carry
    measure      train in one sandbox, grade in another
    lanes        measure many settings of a candidate's constants in one job
    gateway      answer what candidates ask a language model
    scored       whether a task's own programs have scores to compare with
    rule         how much evidence each stage takes
    judge/       what evidence means
    calibration  the noise of a task, measured before anything is judged by it
    checks       what the checks of the judge found in it
    noise        the judge, put to gains that are known to be none
    company      repeat seeds beside other ones
    conformance  the checks of a task's author
    gym/         an episode of work on a task; `env` makes it a gymnasium environment
    attack/      programs that cheat
"""

from . import judge
from .audit import AuditFindings, audit, audit_start
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
    "audit_start",
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
