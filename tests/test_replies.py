"""Forms are read from what models really write, or refused with the place of the fault."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from ratchet.agents.llm import parse_reply
from ratchet.agents.llm.loose import Broken, read


class File(BaseModel):
    file: str
    text: str


class Program(BaseModel):
    plan: str
    files: list[File]


class Branch(BaseModel):
    """A form whose parts are forms of its own kind."""

    name: str
    branches: list["Branch"] = []


WANTED = Program(plan="a plan", files=[File(file="a.py", text="x = {1}\ny = 'it'\n")])
JSON = WANTED.model_dump_json()
INNER = '{"file": "a.py", "text": "x"}'

BORNE: dict[str, str] = {
    "a comma too many": JSON[:-1] + ",}",
    "commas everywhere": JSON.replace('"}]}', '",},],}'),
    "line breaks in strings": JSON.replace("\\n", "\n"),
    "a comment": JSON.replace('"files"', '// the files\n"files" /* all */'),
    "a fence": f"```json\n{JSON}\n```",
    "a fence and a comma": f"Here:\n```json\n{JSON[:-1]},\n}}\n```\nDone.",
    "text after it": f"{JSON}\n\nI hope that helps {{really}}.",
    "a comma, then text": f"{JSON[:-1]},}}\nDone {{}}.",
    "thoughts": f'<think>{{"plan": "no"}} or {INNER},</think>{JSON}',
    "thoughts of another name": f"<thinking>{{{{</thinking>\n{JSON}",
    "thoughts in brackets": f"[THINK]maybe {INNER}[/THINK]{JSON}",
    "thoughts that were never opened": f"{INNER} it is.</think>{JSON[:-1]},}}",
    "nothing but thoughts": f"<think>so it is {JSON}</think>",
    "said twice": f"{JSON[:-1]},}} and again {JSON}",
    "python": repr(WANTED.model_dump()),
    "python with a comma": repr(WANTED.model_dump())[:-1] + ",}",
    "a fence inside a string": json.dumps(
        {"plan": "a plan", "files": [{"file": "a.py", "text": "x = {1}\ny = 'it'\n"}]}
    ).replace("}]}", "}],}"),
}


@pytest.mark.parametrize("kind", BORNE)
def test_what_can_only_mean_one_thing_is_borne(kind: str) -> None:
    assert parse_reply(Program, BORNE[kind]) == WANTED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"plan": "a" "files": []}', r'line 1, column 14: expected .*found "\\"files'),
        (
            f'{{"plan": "a",\n "files": [{INNER} {INNER}]}}',
            r"line 2, column 42: expected ',' or ']'",
        ),
        (f'{{"plan": "a",, "files": [{INNER}]}}', "line 1, column 14: expected a name"),
        (f'{{"plan": "say "hi" now", "files": [{INNER}]}}', r"column 16.*a quote inside a string"),
        (f'{{"plan": a, "files": [{INNER}]}}', "column 10: expected a value"),
        (f'{{plan: "a", "files": [{INNER}]}}', "column 2: expected a name in double quotes"),
        (f'{{"plan" "a", "files": [{INNER}]}}', "column 9: expected ':' after the name 'plan'"),
        (f"{{'plan': 'it's', 'files': [{INNER}]}}", r"column 14: expected ',' or '}'.*quote"),
        (f'{{"plan": "a", "files": [{INNER}', r"expected ',' or '\]', the reply ends"),
        (f'{{"plan": "a", "files": [{INNER}], "more": "no end', 'its closing " is missing'),
        (f'{{“plan”: "a", "files": [{INNER}]}}', "column 2: expected a name in double quotes"),
        (f"Sure: {{'plan': 'a' 'files': [{INNER}]}} and {INNER}", "column 20: expected ','"),
        (f'{{"plan": "a", "files": [{INNER}]', r"expected ',' or '}', the reply ends"),
    ],
)
def test_the_fault_of_the_outermost_object_is_named_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        parse_reply(Program, text)
    assert "Field required" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_part_of_a_broken_form_is_not_taken_for_the_whole() -> None:
    part = '{"name": "inner", "branches": []}'
    with pytest.raises(ValueError, match="no complete JSON object"):
        parse_reply(Branch, f'{{"name": "outer" "branches": [{part}]}}')
    assert parse_reply(Branch, f"as in {{'name' = 'x'}}: {part}").name == "inner"


def test_two_different_answers_are_not_chosen_between() -> None:
    other = JSON.replace("a plan", "another")
    with pytest.raises(ValueError, match="2 different JSON objects fit Program: give one"):
        parse_reply(Program, f"{JSON[:-1]},}}\n{other}")


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


def _commas(value: Any) -> str:
    """The value as JSON with a comma after every last one."""
    if isinstance(value, dict):
        inside = "".join(f"{json.dumps(k)}: {_commas(v)}," for k, v in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{''.join(f'{_commas(each)},' for each in value)}]"
    return json.dumps(value)


@given(st.dictionaries(st.text(max_size=5), JSONS))
def test_json_reads_alike_with_commas_too_many_and_as_python(value: dict[str, Any]) -> None:
    assert read(json.dumps(value), 0).value == value
    assert read(_commas(value), 0).value == value


@given(st.text(alphabet="{}[]\"'\\,:a1. \n/*-", max_size=60))
def test_no_text_breaks_the_loose_reading(text: str) -> None:
    try:
        end = read(text, 0).end
    except Broken as error:
        end = error.at
    assert 0 <= end <= len(text)


@pytest.mark.parametrize("text", ['{"a":' * 50_000, "{'a': [" * 20_000, '{"a": "' + "\\" * 99_999])
def test_a_hostile_reply_is_read_in_bounded_time(text: str) -> None:
    with pytest.raises(ValueError, match="no complete JSON object"):
        parse_reply(Program, text)
