"""The verb `doctor`: check what a search needs on this machine."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ...agents.llm import ModelError
from ...agents.llm import probe as ask
from ...archive import Archive, ArchiveError
from ...evals import Candidate, probe
from ...sandbox import SandboxError, open_sandbox
from ...sandbox.choose import CONSENT, ISOLATED
from ...sandbox.text import clean
from ...search.desk.wanted import VARIABLE, connect
from ...tasks import TaskError, load, names

FREE_GB = 2
LIST_SECONDS = 10.0
UNNAMED = "default"  # a name that many servers of one model take


class DoctorFinding(BaseModel):
    """One thing that was checked, what was found, and what to do if that is not well."""

    name: str
    ok: bool
    found: str
    mend: str = ""


def examine(sandbox: str, archive: str, model: str | None = None) -> list[DoctorFinding]:
    """Check Python, libraries, disk, archive, models, sandbox and tasks."""
    return [
        _python(),
        _torch(),
        _disk(archive),
        _archive(archive),
        *_models(model),
        *_backends(),
        *_sandbox_and_tasks(sandbox),
    ]


def doctor_table(records: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Findings, the bad ones with their mend."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    for record in records:
        sign = Text("ok", style="green") if record["ok"] else Text("!!", style="bold red")
        table.add_row(sign, *(Text(clean(record[key])) for key in ("name", "found", "mend")))
    return table


def _python() -> DoctorFinding:
    ok = sys.version_info >= (3, 11)
    return DoctorFinding(
        name="python",
        ok=ok,
        found=sys.version.split()[0],
        mend="" if ok else "install Python 3.11 or newer",
    )


def _torch() -> DoctorFinding:
    try:
        return DoctorFinding(name="torch", ok=True, found=version("torch"))
    except PackageNotFoundError:
        return DoctorFinding(name="torch", ok=False, found="absent", mend="pip install torch")


def _disk(archive: str) -> DoctorFinding:
    try:
        file = Archive.at(archive).file
    except ArchiveError:  # `_archive` reports it
        file = None
    folder = file.absolute() if file else Path.cwd()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    ok = free >= FREE_GB
    mend = "" if ok else f"free {FREE_GB} GB, or put the archive elsewhere with --archive"
    return DoctorFinding(name="disk", ok=ok, found=f"{free:.0f} GB free", mend=mend)


def _archive(archive: str) -> DoctorFinding:
    try:
        place = Archive.at(archive)
        if place.file is not None and not place.file.exists():
            near = place.file.absolute().parent
            while not near.exists():
                near = near.parent
            ok = os.access(near, os.W_OK)
            mend = "" if ok else f"{near} is not writable: choose another place with --archive"
            return DoctorFinding(name="archive", ok=ok, found=f"{archive} will be made", mend=mend)
        if not Archive.exists(archive):
            return DoctorFinding(name="archive", ok=True, found=f"{place.shown} will be made")
        runs = len(Archive(archive).listed())
    except ArchiveError as error:
        return DoctorFinding(
            name="archive", ok=False, found=str(error), mend="use another --archive"
        )
    return DoctorFinding(name="archive", ok=True, found=f"{place.shown}, {runs} runs")


def _models(model: str | None) -> list[DoctorFinding]:
    """What the environment's model server can do. A failure only where a model was named."""
    if not any(os.environ.get(name) for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL")):
        found = "no server is set: `evolver` and the other agents without a model work"
        return [DoctorFinding(name="models", ok=True, found=found)]
    named = model or (os.environ.get(VARIABLE) or "").split(",")[0].rpartition("=")[2]
    findings = _asked(named)
    if named or all(finding.ok for finding in findings):
        return findings
    return [
        finding.model_copy(update={"ok": True, "found": f"no: {finding.found}"})
        for finding in findings
    ]


def _asked(named: str) -> list[DoctorFinding]:
    """What the model server can do with the model `named`, or else the first that it lists."""
    try:
        endpoint = connect("auto")
    except ModelError as error:
        return [DoctorFinding(name="models", ok=False, found=str(error), mend="see the message")]
    with closing(endpoint):
        listed = endpoint.models(LIST_SECONDS)
        first = next(iter(listed), UNNAMED) if isinstance(listed, Sequence) else UNNAMED
        return [DoctorFinding(**check._asdict()) for check in ask(endpoint, named or first)]


def _backends() -> list[DoctorFinding]:
    """Each backend: whether it works here, and which of them `auto` takes."""
    findings: list[DoctorFinding] = []
    chosen = False
    for name in ISOLATED:
        try:
            open_sandbox(name, 1).close()
        except SandboxError as error:
            findings.append(DoctorFinding(name=f"sandbox {name}", ok=True, found=f"no: {error}"))
            continue
        found = "works" if chosen else "works; `auto` takes it"
        findings.append(DoctorFinding(name=f"sandbox {name}", ok=True, found=found))
        chosen = True
    found = f"works without isolation, with {CONSENT}; `auto` never takes it"
    return [*findings, DoctorFinding(name="sandbox process", ok=True, found=found)]


def _sandbox_and_tasks(name: str) -> list[DoctorFinding]:
    try:
        # What runs below is the tasks' own start: consent is for candidates.
        backend = open_sandbox(name, 1, accept_unisolated=True)
    except SandboxError as error:
        return [DoctorFinding(name="sandbox", ok=False, found=str(error), mend="see the message")]
    findings = []
    try:
        for task_name in names():
            task = load(task_name)
            start = Candidate(files=task.start, idea="start", proposer="task")
            result = probe(start, task, backend)
            findings.append(
                DoctorFinding(
                    name=f"task {task_name}",
                    ok=result.status == "ok",
                    found=f"smoke test {result.status} in {result.wall_seconds * 1000:.0f} ms",
                    mend=clean(result.log, 200),
                )
            )
        settings = ", ".join(f"{key} {value}" for key, value in backend.describe().items())
        findings.insert(0, DoctorFinding(name="sandbox", ok=True, found=settings))
        if backend.isolation == "none":
            findings[0].mend = "take docker or namespace for candidates: this one isolates nothing"
    except (SandboxError, TaskError) as error:
        findings.append(
            DoctorFinding(name="sandbox", ok=False, found=str(error), mend="see the message")
        )
    finally:
        backend.close()
    return findings
