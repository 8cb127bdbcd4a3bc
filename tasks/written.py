"""A new task: the files of one that runs at once, or of one around a script that there is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..sandbox.text import line
from .folder import TaskError
from .kitted import KIT, SCRIPT
from .manifest import Level
from .own import SCORE

MANIFEST = "task.toml"
BIGGER = re.compile(r"acc|score|reward|return|f1|auc|bleu|psnr|wins?$", re.IGNORECASE)
METRIC = re.compile(rf"loss|error|bpb|perplexity|mse|{BIGGER.pattern}", re.IGNORECASE)


class Written(NamedTuple):
    """The texts of the files of a new task by name, and what its author still has to do."""

    files: dict[str, str]
    remarks: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where a script leaves its score: `read` of a file or `match` of what it prints."""

    metric: str
    read: str = ""
    match: str = ""


def written(level: Level | None, script: Path | None) -> Written:
    """The files of a new task at this level, around a `script` if there is one.

    Without a level it is `sealed` if the script has train and predict, or there is none, else
    `reported`. Raises TaskError for a script that cannot be read, or is not as its level needs it.
    """
    if script is None:
        return Written(_template(level or "sealed"))
    text, tree = _read(script)
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    level = level or ("sealed" if {"train", "predict"} <= functions else "reported")
    if level == "reported":
        return _reporting(text, tree)
    files = {**_template(level), SCRIPT: text}
    if level == "sealed" and not {"train", "predict"} <= functions:
        raise TaskError(
            f"{line(script.name, 80)} has no train(data) and predict(weights, inputs): split it "
            "so, or take --level reported"
        )
    return Written(files, (f"put your own data and score into {SCORE}: it is an example",))


def _template(level: Level) -> dict[str, str]:
    folder = KIT / f"new_{level}"
    if not folder.is_dir():
        raise TaskError("a counted task is written by hand: docs/tasks.md says how")
    return {path.name: path.read_text() for path in sorted(folder.iterdir()) if path.is_file()}


def _read(script: Path) -> tuple[str, ast.Module]:
    try:
        text = script.read_text(encoding="utf-8")
        return text, ast.parse(text)
    except OSError as error:
        raise TaskError(f"{line(str(script), 200)} cannot be read: {error.strerror}") from None
    except SyntaxError as error:
        where = f"{line(script.name, 80)}, line {error.lineno}"
        raise TaskError(f"{where}: {error.msg}: mend it first") from None
    except (ValueError, RecursionError):
        raise TaskError(f"{line(str(script), 200)} is no Python in UTF-8") from None


def _reporting(text: str, tree: ast.Module) -> Written:
    """A task around a script that states its score, as far as its text shows where."""
    place, remarks = next(_saved(tree), None) or next(_printed(tree), None), []
    if place is None:
        place = Place("score", match=r"^score (\S+)")
        remarks.append('let train.py print its score, such as print("score", value)')
    constants = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    argv = '["--seed", "{seed}"]' if "--seed" in constants else "[]"
    if argv == "[]":
        remarks.append("train.py takes no --seed: let it draw its random numbers from one in argv")
    goal = "max" if BIGGER.search(place.metric) else "min"
    other = "min" if goal == "max" else "max"
    reading = f'read = "{place.read}"' if place.read else f"match = '{place.match}' # the last one"
    changes = {
        'name = "val_loss"': f'name = "{place.metric}"',
        'goal = "min" # or "max"': f'goal = "{goal}" # or "{other}"',
        'argv = ["--seed", "{seed}"]': f"argv = {argv}",
        "seconds = 20": "seconds = 60",
        "memory_mb = 1024": "memory_mb = 4096",
    }
    manifest = _template("reported")[MANIFEST]
    for old, new in changes.items():
        manifest = manifest.replace(old, new, 1)
    lines = [row for row in manifest.split("\n") if not row.startswith("# match")]
    lines = [reading if row.startswith("read =") else row for row in lines]
    remarks.append(f"see that {place.metric} is what you want {goal}imised")
    return Written({MANIFEST: "\n".join(lines), SCRIPT: text}, tuple(remarks))


def _saved(tree: ast.Module) -> Iterator[Place]:
    """Keys of JSON files that a script writes, those that look like a metric first."""
    nodes = list(ast.walk(tree))
    names = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    names = [name for name in names if re.fullmatch(r"[\w./-]+\.json", name)]
    dicts = {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    dumped = [n.args[0] for n in nodes if isinstance(n, ast.Call) and _dumps(n)]
    values = [dicts.get(v.id, v) if isinstance(v, ast.Name) else v for v in dumped]
    keys = [key for value in values for key in _keys(value)]
    for key in sorted(keys, key=lambda key: METRIC.search(key) is None):
        if names:
            yield Place(key.rpartition(".")[2], read=f"{names[-1]}:{key}")


def _dumps(call: ast.Call) -> bool:
    return _called(call) in ("dump", "dumps") and bool(call.args)


def _keys(value: ast.AST, path: str = "") -> Iterator[str]:
    """The keys of a dict as it is written, with those that lead to them."""
    if isinstance(value, ast.Call) and _called(value) == "dict":
        yield from (path + word.arg for word in value.keywords if word.arg)
    if not isinstance(value, ast.Dict):
        return
    for key, part in zip(value.keys, value.values, strict=True):
        name = key.value if isinstance(key, ast.Constant) else None
        if not isinstance(name, str) or re.fullmatch(r"[\w -]+", name) is None:
            continue
        if isinstance(part, ast.Dict):
            yield from _keys(part, f"{path}{name}.")
        else:
            yield path + name


def _printed(tree: ast.Module) -> Iterator[Place]:
    """Words that a script prints before a number, the last ones first."""
    calls = [n for n in ast.walk(tree) if _called(n) == "print"]
    for call in reversed(calls):
        for node in ast.walk(call):
            text = node.value if isinstance(node, ast.Constant) else None
            words = re.findall(r"[A-Za-z_]\w*", text) if isinstance(text, str) else []
            if named := [word for word in words if METRIC.search(word)]:
                yield Place(named[-1], match=rf"\b{named[-1]}\W*?([-+]?[\d.]+(?:[eE][-+]?\d+)?)")


def _called(node: ast.AST) -> str:
    """The last name of the function that a call calls; "" for what is no call."""
    function = getattr(node, "func", None)
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
