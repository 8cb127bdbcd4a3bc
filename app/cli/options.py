"""Options and arguments that several verbs of the command line take."""

import math
import re
from typing import Annotated, Literal

import typer

from ...places import ARCHIVE as ARCHIVE


def hexadecimal(value: str | None) -> str | None:
    """Let a secret pass that is hexadecimal, and as long as those that Ratchet draws."""
    if value is not None and re.fullmatch(r"[0-9a-f]{32}", value) is None:
        raise typer.BadParameter("a secret is 32 hexadecimal digits, as in the archive's config")
    return value


def importable(value: str | None) -> str | None:
    """Let the name of a module pass, or a built-in name."""
    if value is not None and re.fullmatch(r"\w+(\.\w+)*", value) is None:
        raise typer.BadParameter("that is no name of a module: use letters, digits, _ and dots")
    return value


def finite(value: float | None) -> float | None:
    """Let a finite number pass: neither infinity nor NaN."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number: give one")
    return value


def more_than_none(value: float | None) -> float | None:
    """Let a finite number above zero pass."""
    if value is not None and not finite(value) > 0:  # type: ignore[operator]
        raise typer.BadParameter("that leaves no time for anything: give more than 0")
    return value


Where = Annotated[
    str,
    typer.Option("--archive", envvar="RATCHET_ARCHIVE", help="Archive: path or SQLAlchemy URL."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
TaskName = Annotated[str, typer.Argument(help="A built-in task, or the path of a task folder.")]
Agent = Annotated[
    str,
    typer.Option(
        help="Agent that proposes: a built-in name (`ratchet agents` lists them), RUN.NUMBER for "
        "one a search found, or a module path."
    ),
]
Select = Annotated[
    str | None,
    typer.Option(
        help="Policy that chooses the node to build on: lead, dgm, hgm, aide, gepa, map_elites, "
        "uct, best, latest, uniform or planted. Without it, the agent's own."
    ),
]
Tune = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=1.0,
        help="Share of the trials that go into tuning the constants of programs. Without it, the "
        "agent's own where the task can train many settings side by side, else 0.",
    ),
]
Backend = Annotated[
    str,
    typer.Option(
        "--sandbox",
        callback=importable,
        help="Sandbox: auto, docker, namespace, process, or a module with create().",
    ),
]
OtherSandbox = Annotated[
    str | None,
    typer.Option("--sandbox", callback=importable, help="Another sandbox than the run had."),
]
Accept = Annotated[
    bool,
    typer.Option(
        "--accept-unisolated",
        envvar="RATCHET_ACCEPT_UNISOLATED",
        help="Let candidates run where nothing isolates them. Their results stay unvalidated.",
    ),
]
Sharing = Annotated[
    Literal["shared", "strict"],
    typer.Option(help="shared: seeds share a job. strict: one seed per job, and nothing shared."),
]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed that makes the proposals repeatable.")]
Secret = Annotated[
    str | None,
    typer.Option(
        hidden=True,
        callback=hexadecimal,
        help="Secret of an earlier run. With its --seed, repeats it exactly.",
    ),
]
Workers = Annotated[int, typer.Option(min=1, max=256, help="Sandbox jobs to run at a time.")]
Turns = Annotated[int | None, typer.Option(min=1, help="Stop after this many proposals.")]
Minutes = Annotated[
    float | None,
    typer.Option(
        callback=more_than_none,
        help="Length of the search. Nothing begins that cannot end in time.",
    ),
]
Standard = Annotated[
    Literal["claim", "explore"],
    typer.Option(help="claim: confirm on fresh seeds. explore: race on, confirm nothing."),
]
Control = Annotated[
    Literal["familywise", "fdr", "archive"],
    typer.Option(
        help="What alpha bounds. familywise: the chance of any false claim in the run. fdr: the "
        "share of false claims. archive: the chance of any in all such runs of the task here."
    ),
]
Alpha = Annotated[
    float,
    typer.Option(
        min=1e-6, max=0.5, callback=finite, help="Chance of error that the whole run may have."
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
        help="Smallest gain you care about, in the metric's unit. Refuses to search where the "
        "budget cannot find it.",
    ),
]
NodeName = Annotated[str, typer.Argument(help="Node: RUN.NUMBER, or NUMBER in the newest run.")]
RunName = Annotated[
    str | None, typer.Argument(help="Id of a run, or its beginning.", show_default="the newest run")
]
Api = Annotated[
    Literal["auto", "responses", "chat"],
    typer.Option(help="Dialect that the model's endpoint speaks. auto finds out."),
]
Model = Annotated[
    list[str] | None,
    typer.Option(
        help="NAME of a language model, or ROLE=NAME for one role. Of several names, each proposal "
        "draws one, the more often the more it has brought. RATCHET_MODEL sets it too.",
    ),
]
PriceOf = Annotated[
    list[str] | None,
    typer.Option(
        "--price", help="NAME=IN,OUT or IN,OUT: dollars per million tokens read and written."
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(min=0.0, max=2.0, callback=finite, help="Temperature of the models."),
]
MaxTokens = Annotated[int | None, typer.Option(min=1, help="Most tokens to read and write.")]
MaxDollars = Annotated[
    float | None, typer.Option(min=0.0, callback=finite, help="Most dollars to pay for models.")
]
MaxTrials = Annotated[int | None, typer.Option(min=1, help="Most trials to run in all sessions.")]
MaxGpuSeconds = Annotated[
    float | None, typer.Option(min=0.0, callback=finite, help="Most GPU seconds to use.")
]
LearnedFile = Annotated[
    str | None,
    typer.Option(
        "--learned",
        help="File of `ratchet learn` with what paid in earlier searches, which the evolver begins "
        "with, or the word nothing. Without it, the file beside the archive, else the one that "
        "comes with Ratchet. A run keeps what it began with.",
    ),
]
Approve = Annotated[
    Literal["never", "candidates", "confirmations", "all"],
    typer.Option(help="Ask a person before candidates run, before fresh seeds are spent, or both."),
]
