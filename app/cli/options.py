"""What the verbs of the command line have in common: their options and arguments."""

import math
import re
from typing import Annotated, Literal

import typer

from ...places import ARCHIVE as ARCHIVE


def hexadecimal(value: str | None) -> str | None:
    """A secret is hexadecimal and as long as those that Ratchet draws."""
    if value is not None and re.fullmatch(r"[0-9a-f]{32}", value) is None:
        raise typer.BadParameter("a secret is 32 hexadecimal digits, as in the archive's config")
    return value


def importable(value: str | None) -> str | None:
    """A name of a module, or of one of ours."""
    if value is not None and re.fullmatch(r"\w+(\.\w+)*", value) is None:
        raise typer.BadParameter("that is no name of a module: give letters, digits, _ and dots")
    return value


def finite(value: float | None) -> float | None:
    """A number that is one: neither infinite nor the one that equals nothing."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a number to count with: give a finite one")
    return value


def more_than_none(value: float | None) -> float | None:
    """A finite number above zero."""
    if value is not None and not finite(value) > 0:  # type: ignore[operator]
        raise typer.BadParameter("that leaves no time for anything: give more than 0")
    return value


Where = Annotated[
    str,
    typer.Option("--archive", envvar="RATCHET_ARCHIVE", help="Archive: a path or SQLAlchemy URL."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Backend = Annotated[
    str,
    typer.Option(
        "--sandbox",
        callback=importable,
        help="auto, docker, namespace, process, or a module with create().",
    ),
]
Accept = Annotated[
    bool,
    typer.Option(
        "--accept-unisolated",
        envvar="RATCHET_ACCEPT_UNISOLATED",
        help="Let candidates run where nothing isolates them; results stay unvalidated.",
    ),
]
Sharing = Annotated[
    Literal["shared", "strict"],
    typer.Option(help="strict: one seed a job, and nothing shared between jobs."),
]
Seed = Annotated[int | None, typer.Option(min=0, help="Makes the proposals repeatable.")]
Select = Annotated[
    str | None,
    typer.Option(
        help="What to build on: dgm, hgm, aide, gepa, map_elites, uct, best, latest, "
        "uniform, planted; "
        "the agent's own unless told."
    ),
]
Secret = Annotated[
    str | None,
    typer.Option(
        hidden=True, callback=hexadecimal, help="With --seed, repeats an earlier run exactly."
    ),
]
Workers = Annotated[int, typer.Option(min=1, max=256, help="Jobs at a time.")]
Turns = Annotated[int | None, typer.Option(min=1, help="Stop after this many proposals.")]
Minutes = Annotated[
    float | None,
    typer.Option(callback=more_than_none, help="Begin nothing that cannot end within so long."),
]
Standard = Annotated[
    Literal["claim", "explore"],
    typer.Option(help="claim: confirm on fresh seeds. explore: race on, and confirm nothing."),
]
Control = Annotated[
    Literal["familywise", "fdr"],
    typer.Option(help="What alpha bounds: any false claim, or the share of false ones."),
]
Alpha = Annotated[
    float,
    typer.Option(
        min=1e-6, max=0.5, callback=finite, help="The chance of error that the whole run may have."
    ),
]
Schedule = Annotated[
    Literal["adaptive", "fixed"],
    typer.Option(help="adaptive: spend trials where they decide most. fixed: turn by turn."),
]
Effect = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        callback=finite,
        help="The smallest gain you care about, in the metric's unit; refuse to search if the "
        "budget cannot find it.",
    ),
]
NodeName = Annotated[str, typer.Argument(help="RUN.NUMBER, or NUMBER in the newest run.")]
RunName = Annotated[
    str | None, typer.Argument(help="A run's id or its beginning; else the newest.")
]
Api = Annotated[
    Literal["auto", "responses", "chat"],
    typer.Option(help="The dialect that the model's endpoint speaks; auto finds out."),
]
Model = Annotated[
    list[str] | None,
    typer.Option(
        help="NAME of a language model, or ROLE=NAME for one role; of several, one is chosen per "
        "proposal by what each has brought. RATCHET_MODEL sets it too.",
    ),
]
PriceOf = Annotated[
    list[str] | None,
    typer.Option(
        "--price", help="NAME=IN,OUT or IN,OUT: dollars per million tokens read and written."
    ),
]
Temperature = Annotated[
    float | None, typer.Option(min=0.0, max=2.0, callback=finite, help="Of the model.")
]
MaxTokens = Annotated[int | None, typer.Option(min=1, help="Most tokens that models may use.")]
MaxDollars = Annotated[
    float | None, typer.Option(min=0.0, callback=finite, help="Most dollars to pay for models.")
]
MaxTrials = Annotated[int | None, typer.Option(min=1, help="Most seeds to run, all in all.")]
MaxGpuSeconds = Annotated[
    float | None, typer.Option(min=0.0, callback=finite, help="Most GPU seconds to use.")
]
Approve = Annotated[
    Literal["never", "candidates", "confirmations", "all"],
    typer.Option(help="Ask a person before candidates run, before fresh seeds are spent, or both."),
]
