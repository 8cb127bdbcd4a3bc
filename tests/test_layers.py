"""Each folder imports only the folders below it, and each SDK has one home."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ["app", "search", "agents", "archive", "evals", "tasks", "sandbox"]
HOMES = {
    "docker": {
        "sandbox/docker/engine.py",
        "sandbox/docker/faults.py",
        "sandbox/docker/images.py",
    },
    "genai_prices": {"agents/llm/prices.py"},
    "gymnasium": {"evals/env.py"},
    "httpx2": {"agents/llm/client.py"},
    "langchain_core": {"agents/research/graph.py"},
    "langgraph": {"agents/research/graph.py"},
    "langsmith": {"agents/research/graph.py"},
    "matplotlib": {"app/pages/curves.py"},
    "openai": {"agents/llm/client.py"},
    "sqlalchemy": {
        "archive/database.py",
        "archive/engine.py",
        "archive/journal.py",
        "archive/lease.py",
        "archive/nodes.py",
        "archive/place.py",
        "archive/runs.py",
        "archive/store.py",
        "archive/tables.py",
        "archive/trials.py",
    },
    "typer": {
        f"app/cli/{name}.py"
        for name in ("benches", "images", "main", "options", "output", "reading")
    },
    "torch": set[str](),
}


def sources(layer: str) -> list[Path]:
    """Modules of the package; what runs in boxes is not part of it."""
    programs = {file.parent for file in (ROOT / "tasks").glob("*/*.py")}
    programs |= {ROOT / "evals" / name for name in ("attack/corpus", "attack/naive")}
    found = sorted((ROOT / layer).rglob("*.py"))
    return [file for file in found if not programs.intersection(file.parents)]


def imported(file: Path) -> set[str]:
    """Top-level folders of ours, and foreign packages, that `file` imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {f"/{alias.name.split('.')[0]}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(f"/{(node.module or '').split('.')[0]}")
        elif isinstance(node, ast.ImportFrom):
            depth = len(file.relative_to(ROOT).parts) - node.level
            parts = [*file.relative_to(ROOT).parts[:depth], *(node.module or "").split(".")]
            found |= {parts[0]} if parts[0] else {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_downwards(layer: str) -> None:
    allowed = set(LAYERS[LAYERS.index(layer) :])
    assert sources(layer)
    for file in sources(layer):
        ours = {name for name in imported(file) if not name.startswith("/")}
        assert ours <= allowed, file
        assert "/ratchet" not in imported(file), f"{file} imports itself by its absolute name"


@pytest.mark.parametrize("package", sorted(HOMES))
def test_each_sdk_has_one_home(package: str) -> None:
    users = {
        str(file.relative_to(ROOT))
        for layer in LAYERS
        for file in sources(layer)
        if f"/{package}" in imported(file)
    }
    assert users <= HOMES[package]
