"""What evidence means. Pure: records in, records out, nothing read or written.

A screen on a few seeds decides only what deserves confirmation. A confirmation compares child and
rival on fresh seeds and stops when a t e-value (Perez-Ortiz et al. 2022, after Lai 1976) reaches
one over the claim's share of the run's error budget; e-values may be looked at after every block
without inflating the error (Ville 1939). What is reported is estimated on seeds that chose nothing.

evidence   two evaluations become gains, seed by seed
decide     what a glance, a screen, a race or a sequential test makes of gains
evalue     the e-value of gains
levels     how much of the run's error budget a claim may spend
estimate   how large an effect is
effects    how large all effects of a run are, from all its comparisons
words      the verdicts, with their reasons
power      what a confirmation can find, and what a screen drops
"""

from .decide import (
    Reached,
    Tested,
    chance,
    claimed,
    confirm,
    hopeless,
    needed_t,
    promising,
    race,
    ruined,
    sequential_test,
)
from .effects import Effect, Reading, effects
from .estimate import estimate, shrunken, summary
from .evalue import log_e_from_moments, log_e_value, log_e_values, t_statistic
from .evidence import above_worst, digest, gains
from .levels import level
from .power import detectable, lost, pairs_needed, power, race_power
from .words import confirmed_or_refuted, e_words, glanced_out, raced, screened_out, waiting

__all__ = [
    "Effect",
    "Reached",
    "Reading",
    "Tested",
    "above_worst",
    "chance",
    "claimed",
    "confirm",
    "confirmed_or_refuted",
    "detectable",
    "digest",
    "e_words",
    "effects",
    "estimate",
    "gains",
    "glanced_out",
    "hopeless",
    "level",
    "log_e_from_moments",
    "log_e_value",
    "log_e_values",
    "lost",
    "needed_t",
    "pairs_needed",
    "power",
    "promising",
    "race",
    "race_power",
    "raced",
    "ruined",
    "screened_out",
    "sequential_test",
    "shrunken",
    "summary",
    "t_statistic",
    "waiting",
]
