"""Every command that the README and the docs show can be typed as it stands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from ratchet.app.cli.main import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "tasks").glob("*/README.md"))
START = re.compile(r"(?:\w+=\S+ )*(ratchet|python|make|\.venv/bin/\w+) ")
SKIPPED = {"python -c", "python -m"}


def code(page: Path) -> Iterator[str]:
    """Lines of blocks, with those that go on in the next line joined, and spans of code."""
    text = page.read_text()
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M):
        yield from re.sub(r"\\\n\s*", " ", block).splitlines()
    for block in re.findall(r"(?:^ {4}\S.*\n)(?:^ {4,}.*\n)*", text, re.M):
        yield from re.sub(r"\\\n\s*", " ", block).splitlines()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    yield from (" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose))


def commands() -> list[tuple[str, str]]:
    """Every command with the page that it stands on; what explains it in its line is cut off."""
    lines = {
        (page.relative_to(ROOT).as_posix(), re.split(r"\s{2,}| # |\s+\|\s", line.strip())[0])
        for page in PAGES
        for line in code(page)
        if START.match(line.strip())
    }
    return sorted(pair for pair in lines if " ".join(pair[1].split()[:2]) not in SKIPPED)


COMMANDS = commands()


def test_the_pages_show_commands() -> None:
    assert len(COMMANDS) > 60
    assert {page for page, _ in COMMANDS} >= {"README.md", "docs/cli.md", "docs/agents.md"}


@pytest.mark.parametrize(
    ("page", "line"), [pair for pair in COMMANDS if "ratchet " in f"{pair[1]} "[:40]]
)
def test_a_command_of_ratchet_is_understood(page: str, line: str) -> None:
    tokens = shlex.split(line)
    tokens = tokens[tokens.index("ratchet") + 1 :] if "ratchet" in tokens else []
    command = typer.main.get_command(app)
    context = command.make_context("ratchet", list(tokens), resilient_parsing=True)
    while hasattr(command, "commands") and tokens:
        name = tokens.pop(0)
        if name.startswith("-"):
            assert name == "--help"
            return
        assert name in command.commands, f"{page}: ratchet has no command {name}"
        command = command.commands[name]
    own = type(context)(command, info_name=line, parent=context)
    parser = command.make_parser(own)
    _, rest, _ = parser.parse_args(args=tokens)  # raises for an option that there is not
    assert not rest, f"{page}: {line} has too many words"


@pytest.mark.parametrize(
    ("page", "line"), [pair for pair in COMMANDS if re.search(r"\bbench/\w+\.py", pair[1])]
)
def test_a_benchmark_that_is_quoted_exists_and_takes_its_options(page: str, line: str) -> None:
    tokens = shlex.split(line)
    (script,) = (token for token in tokens if token.endswith(".py"))
    text = (ROOT / script).read_text() + (ROOT / "bench" / "harness.py").read_text()
    for option in (token for token in tokens if token.startswith("--")):
        assert f'"{option.partition("=")[0]}"' in text, f"{page}: {script} has no {option}"


@pytest.mark.parametrize(("page", "line"), [p for p in COMMANDS if p[1].startswith("make ")])
def test_what_is_to_be_made_is_in_the_makefile(page: str, line: str) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
    words = [word for word in shlex.split(line)[1:] if "=" not in word]
    assert set(words) <= set(targets), page


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[\w-]+)?\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken


def test_every_file_that_a_page_names_is_there() -> None:
    top = {path.name for path in ROOT.iterdir() if path.is_dir()}
    missing = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        for name in re.findall(r"`([\w.-]+/[\w./-]*)`", page.read_text())
        if name.split("/")[0] in top and not (ROOT / name).exists()
    ]
    assert not missing
