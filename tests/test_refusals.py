"""What a cassette keeps of questions that a server will not answer, and when it gives up."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stand_ins.model_server import Asked, ModelServer, Reaction, failing, refused

from ratchet.agents.llm import Access, Endpoint, Message, ModelError, Reply, Request, parse_price
from ratchet.archive import Archive
from ratchet.evals import Ask, Candidate
from ratchet.search.budget import Budget, Caps
from ratchet.search.desk.cassette import (
    FRUITLESS,
    FRUITLESS_AT_FIRST,
    TRIAL,
    Cassette,
    CassetteError,
    spent,
)
from ratchet.search.desk.gateway import ModelGateway
from ratchet.search.desk.roster import Models

NO = failing(400, "may contain bad content", code="data_inspection_failed")
PRICES = {"m": parse_price("1,1")}
Open = Callable[..., Cassette]


def picky(asked: Asked) -> Reaction | str:
    """Answers all but what is poisonous."""
    if "declined" in asked.prompt:
        return refused("I would rather not")
    return NO if "poison" in asked.prompt else "hi"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Cassettes on one archive and one server, for a run each."""
    with ModelServer(picky) as server, Endpoint(Access.parse(server.url), "chat") as endpoint:
        archive = Archive(tmp_path / "a.db", create=True)

        def cassette(run: str = "one", offline: bool = False) -> Cassette:
            budget = Budget(Caps(tokens=1e6))
            return Cassette(archive, run, None if offline else endpoint, budget, PRICES)

        cassette.server = server  # type: ignore[attr-defined]
        yield cassette
        archive.close()


def ask(cassette: Cassette, text: str, scope: str = "1.0/draft") -> Reply:
    return cassette.complete(scope, Request(model="m", messages=(Message("user", text),)))


def test_a_refusal_is_kept_costs_nothing_and_is_not_met_again(opened: Open) -> None:
    cassette = opened()
    ask(cassette, "good")
    before = dict(cassette.budget.spent)
    first = ask(cassette, "poison")
    assert (first.answered, first.why) == (False, "HTTP 400: may contain bad content")
    assert cassette.budget.spent["tokens"] == before["tokens"]
    count = len(opened.server.asked)  # type: ignore[attr-defined]
    assert ask(opened(), "poison") == first, "in a later session"
    assert ask(opened(offline=True), "poison") == first, "in a replay"
    assert len(opened.server.asked) == count  # type: ignore[attr-defined]
    assert spent(cassette.archive, "one", PRICES)["tokens"] == before["tokens"]
    with pytest.raises(CassetteError):
        ask(opened(offline=True), "another poison")


@pytest.mark.parametrize("word", ["poison", "declined"])
def test_many_refusals_in_a_row_end_a_run_and_one_answer_between_them_does_not(
    opened: Open, word: str
) -> None:
    cassette = opened()
    ask(cassette, "good")
    for number in range(FRUITLESS - 1):
        ask(cassette, f"{word} {number}")
    ask(cassette, "good again")
    for number in range(100, 99 + FRUITLESS):
        ask(cassette, f"{word} {number}")
    with pytest.raises(ModelError, match=f"none of the last {FRUITLESS} questions .*resume"):
        ask(cassette, f"{word}, once too often")
    reply = ask(opened(), f"{word}, once too often")
    assert reply.finish == "refused", "the last one is kept as well"


def test_a_server_that_never_answered_is_given_up_sooner(opened: Open) -> None:
    cassette = opened()
    for number in range(FRUITLESS_AT_FIRST - 1):
        ask(cassette, f"poison {number}")
    with pytest.raises(ModelError, match=f"none of the last {FRUITLESS_AT_FIRST} questions"):
        ask(cassette, "poison")


def test_what_candidates_are_refused_ends_no_search(opened: Open) -> None:
    models = Models(ensemble=("m",))
    cassette = opened()
    ask(cassette, "good")
    later = opened()  # of the same run, in which somebody was answered
    asks = [Ask(id=f"easy/{number}", prompt=f"poison {number}") for number in range(3 * FRUITLESS)]
    candidate = Candidate(files={"a.py": ""}, idea="", proposer="test")
    answers = ModelGateway(later, models).answer(candidate, asks)
    assert set(answers.values()) == {""}


def test_a_refused_measurement_serves_its_own_run_alone(opened: Open) -> None:
    scope = f"{TRIAL}easy/1"
    first = opened("one")
    ask(first, "good")
    assert not ask(first, "poison", scope).answered
    opened.server.answer = lambda asked: "hi"  # type: ignore[attr-defined]
    assert ask(opened("two"), "poison", scope).text == "hi"
    assert not ask(opened("one"), "poison", scope).answered, "as it was measured"
    assert ask(opened("two", offline=True), "poison", scope).text == "hi"
