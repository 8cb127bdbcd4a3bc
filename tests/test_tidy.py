"""Tidying a program never changes what it does."""

import contextlib
import io
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from no_effect import rewrite

from ratchet.agents.evolve.reader import read
from ratchet.agents.evolve.tidy import tidied
from ratchet.evals import Candidate, probe
from ratchet.sandbox import Sandbox
from ratchet.search.studies.copies import renamed
from ratchet.tasks import Task, load, names
from ratchet.tasks.motifs import facts

NO_TYPES = facts(b"")

VALUES = st.sampled_from(
    ["x", "x + 1", "A", "B * 2", "helper(x)", "Box(x).value", "len(LOG)", "[x, A]", "note('a')"]
)
STATEMENTS = st.sampled_from(
    [
        "y = {v}",
        "y, z = {v}, 2",
        "C = {v}",
        "unread = {v}",
        "y: object = {v}",
        "LOG.append({v})",
        "note({v})",
        "unread = note({v})",
        "unread = helper({v})",
        "unread = next(TICKS)",
        "unread = Box({v}).keep()",
        "print({v})",
        "for i in range(2):\n        unread = note(i)",
        "while len(LOG) < 3:\n        LOG.append(0)",
        "with contextlib.suppress(ValueError):\n        unread = int('a')",
        "entry = {{'left': {v}, 'right': 1}}",
        "table = {{}}\n    table['a'] = {v}",
        "globals()['A'] = {v}",
    ]
)
RETURNS = st.sampled_from(
    [
        "return {{'logits': {v}}}",
        "return {{'w': {v}, 'b': A}}",
        "entry = {{'w': {v}}}\n    return entry",
        "return {{'w': {v}}}, [{v}]",
        "return dict(w={v})",
        "return {v}",
        "return {{name: {{'m': {v}}} for name in 'ab'}}['a']",
    ]
)
BEFORE = """import contextlib
A, B = 2, 3
C = 4
SPARE = 5
LOG = []
TICKS = iter(range(1000))
D = print("loaded")


def note(x):
    LOG.append(str(x))
    return x


def helper(x, start=C):
    return [x, start]


class Box:
    size = 7

    def __init__(self, value):
        self.value = value

    def keep(self):
        LOG.append(self.size)
        return self


"""


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A program of functions that compute, draw, print, and change what is outside of them."""
    text = BEFORE
    for name in ("train", "predict"):
        lines = [draw(s).format(v=draw(VALUES)) for s in [STATEMENTS] * draw(st.integers(0, 4))]
        lines.append(draw(RETURNS).format(v=draw(VALUES)))
        lines.insert(0, draw(st.sampled_from(["global C", "pass"])))
        text += f"def {name}(x):\n" + "".join(f"    {line}\n" for line in lines) + "\n\n"
    return text + draw(st.sampled_from(["", "train(1)\n", "PAIR = train(1), B\n"]))


def behaviour(source: str) -> list[str]:
    """All that a caller sees: what is printed, returned and kept."""
    space: dict[str, object] = {"__name__": "program"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, "program", "exec"), space)
        replies = [_reply(space, name, value) for name in ("train", "predict") for value in (1, 2)]
    return [printed.getvalue(), *replies, repr(space.get("LOG", []))]


def _reply(space: Mapping[str, object], name: str, value: int) -> str:
    function = space[name]
    assert callable(function)
    try:
        return repr(function(value)).split(" object at ")[0]
    except Exception as error:
        return repr(error)


@settings(max_examples=80, deadline=None)
@given(programs())
def test_a_tidied_program_does_the_same_where_no_types_are_named(source: str) -> None:
    tidy = tidied(read(source, NO_TYPES)).source
    assert behaviour(tidy) == behaviour(source), tidy
    assert "SPARE" not in tidy


@settings(max_examples=80, deadline=None)
@given(programs(), st.sampled_from(["unknown", "tensors", "states", "slots", "float"]))
def test_a_tidied_program_does_the_same_whatever_its_types_say(source: str, gives: str) -> None:
    # What is made for each name, with a string for each entry, is a slot by the type's own meaning.
    assume(gives != "states" or "{'m':" not in source)
    kinds = "\n".join(
        f'[types.{name}]\nx = "float"\ngives = ["{gives}"]' for name in ("train", "predict")
    )
    tidy = tidied(read(source, facts(kinds.encode()))).source
    assert behaviour(tidy) == behaviour(source), tidy


@pytest.mark.parametrize("types", ["", '[types.train]\ndata = "unknown"\ngives = ["states"]\n'])
def test_what_a_function_returns_as_a_value_stays(types: str) -> None:
    source = (
        'def train(data):\n    return {"w": data["x"]}\n\n\n'
        'def predict(weights, inputs):\n    return {"logits": inputs["x"] * weights["w"]}\n'
    )
    known = facts(types.encode())
    assert 'return {"w": data["x"]}' in tidied(read(source, known)).source
    assert tidied(read(source, NO_TYPES)).source == source


def lookalikes(task: Task) -> list[Mapping[str, str]]:
    """The programs that come with a task, and copies of them in other words."""
    planted = [task.start, *task.baselines.values()]
    others = [renamed(files) for files in planted]
    rng = Random(task.name)
    others += [{name: rewrite(text, rng) for name, text in files.items()} for files in planted]
    return [*planted, *others]


@pytest.mark.parametrize("name", [name for name in names() if "motifs.toml" in load(name).files])
def test_tidying_keeps_the_replies_of_what_comes_with_a_task(
    process_sandbox: Sandbox, name: str
) -> None:
    task = load(name)
    changed = 0
    for files in lookalikes(task):
        tidy = {file: tidied(read(text, task.motifs)).source for file, text in files.items()}
        if tidy != files and (changed := changed + 1) < 4:
            assert reply(task, tidy, process_sandbox) == reply(task, files, process_sandbox)


def reply(task: Task, files: Mapping[str, str], sandbox: Sandbox) -> bytes:
    return probe(Candidate(files=files, idea="", proposer=""), task, sandbox).reply
