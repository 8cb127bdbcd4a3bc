"""What evidence means. Pure: records in, records out, nothing read or written.

A screen on a few seeds decides only what deserves confirmation. A confirmation compares child and
rival on fresh seeds and stops when an e-value reaches one over the claim's share of the run's error
budget; e-values may be looked at any time without inflating the error (Ville 1939). What is claimed
is a bounded mean gain: a single gain counts as at most the rule's bound (Waudby-Smith and Ramdas
2024). Rules without a bound take the t e-value (Perez-Ortiz et al. 2022, after Lai 1976), and those
for few and dear trials a spread that is pooled over comparisons. What is reported is estimated on
seeds that chose nothing, and not bounded.

evidence   two evaluations become gains, seed by seed
decide     what a glance, a screen, a race or a sequential test makes of gains
bounded    the e-value of bounded gains
pooled     the e-value of few and dear pairs, which takes their spread from other comparisons
evalue     the t e-value, of rules without a bound
levels     how much of the run's error budget a claim may spend
estimate   how large an effect is
effects    how large all effects of a run are, from all its comparisons
failures   how often a program fails, by the seeds that did
workloads  whether a gain holds on workloads like these
words      the verdicts, with their reasons
power      what a confirmation can find, and what a screen drops
reach      the smallest effect that a confirmation finds
"""

from .bounded import log_e_bounded, log_e_looks
from .decide import (
    Reached,
    Tested,
    chance,
    claimed,
    confirm,
    hopeless,
    log_e_of,
    needed_t,
    promising,
    race,
    ruined,
    sequential_test,
    settled,
)
from .effects import Effect, Reading, effects
from .estimate import estimate, shrunken, summary
from .evalue import log_e_from_moments, log_e_value, log_e_values, t_statistic
from .evidence import above_worst, digest, gains
from .failures import failure_rate, failure_words, percent
from .levels import level
from .pooled import log_e_pooled, pooled_so_far, spread_between, upper_bound
from .power import lost, pairs_needed, power, race_power
from .reach import detectable, shown
from .words import (
    confirmed_or_refuted,
    counted,
    e_words,
    given_up,
    glanced_out,
    raced,
    regime_words,
    repeated,
    screened_out,
    waiting,
)
from .workloads import (
    AcrossWorkloads,
    Transfer,
    across,
    clearly_worse,
    identical,
    leave_one_out,
    transfer,
)

__all__ = [
    "AcrossWorkloads",
    "Effect",
    "Reached",
    "Reading",
    "Tested",
    "Transfer",
    "above_worst",
    "across",
    "chance",
    "claimed",
    "clearly_worse",
    "confirm",
    "confirmed_or_refuted",
    "counted",
    "detectable",
    "digest",
    "e_words",
    "effects",
    "estimate",
    "failure_rate",
    "failure_words",
    "gains",
    "given_up",
    "glanced_out",
    "hopeless",
    "identical",
    "leave_one_out",
    "level",
    "log_e_bounded",
    "log_e_from_moments",
    "log_e_looks",
    "log_e_of",
    "log_e_pooled",
    "log_e_value",
    "log_e_values",
    "lost",
    "needed_t",
    "pairs_needed",
    "percent",
    "pooled_so_far",
    "power",
    "promising",
    "race",
    "race_power",
    "raced",
    "regime_words",
    "repeated",
    "ruined",
    "screened_out",
    "sequential_test",
    "settled",
    "shown",
    "shrunken",
    "spread_between",
    "summary",
    "t_statistic",
    "transfer",
    "upper_bound",
    "waiting",
]
