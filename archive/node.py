"""A node: a candidate with everything that was learned about it."""

from typing import Literal

from pydantic import Field

from ..evals import COMMON, Candidate, Split, Summary, Verdict
from ..evals.records import Log, Words
from ..sandbox import Isolation
from ..tasks import Frozen, Level

MOST_SEEDS = 1_000_000  # of one stream: they are drawn one by one


class Evidence(Frozen):
    """Which seeds a node was measured on: the first `count` of a stream of its run's key.

    `versus` is the node it was compared with, if any: on the same seeds, or on those of the stream
    `against`. `split` names the workloads.
    """

    stream: str
    count: int = Field(ge=0, le=MOST_SEEDS)
    split: Split = "dev"
    versus: int | None = None
    against: str = ""


class Tuning(Frozen):
    """How the constants of a candidate were found: `constants` many of `node` were tuned together.

    It took `trials` of that many `settings`, and so many `seconds` of CPU time, on seeds that serve
    nothing else.
    """

    node: int = Field(ge=0, lt=2**31)
    constants: int = Field(ge=0)
    settings: int = Field(ge=0)
    trials: int = Field(ge=0)
    seconds: float = Field(default=0.0, ge=0)


class Node(Frozen):
    """A candidate with everything learned about it. Planted nodes have no verdict.

    `turn` is the turn of the run that made it so: a node that was measured again has a later one.
    `score` is the mean on the run's common search seeds and `gain` its gain over the start there,
    with standard error `gain_error`; they are None for nodes that are not built on. `common` sums
    those gains up by blocks of seeds: the first ones, then those of each later ranking. `instances`
    are gains over the start too: workload by workload and, in each, seed by seed of the first
    `Rule.estimate` common seeds. Older archives have neither. `size` counts nodes of its syntax.
    `isolation` is that of the sandbox it ran in: where there was none, a candidate could have
    written its own scores. `failure` says why a planted program has no score; older archives have
    none that says so. `tuning` is of those that came of tuning. `company_replayed` says that a
    replay has repeated its seeds beside others, which its run may not have done. `level` is how far
    its scores can be trusted; older archives only had tasks of the highest.
    """

    run: str
    number: int = Field(ge=0, lt=2**31)
    turn: int = Field(ge=0, lt=2**31)
    parent: int | None
    kind: Literal["start", "baseline", "candidate"]
    name: Words
    candidate: Candidate
    canonical: str
    behaviour: str | None
    evidence: tuple[Evidence, ...] = ()
    verdict: Verdict | None
    score: float | None = None
    gain: float | None = None
    gain_error: float = Field(default=0.0, ge=0)
    common: tuple[Summary, ...] = ()
    instances: tuple[float, ...] = ()
    size: int = Field(default=0, ge=0)
    environment: str
    isolation: Isolation
    discarded: int = Field(default=0, ge=0)
    trials: int = Field(default=0, ge=0)
    cpu_seconds: float = Field(default=0.0, ge=0)
    log: Log = ""
    level: Level = "counted"
    failure: Words = ""
    tuning: Tuning | None = None
    company_replayed: bool = False

    @property
    def id(self) -> str:
        """The name that people use: RUN.NUMBER."""
        return f"{self.run}.{self.number}"

    @property
    def standing(self) -> str:
        """One word for what became of the node, such as confirmed or screened."""
        if self.verdict is not None:
            return self.verdict.standing
        return "failed" if self.failure else self.kind

    @property
    def outcome(self) -> str:
        """The standing as it is shown: `simpler` where no more than that was confirmed."""
        claims = self.verdict.claims if self.verdict else ()
        less = self.standing == "confirmed" and bool(claims) and claims[0].says == "simpler"
        return "simpler" if less else self.standing

    @property
    def given_up(self) -> bool:
        """Whether fresh seeds did not show what it claimed: it is unproven, or refuted."""
        return self.standing in ("unproven", "refuted")

    @property
    def for_agents(self) -> str:
        """The standing in the words that agents and models know.

        All that is given up is refuted, and all that fresh seeds bore out is confirmed. Prompts,
        and with them the replies that archives hold, stay as they were.
        """
        if self.given_up:
            return "refuted"
        return "confirmed" if self.borne_out else self.standing

    @property
    def borne_out(self) -> bool:
        """Whether fresh seeds bore out what it claimed: it is confirmed, or repeated."""
        return self.standing in ("confirmed", "repeated")

    @property
    def measured(self) -> bool:
        """Whether it was run on seeds, and got a score on some of them."""
        return bool(self.evidence) and self.standing not in ("invalid", "failed")

    @property
    def validated(self) -> bool:
        """Whether it was planted, or ran where it could not write its own scores."""
        return self.verdict is None or self.isolation != "none"

    @property
    def company_checked(self) -> bool:
        """Whether its gain came out the same with other seeds beside the same ones."""
        return self.company_replayed or bool(self.verdict and self.verdict.company_checked)

    @property
    def kept(self) -> bool:
        """Whether it was promoted: borne out, or under `explore` the winner of a race."""
        return self.gain is not None and (self.borne_out or self.standing == "promising")

    @property
    def gained(self) -> bool:
        """Whether it improved on its parent, as far as is known."""
        return (self.borne_out or self.standing == "promising") and self.outcome != "simpler"

    @property
    def waiting(self) -> bool:
        """Whether its screen made hope for more than was looked at so far."""
        screened = self.verdict is not None and self.verdict.screen is not None
        return self.standing == "promising" and not self.kept and screened

    @property
    def unproven_form(self) -> bool:
        """Whether it was screened and not kept, and its constants were never tuned."""
        open_yet = self.standing in ("no gain", "promising") and not self.kept
        return open_yet and self.tuning is None

    @property
    def common_seeds(self) -> int:
        """On how many of the run's common seeds it was ranked."""
        return max((e.count for e in self.evidence if e.stream == COMMON), default=0)

    @property
    def seeds_run(self) -> tuple[Evidence, ...]:
        """Its evidence without what was compared twice: of each stream and split the most seeds."""
        longest = dict[tuple[str, Split], Evidence]()
        for part in self.evidence:
            place = (part.stream, part.split)
            longest[place] = max(longest.get(place, part), part, key=lambda e: e.count)
        return tuple(longest.values())

    @property
    def eligible(self) -> bool:
        """Whether it may be built on: planted or kept, validated, and scored."""
        planted = self.verdict is None and self.gain is not None
        return planted or (self.kept and self.validated)
