"""Nothing that anyone writes gets past the door unread, hurts what reads it, or takes it long."""

import json
import string
import time
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from conftest import BOWL
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratchet.evals import Admission, admit
from ratchet.evals.audit import SOURCE_BYTES
from ratchet.evals.canonical import canonical
from ratchet.evals.door import KEPT_BYTES, is_plain, unfit
from ratchet.evals.env import ResearchEnv
from ratchet.evals.gym.calls import Action, Run, Submit, Validate, Write
from ratchet.evals.syntax import DEPTH, size
from ratchet.sandbox import Isolation, Job, Result
from ratchet.tasks import TaskError, load

Answer = TypeVar("Answer")
TASK = load(BOWL)
SOUND = "RATE = 0.05\n\n\ndef step(x, grad, progress):\n    return -RATE * grad\n"
SECONDS = 1.0  # of this process's CPU, for whatever it is
MEGABYTE = 0.1  # the same for what is refused unread

anything = settings(
    deadline=None, max_examples=300, suppress_health_check=list(HealthCheck), derandomize=True
)


def timed(call: Callable[..., Answer], *words: Any) -> tuple[Answer, float]:
    began = time.process_time()
    answer = call(*words)
    return answer, time.process_time() - began


def read(files: Any) -> tuple[str, int]:
    return canonical(files), size(files)


def looked_at(files: Any) -> Admission:
    """What the door says, in bounded time, of what also the parts by themselves can bear."""
    entry, seconds = timed(admit, files, TASK)
    assert seconds < SECONDS
    for sentence in (*entry.refused, *entry.flags):
        assert sentence == " ".join(sentence.split())
        assert len(sentence) <= 500
        assert sentence.isprintable()
    assert not entry.barred or (entry.refused and not entry.canonical and not entry.size)
    if not entry.barred:
        (form, nodes), seconds = timed(read, files)
        assert (entry.canonical, entry.size) == (form, nodes)
        assert seconds < SECONDS
    return entry


# Text

WORDS = [
    *("def", "lambda", "if", "elif", "else", "for", "in", "not", "await", "match", "case", "class"),
    *("import", "from", "global", "return", "yield", "del", "with", "as", "try", "except", "print"),
    *(
        "x",
        "RATE",
        "step",
        "grad",
        "progress",
        "torch",
        "math",
        "__x__",
        "state",
        "_",
        "\ufb01",
        "\u03a1",
    ),
    *("0", "1", "9" * 400, "0x" + "f" * 300, "1e999", "1e-999j", "9**9**9", "0b" + "1" * 900),
    *("'", '"', "'''", "f'{", "f'{x!r:>{x}}'", "b'", "\\", "\\N{BULLET}", "'\\ud800'", "{", "}"),
    *("(", ")", "[", "]", ":", ",", ";", ".", "=", ":=", "+", "-", "~", "*", "**", "@", "<", "!="),
    *("\n", "\n    ", "\n        ", "\n\t", "\r", "\f", "\0", "#", "# coding: utf-7", "\ufeff"),
    *("\u202e", "\u2028", "\ufdfa", "\U0001f40d", "e\u0301", "\x1b[2J", " ", " "),
]
tokens = st.lists(st.sampled_from(WORDS), max_size=300).map("".join)
spaced = st.lists(st.sampled_from(WORDS), max_size=300).map(" ".join)
repeated = st.builds(
    lambda head, part, middle, other, count: head + part * count + middle + other * count,
    st.sampled_from(["", "x=", "f(", "def f():", "match x:\n case ", "x=f'", "with "]),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map("".join),
    st.sampled_from(["", "1", "x", "pass"]),
    st.sampled_from(["", ")", "]", "}", "'", ":", ",x"]),
    st.integers(1, 20_000),
)
unicode_text = st.text(st.characters(codec=None), max_size=3000)
expressions = st.recursive(
    st.sampled_from(["x", "1", "grad", "9**9**9", "0x" + "f" * 4000, "'a'", "1e999", "None"]),
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from([" + ", " ** ", " @ ", " if x else "]), part).map(
            lambda t: f"({t[0]}{t[1]}{t[2]})"
        ),
        part.map(lambda t: f"-{t}"),
        part.map(lambda t: f"[{t} for x in [{t}]]"),
        part.map(lambda t: f"(lambda x: {t})"),
        part.map(lambda t: "{" + f"{t}: {t}" + "}"),
        part.map(lambda t: f"x[{t}].y({t})"),
    ),
    max_leaves=30,
).map(lambda t: f"{SOUND}\n\nX = {t}\n")
texts = st.one_of(tokens, spaced, repeated, unicode_text, expressions, st.text(max_size=500))


def cut(text: str) -> str:
    """At most as many bytes as a program may have."""
    return text.encode(errors="surrogatepass")[:SOURCE_BYTES].decode(errors="ignore")


@given(texts)
@anything
def test_any_text_is_admitted_or_refused_in_bounded_time(text: str) -> None:
    looked_at({"step.py": text})


@given(repeated)
@anything
def test_what_fits_and_is_made_to_hurt_the_parser_does_not(text: str) -> None:
    entry = looked_at({"step.py": cut(text)})
    assert not entry.barred


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("X = 0x" + "f" * 4000 + "\n", "bytes of literals"),
        ("X = 0x" + "f" * 19_000 + "\n", "bytes of literals"),
        ("X = " + "9" * 4000 + "\n", "bytes of literals"),
        ("X = " + "9" * 9000 + "\n", "is not Python"),
        ("x = " + "-" * 19_000 + "1\n", "levels deep"),
        ("x = " + "-" * 2900 + "1\n", "nested more than 100 levels deep"),
        ("x = a" + ".b" * 2900 + "\n", "levels deep"),
        ("x = a" + "()" * 2900 + "\n", "levels deep"),
        ("x = 1" + " + 1" * 900 + "\n", "levels deep"),
        ("if a:\n    pass\n" + "elif a:\n    pass\n" * 900, "levels deep"),
        ("x = " + "(" * 9000 + "\n", "is not Python"),
        ("a " * 9900, "levels deep"),
        ("x = 1\0\n", "is not Python"),
    ],
)
def test_what_made_readers_fail_is_refused_with_a_reason(text: str, words: str) -> None:
    entry = looked_at({"step.py": text})
    assert not entry.barred
    assert any(words in sentence for sentence in entry.refused), entry.refused


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 90 + "1" + ")" * 90 + "\n",
        "x = " + "[" * 90 + "1" + "]" * 90 + "\n",
        "x = 9 ** 9 ** 9\n",
        "x = 1e999j\n",
        "",
        "x = f'" + "{x}" * 600 + "'\n",
        "x = 1" + " + 1" * (DEPTH - 10) + "\n",
    ],
)
def test_what_is_odd_and_harmless_is_admitted(text: str) -> None:
    assert not looked_at({"step.py": text}).refused


@pytest.mark.parametrize("text", ["x = 1if 1else 2\n", "x = '\\d'\n", "x = 1 is 1\n", "x = 1()\n"])
def test_what_python_warns_of_is_neither_printed_nor_an_error(text: str) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert not looked_at({"step.py": text}).refused
    assert heard == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not admit({"step.py": text + "\n"}, TASK).refused


def test_programs_with_huge_numbers_are_told_apart_by_them() -> None:
    one, other = (f"{SOUND}\nX = 0x{digit * 5000}\n\n\ndef f():\n    return X\n" for digit in "ef")
    assert canonical({"a.py": one}) != canonical({"a.py": other})
    assert canonical({"a.py": one}) == canonical({"a.py": one.replace("X", "Y")})


@pytest.mark.parametrize("part", ["x = 1\n", "(", "é", "\ud800", "'", "\0", "-"])
def test_megabytes_are_refused_unread(part: str) -> None:
    text = part * (4_000_000 // len(part))
    for files in ({"step.py": text}, {"step.py": text, "other.py": text}):
        entry, seconds = timed(admit, files, TASK)
        assert entry.barred
        assert seconds < 4 * MEGABYTE
        (_, nodes), seconds = timed(read, files)
        assert nodes >= 4_000_000 // len(part)
        assert seconds < 8 * MEGABYTE


def test_what_is_a_little_too_long_is_kept_and_said_to_be() -> None:
    entry = looked_at({"step.py": "x = 1\n" * 4000})
    assert entry.refused == ("step.py has 24000 bytes, and 20000 are the most",)
    assert not entry.barred
    assert looked_at({"step.py": "#" * (KEPT_BYTES + 1)}).barred


# Names and kinds

NAMES = [
    *("", ".", "..", "../x.py", "/etc/passwd", "a/b/c.py", "a\\b.py", "C:\\x.py", "x.py\n", "\0"),
    *(
        "step.py/",
        "./step.py",
        "step.py\u202e",
        "\x1b[31mstep.py",
        "STEP.PY",
        "\u017ftep.py",
        "con.py",
    ),
    *(".hidden", "step.py.", "trainer.py", "grader.py", "guest.py", "\ud800.py", "x" * 5000),
]
names = st.one_of(st.sampled_from(NAMES), st.text(max_size=20), st.text(string.printable))
values = st.one_of(st.just(SOUND), st.none(), st.integers(), st.binary(max_size=9), st.text())
mappings = st.dictionaries(st.one_of(names, st.none(), st.integers()), values, max_size=6)


@given(st.one_of(mappings, st.none(), st.integers(), st.lists(values), st.text()))
@anything
def test_only_texts_of_the_tasks_own_names_are_kept(files: Any) -> None:
    entry = looked_at(files)
    own = (
        isinstance(files, dict) and set(files) == {"step.py"} and isinstance(files["step.py"], str)
    )
    assert own or entry.barred


@given(mappings)
@anything
def test_more_files_than_the_tasks_are_refused_with_names_made_harmless(
    others: dict[Any, Any],
) -> None:
    entry = looked_at({"step.py": SOUND, **others, "a/\x1b[31m\u202e.py": ""})
    assert entry.barred
    assert "the files of the task are step.py" in entry.refused[0]


@pytest.mark.parametrize("files", [{}, {"other.py": SOUND}, {"Step.py": SOUND}])
def test_files_that_are_missing_are_named(files: dict[str, str]) -> None:
    (sentence,) = looked_at(files).refused
    given_names = ", ".join(files) or "no file"
    assert sentence == f"it offers {given_names}, and the files of the task are step.py"


def test_a_hundred_thousand_small_files_are_refused_at_once() -> None:
    files = {f"{number}.py": "x = 1\n" for number in range(100_000)}
    entry, seconds = timed(admit, files, TASK)
    assert entry.refused == (
        "it offers 0.py, 1.py, 2.py and 99997 more, and the files of the task are step.py",
    )
    assert seconds < MEGABYTE


@given(st.one_of(names, st.from_regex(r"[a-zA-Z0-9_.-]+", fullmatch=True)))
@anything
def test_a_plain_name_stays_in_its_folder(name: str) -> None:
    if is_plain(name):
        assert not set(name) & set('/\\:*?"<>|\0\n')
        assert name.isprintable()
        assert name.isascii()
        assert name.strip(".") == name
    for odd in (f"../{name}", f"/{name}", f"a/{name}", f"{name}/", f"{name}\n", f".{name}"):
        assert not is_plain(odd)


def test_a_task_whose_own_names_leave_the_folder_admits_nothing() -> None:
    assert "no plain names" in unfit({"../x.py": SOUND}, ("../x.py",))
    assert unfit({"x.py": SOUND}, ("x.py",)) == ""


def test_a_sound_program_is_admitted_with_its_form_and_size() -> None:
    entry = looked_at({"step.py": SOUND})
    assert entry == Admission(
        canonical=canonical({"step.py": SOUND}), size=size({"step.py": SOUND})
    )


# The gym


class Unlucky:
    """A sandbox in which nothing that runs succeeds."""

    name = "unlucky"
    isolation: Isolation = "none"

    def run(self, job: Job) -> Result:
        return Result("candidate_error", log="no luck")

    def describe(self) -> dict[str, str]:
        return {}

    def close(self) -> None:
        pass


@given(st.lists(texts, min_size=1, max_size=3), st.sampled_from(["write", "files", "edit"]))
@anything
def test_no_text_that_is_written_ends_an_episode(written: list[str], how: str) -> None:
    env = ResearchEnv(TASK, backend=Unlucky(), seeds=2)
    env.reset(seed=1)
    for text in written:
        before = env.step('{"tool": "run"}')[0]["files"]
        action = {
            "write": {"tool": "write", "file": "step.py", "text": text},
            "files": {"tool": "write", "file": text, "text": text},
            "edit": {"tool": "edit", "file": "step.py", "old": "0.02", "new": text},
        }[how]
        (observation, *_, info), seconds = timed(env.step, json.dumps(action))
        assert seconds < SECONDS
        assert info["valid"] or observation["files"] == before
        ran, seconds = timed(env.step, '{"tool": "run"}')
        assert seconds < SECONDS
        assert "it fails" in ran[0]["feedback"] or "not allowed" in ran[0]["feedback"]


@pytest.mark.parametrize("text", ["\ud800", "x = 1\n" * 100_000, "X = 0x" + "f" * 4000])
@pytest.mark.parametrize("tool", [Run(), Validate(), Submit()])
def test_what_is_called_past_the_json_is_looked_at_too(text: str, tool: Action) -> None:
    env = ResearchEnv(TASK, backend=Unlucky(), seeds=2)
    env.reset(seed=1)
    env.call(Write.model_construct(tool="write", file="step.py", text=text))
    if text.startswith("X"):
        assert "not allowed" in env.call(tool)
    else:
        assert env.call(Run()) == "it fails: candidate_error\nthe program printed:\n| no luck"


@pytest.mark.parametrize("text", ["\ud800", "x = 1\n" * 100_000])
def test_an_episode_cannot_start_from_what_nobody_may_offer(text: str) -> None:
    env = ResearchEnv(TASK, backend=Unlucky(), seeds=2, start={"step.py": text})
    with pytest.raises(TaskError, match="can start so"):
        env.reset(seed=1)
