"""The plan of the house holds in the code: who may import whom, and how large the parts are."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
PLANNED = ["app", "api", "search", "agents", "archive", "evals", "tasks", "sandbox"]
LAYERS = [layer for layer in PLANNED if (ROOT / layer).is_dir()]
OUTSIDE = ["bench", "tests"]
PROGRAMS = [
    "evals/attack/corpus",
    "evals/attack/naive",
    "bench/reference",
    "bench/secret",
    "tests/bowl",
]
PROGRAMS += ["tests/chars", "tests/scripts", "tests/sequence"]
LONGEST = 60
HOMES = {
    "docker": {
        "sandbox/docker/engine.py",
        "sandbox/docker/faults.py",
        "sandbox/docker/images.py",
        "tests/test_docker.py",
    },
    "genai_prices": {"agents/llm/prices.py"},
    "gymnasium": {"evals/env.py", "tests/test_env.py"},
    "httpx2": {"agents/llm/client.py"},
    "langchain_core": {"agents/research/graph.py"},
    "langgraph": {"agents/research/graph.py"},
    "langsmith": {"agents/research/graph.py"},
    "matplotlib": {"app/pages/curves.py", "bench/harness.py"},
    "openai": {"agents/llm/client.py", "tests/test_model.py"},
    "pandas": {"api/frames.py", "api/trees.py"},
    "psycopg": {"tests/stand_ins/postgres.py"},
    "rich": {"app/cli/*.py", "tests/test_calibrate.py", "tests/test_compare.py"},
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
        "tests/test_archive.py",
    },
    "torch": {"bench/reach.py"},  # else only what runs in boxes
    "typer": {
        f"app/cli/{name}.py"
        for name in (
            "benches",
            "checking",
            "images",
            "making",
            "main",
            "options",
            "output",
            "reading",
            "searching",
        )
    }
    | {"tests/test_docs.py", "tests/test_foreign_archive.py"},
}


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def path(file: Path) -> str:
    return str(file.relative_to(ROOT))


@cache
def sources(folder: str) -> list[Path]:
    """Modules of a folder; the programs that run in boxes are not part of it."""
    programs = {file.parent for file in (ROOT / "tasks").glob("*/*.py")}
    programs |= {ROOT / name for name in PROGRAMS}
    files = sorted((ROOT / folder).rglob("*.py"))
    return [file for file in files if not programs.intersection(file.parents)]


def dotted(file: Path) -> str:
    """The name of a module of the product: `api/` is the package itself."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "api" else parts
    return ".".join(["ratchet", *(part for part in parts if part != "__init__")])


@cache
def modules() -> dict[str, Path]:
    """The modules of the product by dotted name, those of the package's root last."""
    return {dotted(file): file for layer in reversed(LAYERS) for file in sources(layer)}


@cache
def imports(file: Path) -> list[tuple[str, str]]:
    """What `file` imports anywhere in it, also in a function or for types only.

    Pairs of a dotted name and the name taken from it (empty for `import x`).
    """
    pairs = []
    package = dotted(file) if file.name == "__init__.py" else dotted(file).rpartition(".")[0]
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            pairs += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            origin = ".".join([*(base if node.level else []), *filter(None, [node.module])])
            pairs += [(origin, alias.name) for alias in node.names]
    return pairs


@cache
def imported() -> Mapping[str, frozenset[str]]:
    """Files of the product, each with the files of the product that it imports."""
    graph = {}
    for name, file in modules().items():
        reached = {
            target if (target := f"{origin}.{taken}") in modules() else origin
            for origin, taken in imports(file)
        } - {name}
        graph[path(file)] = frozenset(path(modules()[one]) for one in reached if one in modules())
    return graph


def functions(files: Iterable[Path]) -> Iterator[tuple[str, int]]:
    """The functions of some files, each with its count of lines without its docstring."""
    for file in files:
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                documentation = [node.body[0]] if ast.get_docstring(node) else []
                yield f"{path(file)}: {node.name}", extent(node) - sum(map(extent, documentation))


def extent(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def lines(files: Iterable[Path]) -> list[int]:
    return [len(file.read_text().splitlines()) for file in files]


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_downwards(layer: str) -> None:
    allowed = set(LAYERS[LAYERS.index(layer) :])
    assert sources(layer)
    upwards = [
        (file, target)
        for file, targets in imported().items()
        for target in targets
        if file.split("/")[0] == layer and target.split("/")[0] not in allowed
    ]
    assert not upwards


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(imported()).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


@pytest.mark.parametrize("layer", LAYERS)
def test_the_product_imports_itself_relatively(layer: str) -> None:
    for file in sources(layer):
        absolute = [node for node in ast.walk(parsed(file)) if _names_the_package(node)]
        assert not absolute, file


def _names_the_package(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom) and not node.level:
        return (node.module or "").split(".")[0] == "ratchet"
    names = node.names if isinstance(node, ast.Import) else []
    return any(alias.name.split(".")[0] == "ratchet" for alias in names)


@pytest.mark.parametrize("folder", OUTSIDE)
def test_outside_users_import_the_package_by_its_name(folder: str) -> None:
    for file in sources(folder):
        upwards = [
            ast.unparse(node)
            for node in ast.walk(parsed(file))
            if isinstance(node, ast.ImportFrom) and node.level > 1  # one dot: a neighbour's file
        ]
        assert not upwards, file
        unpackaged = {origin for origin, _ in imports(file) if origin.split(".")[0] in PLANNED}
        assert not unpackaged, file


@pytest.mark.parametrize("folder", OUTSIDE)
def test_outside_users_touch_nothing_private(folder: str) -> None:
    for file in sources(folder):
        ours = [(origin, name) for origin, name in imports(file) if origin.startswith("ratchet")]
        private = [f"{origin}.{name}" for origin, name in ours if is_private(name)]
        private += [origin for origin, _ in ours if any(map(is_private, origin.split(".")))]
        taken = {name for origin, name in ours if f"{origin}.{name}" in modules()}
        private += [
            f"{node.value.id}.{node.attr}"
            for node in ast.walk(parsed(file))
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in taken
            and is_private(node.attr)
        ]
        assert not private, file


def test_what_test_files_share_lives_in_stand_ins() -> None:
    for file in sources("tests"):
        origins = {origin for origin, _ in imports(file)}
        assert not {origin for origin in origins if origin.split(".")[0].startswith("test_")}, file


@pytest.mark.parametrize("package", sorted(HOMES))
def test_each_sdk_has_one_home(package: str) -> None:
    users = [
        file
        for folder in (*LAYERS, *OUTSIDE)
        for file in sources(folder)
        if any(origin.split(".")[0] == package for origin, _ in imports(file))
    ]
    assert not [file for file in users if not any(map(file.match, HOMES[package]))]


def test_no_folder_holds_more_than_a_quarter_of_the_code() -> None:
    """Counts the lines of every Python file of the product's folders.

    The programs of tasks, their library, and the attacks are code that is kept up like the rest,
    so they count in their folders. Measurements (`bench/`) and tests do not count.
    """
    sizes = {layer: sum(lines((ROOT / layer).rglob("*.py"))) for layer in LAYERS}
    shares = {layer: size / sum(sizes.values()) for layer, size in sizes.items()}
    assert max(shares.values()) <= 1 / 4, shares


@pytest.mark.parametrize("layer", LAYERS)
def test_the_median_module_is_neither_a_crumb_nor_a_wall(layer: str) -> None:
    assert 70 <= median(lines(sources(layer))) <= 250


@pytest.mark.parametrize("folder", [*LAYERS, *OUTSIDE])
def test_functions_fit_a_screen(folder: str) -> None:
    assert not [(name, size) for name, size in functions(sources(folder)) if size > LONGEST]
