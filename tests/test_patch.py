"""Patches do what they say, exactly, or nothing at all."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.agents.research.forms import Edit
from ratchet.agents.research.patch import PatchError, apply, check, numbered
from ratchet.evals.canonical import canonical
from ratchet.sandbox.text import quoted

TEXT = """RATE = 0.1


def step(x, grad):
    m = grad * 2
    return -RATE * m


def other(x):
    m = x * 2
    return m
"""
FILES = {"a.py": TEXT, "b.py": "x = 1\n"}


def edit(search: str, replace: str, file: str = "a.py") -> Edit:
    return Edit(file=file, search=search, replace=replace)


def refused(*edits: Edit) -> PatchError:
    """Why edits of FILES are refused; FILES stay as they are."""
    before = dict(FILES)
    with pytest.raises(PatchError) as caught:
        apply(FILES, edits)
    assert before == FILES
    return caught.value


LINES = st.lists(
    st.sampled_from(["a = 1", "b = 2", "    c = a", "", "  d", "\tif e:"]), max_size=12
)


def diff(old: Sequence[str], new: Sequence[str]) -> Edit:
    """What differs between two texts, with as many lines around it as make it the only place."""
    text, shared = "".join(old), min(len(old), len(new))
    first = next((i for i in range(shared) if old[i] != new[i]), shared)
    rest = shared - first
    last = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    while (first or last) and _count(text, "".join(old[first : len(old) - last])) != 1:
        first, last = max(0, first - 1), max(0, last - 1)
    return edit("".join(old[first : len(old) - last]), "".join(new[first : len(new) - last]))


def _count(text: str, part: str) -> int:
    return sum(text.startswith(part, at) for at in range(len(text))) if part else 0


@given(LINES, LINES)
def test_a_patch_made_from_a_diff_gives_the_second_text(old: list[str], new: list[str]) -> None:
    one, other = [f"{x}\n" for x in old], [f"{x}\n" for x in new]
    assert apply({"a.py": "".join(one)}, [diff(one, other)]) == {"a.py": "".join(other)}


@given(st.lists(st.none() | LINES, min_size=1, max_size=12), st.randoms())
def test_many_edits_in_any_order_give_the_second_text(
    changes: list[list[str] | None], rng: Random
) -> None:
    old = [f"line_{number:02d} = 0" for number in range(len(changes))]
    new = [each if now is None else "\n".join(now) for each, now in zip(old, changes, strict=True)]
    edits = [edit(a, b) for a, b in zip(old, new, strict=True) if a != b] or [edit(old[0], old[0])]
    rng.shuffle(edits)
    assert apply({"a.py": "\n".join(old)}, edits) == {"a.py": "\n".join(new)}


@given(st.text("ab \n", max_size=8), st.text("ab \n", max_size=8), st.text("ab \n", max_size=30))
def test_any_edit_is_made_in_one_place_or_refused_whole(a: str, b: str, text: str) -> None:
    files = {"a.py": text}
    try:
        made = apply(files, [edit(a, b)])["a.py"]
    except PatchError:
        made = ""
        assert files == {"a.py": text}
    places = (text.find(a), text.find(a) + len(a))
    if _count(text, a) == 1 and not any(
        text[max(0, at - 1) : at + 1].isalpha() for at in places if 0 < at < len(text)
    ):
        assert made == text.replace(a, b)


def test_all_edits_are_made_in_the_text_as_it_was() -> None:
    made = apply(
        FILES, [edit("0.1", "0.2"), edit("-RATE * m", "m"), edit("x = 1", "x = 0.1", "b.py")]
    )
    assert made["a.py"] == TEXT.replace("0.1", "0.2").replace("-RATE * m", "m")
    assert made["b.py"] == "x = 0.1\n"


def test_an_empty_search_replaces_the_whole_file() -> None:
    assert apply(FILES, [edit("", "y = 2")]) == {**FILES, "a.py": "y = 2\n"}


def test_a_search_that_differs_in_indentation_or_line_ends_alone_is_found() -> None:
    made = apply(
        FILES, [edit("m = grad * 2  \nreturn -RATE * m", "m = grad\nif m:\n    m = 0\nreturn m")]
    )
    body = "    m = grad\n    if m:\n        m = 0\n    return m\n"
    assert made["a.py"] == TEXT.replace("    m = grad * 2\n    return -RATE * m\n", body)


def test_a_search_copied_with_the_marks_of_a_quoted_block_is_found() -> None:
    shown = quoted("    m = grad * 2\n    return -RATE * m").split("\n")[2:-1]
    made = apply(FILES, [edit("\n".join(shown), "|     return grad")])
    assert made["a.py"] == TEXT.replace("    m = grad * 2\n    return -RATE * m", "    return grad")
    whole = "\n".join(quoted("y = 2\n\nz = 3").split("\n")[2:-1])
    assert apply(FILES, [edit("", whole)])["a.py"] == "y = 2\n\nz = 3\n"


def test_a_search_that_does_not_occur_is_refused_with_the_nearest_lines() -> None:
    error = refused(edit("    m = grad * 3\n    return -RATE * m", "    pass"))
    assert "edit 1 does not occur in a.py; the nearest lines are 5 to 6" in str(error)
    assert numbered(TEXT, 5, 6) == error.excerpt
    assert "   5      m = grad * 2" in error.told
    assert "BEGIN UNTRUSTED" in error.told


def test_a_search_that_occurs_twice_is_refused_with_its_lines() -> None:
    assert "occurs 2 times in a.py, on lines 5, 10" in str(refused(edit("    m = ", "    n = ")))


def test_edits_that_overlap_are_refused() -> None:
    error = refused(edit("m = grad * 2\n    return", "return"), edit("return -RATE", "return RATE"))
    assert "edits 1 and 2 overlap in a.py" in str(error)
    assert "overlap" in str(refused(edit("", "x = 1\n"), edit("RATE = 0.1", "RATE = 0.2")))


def test_only_editable_files_may_be_edited_and_no_patch_is_empty() -> None:
    assert "names 'trainer.py'; editable: a.py, b.py" in str(refused(edit("a", "b", "trainer.py")))
    assert "no edits" in str(refused())


def test_one_bad_edit_refuses_the_good_ones_with_it() -> None:
    assert "edit 2" in str(refused(edit("RATE = 0.1", "RATE = 0.2"), edit("nowhere at all", "")))


def test_a_program_that_is_not_python_is_refused_with_its_line() -> None:
    broken = apply(FILES, [edit("return -RATE * m", "return -RATE * (m")])
    with pytest.raises(PatchError, match=r"a.py is not Python after it: .* line 6") as caught:
        check(broken, FILES, {})
    assert ">   6      return -RATE * (m" in caught.value.excerpt
    with pytest.raises(PatchError, match="not Python"):
        check({"a.py": "x = 1\0"}, FILES, {})


def test_a_program_that_says_what_is_known_is_refused() -> None:
    renamed = {
        **FILES,
        "a.py": TEXT.replace("m = ", "moment = ").replace("* m", "* moment") + "# seed\n",
    }
    renamed["a.py"] = renamed["a.py"].replace("return m\n", "return moment\n")
    with pytest.raises(PatchError, match="the same as the parent's"):
        check(renamed, FILES, {})
    new = apply(FILES, [edit("RATE = 0.1", "RATE = 0.3")])
    check(new, FILES, {})
    with pytest.raises(PatchError, match="the same as that of node 7"):
        check(new, FILES, {canonical(new): 7})


@pytest.mark.parametrize(
    ("text", "search", "word"),
    [
        ("lr = 0.15\n", "lr = 0.1", "0.15"),
        ("x_rate = 1\n", "rate = 1", "x_rate"),
        ("lr = 1e-3\n", "lr = 1", "1e-3"),
        ("lr = 1e-3\n", "lr = 1e-", "1e-3"),
        ("lr = 10.5\n", "0.5", "10.5"),
        ("lr = 0.5\n", "5", "0.5"),
        ("lr = 1_000\n", "lr = 1", "1_000"),
        ("größe = 1\n", "e = 1", "größe"),
        ("m = beta2 * m\n", "beta", "beta2"),
    ],
)
def test_no_word_or_number_is_cut_in_two(text: str, search: str, word: str) -> None:
    with pytest.raises(PatchError, match=f"only where it cuts '{word}' in two, on line 1") as why:
        apply({"a.py": text}, [edit(search, "y")])
    assert text.strip() in why.value.told


def test_a_whole_place_counts_though_the_search_also_begins_a_longer_number() -> None:
    made = apply({"a.py": "lr = 0.1\nx = 1\nlr = 0.15\n"}, [edit("lr = 0.1", "lr = 0.2")])
    assert made == {"a.py": "lr = 0.2\nx = 1\nlr = 0.15\n"}
    made = apply({"a.py": "self.rate = -1\n"}, [edit("rate = -1", "rate = 1")])
    assert made == {"a.py": "self.rate = 1\n"}


WORDS = st.lists(st.sampled_from(["lr", "x_lr", "0.1", "0.15", "10", "1e-3", "=", "+"]))


@given(WORDS, st.sampled_from(["lr", "0.1", "1", "5", "r", "e-3", "lr = 0.1"]))
def test_an_edit_leaves_every_other_word_and_number_as_it_was(
    words: list[str], search: str
) -> None:
    try:
        made = apply({"a.py": " ".join(words)}, [edit(search, "NEW")])["a.py"]
    except PatchError:
        return
    assert all(word in words or word == "NEW" for word in made.split()), made


DOCUMENTED = """class A:
    def step(self, x):
        text = QQQ
  kept as it is
        and so is this
QQQ
        return x
"""


@pytest.mark.parametrize("quote", ["'" * 3, '"' * 3])
@pytest.mark.parametrize("take", [4, 8])
def test_a_block_that_is_shifted_keeps_the_inside_of_its_long_strings(
    quote: str, take: int
) -> None:
    source = DOCUMENTED.replace("QQQ", quote)
    lines = source.split("\n")[2:-1]
    strings = [False, True, True, True, False]
    sought = "\n".join(
        words if string else words[take:] for words, string in zip(lines, strings, strict=True)
    )
    made = apply({"a.py": source}, [edit(sought, f"{sought} + 1")])
    assert made["a.py"] == source.replace("return x", "return x + 1")
    new = f"note = {quote}\n a\n{quote}\nreturn x"
    made = apply({"a.py": source}, [edit("return x  ", new)])
    assert made["a.py"] == source.replace("return x", new.replace("return", "        return"))


def test_a_block_whose_long_strings_were_shifted_with_it_is_shifted_back_whole() -> None:
    inner = DOCUMENTED.replace("  kept", " " * 10 + "kept").replace("\nQQQ", "\n        QQQ")
    inner = inner.replace("QQQ", '"' * 3)
    sought = "\n".join(words[8:] for words in inner.split("\n")[2:-1])
    made = apply({"a.py": inner}, [edit(sought, sought.replace("return x", "return -x"))])
    assert made["a.py"] == inner.replace("return x", "return -x")


def test_a_search_that_begins_within_an_indentation_shifts_every_line_of_what_replaces_it() -> None:
    made = apply({"a.py": "if a:\n        x = 1\n"}, [edit("    x = 1", "    x = 1\n    y = 2")])
    assert made["a.py"] == "if a:\n        x = 1\n        y = 2\n"
