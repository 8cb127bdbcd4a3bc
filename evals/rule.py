"""The parameters of judging: how much evidence each stage takes, and how sure it has to be."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from ..tasks import Frozen, Metric

# Fields that a rule stored by an older version lacks, and what they were then.
BEFORE: Mapping[str, Any] = {
    "ranks": "shrunken",
    "baseline_seeds": "own",
    "near": 0.0,
    "behind": None,
    "winnable": 0.0,
    "unproven": False,
    "look": 16,
    "bound": None,
    "deterministic": False,
    "edge": 0.0,
    "pooled": None,
}
# What every stored rule names.
STORED = {"first_look", "screen", "drop_t", "promote_t", "block", "most", "hope"}


Regime = Literal["usual", "deterministic", "dear"]


class PooledSpread(Frozen):
    """The standard deviation of one gain, pooled over comparisons, and its degrees of freedom."""

    sd: float = Field(ge=0)
    freedom: float = Field(gt=0)


class Rule(Frozen):
    """The standard of proof of one run. Counts are seeds; t and e are statistics of gains.

    `standard`: `claim` confirms on fresh seeds under one error budget; `explore` races on search
    seeds and confirms nothing. `control`: what `alpha` bounds, the chance of even one false claim
    in the run (`familywise`), the expected share of false ones among all (`fdr`), or the chance of
    even one false claim in all runs of the task in an archive (`archive`). Then `share` is the part
    of `alpha` that this run may spend.

    `design`: whether child and parent share seeds (`paired`) or not; a calibration decides. A
    candidate is ruined if a glance at one workload, which a calibration may forbid (`glance` 0),
    shows a t below `ruin_t` and a loss of more than `ruin` times the metric's `minimum_gain`.

    A confirmation looks at its first `block` pairs, then after every `look` more up to `most`, and
    ends early where the chance that it will succeed falls below `hope`. What it claims is a bounded
    mean gain: a single gain, in the metric's unit and less the margin, counts as at most `bound`
    either way, and any noise is allowed. Without a bound the claim is about the plain mean, and
    gains are taken for about symmetric. Where all scores of a task repeat to the last bit
    (`deterministic`), the same gain on every seed needs no statistics. Where trials are few and
    dear, gains are taken for about normal, and their spread is `pooled` over all comparisons before
    the claim. The verdict on a node keeps the pooled spread that its claims were judged with.

    A program with less code may lose up to `tolerance` times `minimum_gain` and still be `simpler`.
    It is asked for that only if nothing planted is better than what it simplifies, and if one that
    loses nothing would show it with the chance `winnable`. At 0, as in older runs, always.

    The claim over the best baseline is made over every planted program within `near` standard
    errors of the best one. With `shared` baseline seeds these run the seeds of the claim before it.
    With `own` ones, as in older runs, only the best runs, on seeds drawn for that claim.

    Claims that are hopelessly `behind` the best planted program live on that share of `alpha`, the
    others on the rest. With None, as in older runs, all live on the whole.

    A gain within `edge` of the margin, in `minimum_gain`, is rounding and not above it.

    `ranks`: nodes rank by their effects over the start, estimated by `least squares` from all seeds
    that compare them; in older runs by sums of `shrunken` gains on the common seeds.

    With `unproven` a claim that its fresh seeds leave open is called that, and only one that they
    speak against is `refuted`; verdicts then count failures. Older runs called both `refuted`.
    """

    standard: Literal["claim", "explore"] = "claim"
    control: Literal["familywise", "fdr", "archive"] = "familywise"
    design: Literal["paired", "unpaired"] = "paired"
    alpha: float = Field(default=0.05, gt=0, lt=1)
    share: float = Field(default=1.0, gt=0, le=1)
    glance: int = Field(default=4, ge=0)
    ruin_t: float = -4.0
    ruin: float = Field(default=20.0, ge=0)
    first_look: int = Field(default=4, ge=2)
    screen: int = Field(default=16, ge=2)
    drop_t: float = -0.5
    promote_t: float = 0.75
    sure_t: float = 4.0
    race: int = Field(default=64, ge=2)
    race_p: float = Field(default=0.05, gt=0, lt=1)
    block: int = Field(default=16, ge=2)
    look: int = Field(default=8, ge=1)
    most: int = Field(default=256, ge=2)
    hope: float = Field(default=0.2, ge=0, lt=1)
    effect_scale: float = Field(default=0.5, gt=0)
    tolerance: float = Field(default=1.0, ge=0, le=1)
    winnable: float = Field(default=0.5, ge=0, lt=1)
    baseline_seeds: Literal["shared", "own"] = "shared"
    near: float = Field(default=2.0, ge=0)
    behind: float | None = Field(default=0.1, gt=0, lt=1)
    bound: float | None = Field(default=None, gt=0)
    deterministic: bool = False
    pooled: PooledSpread | None = None
    edge: float = Field(default=1e-9, ge=0)
    estimate: int = Field(default=32, ge=2)
    ranks: Literal["shrunken", "least squares"] = "least squares"
    unproven: bool = True

    @model_validator(mode="before")
    @classmethod
    def _of_older_runs(cls, data: Any) -> Any:
        """Upgrade a stored rule; one that names no control controlled the false discovery rate."""
        if not isinstance(data, dict):
            return data
        if "futile_e" in data:
            kept = {k: v for k, v in data.items() if k not in ("futile_after", "futile_e")}
            return {**BEFORE, "control": "fdr", **kept}
        return {**BEFORE, **data} if data.keys() >= STORED else data

    @property
    def regime(self) -> Regime:
        """How claims are tested: by many seeds, by one repetition, or by few and dear seeds."""
        if self.deterministic:
            return "deterministic"
        return "usual" if self.pooled is None else "dear"

    @property
    def own_alpha(self) -> float:
        """The chance of error that the run itself may have."""
        return self.alpha * self.share

    def margin(self, metric: Metric, says: Literal["better", "simpler"]) -> float:
        """The gain, in the metric's unit, above which a claim is true."""
        return metric.minimum_gain * ((1.0 if says == "better" else -self.tolerance) + self.edge)
