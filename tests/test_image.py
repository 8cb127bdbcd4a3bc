"""An image is named by what is in it and below it, is never pulled, and does not pile up."""

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ratchet.sandbox import SandboxError
from ratchet.sandbox.docker import Engine, closure, prune, recipe

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="made of this Python on Linux alone")


class Store:
    """The images of an engine that builds at once."""

    def __init__(self, *names: str) -> None:
        self.held = {name: f"id of {name}" for name in names}
        self.made: dict[str, str] = {}

    def find(self, name: str) -> str:
        return self.held.get(name, "")

    def load(self, tree: Iterator[bytes], name: str, settings: tuple[str, ...]) -> str:
        return self.held.setdefault(name, f"id of {name}")

    def make(self, folder: str, name: str, arguments: dict[str, str]) -> str:
        self.made = arguments
        return self.held.setdefault(name, f"id of {name}")

    def names(self, repository: str) -> list[str]:
        return [name for name in self.held if name.startswith(f"{repository}:")]

    def discard(self, name: str) -> str:
        if name.endswith("busy"):
            return "a container uses it"
        del self.held[name]
        return ""


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (recipe.BASE, *recipe.PIP_SETTINGS):
        monkeypatch.delenv(name, raising=False)


def quiet(_: str) -> None: ...


def test_the_name_of_an_image_tells_its_base() -> None:
    names = {recipe.image_name(base) for base in ("", "python:3.11-slim", "python:3.12-slim")}
    assert len(names) == 3


@LINUX
def test_without_a_base_this_python_goes_in_and_no_base_is_asked_for() -> None:
    store = Store()
    name, identity = recipe.ensure(store, quiet)
    assert (name, identity) == (recipe.image_name(), f"id of {name}")
    assert store.made == {}


def test_a_missing_base_is_an_error_and_never_a_pull() -> None:
    store = Store()
    with pytest.raises(recipe.BaseMissing, match="run `docker pull nowhere:1` first"):
        recipe.build(store, quiet, "nowhere:1")
    assert store.made == {}


def test_a_base_is_named_by_its_id_which_no_engine_pulls() -> None:
    store = Store("mine:1")
    recipe.build(store, quiet, "mine:1")
    assert store.made["BASE_IMAGE"] == "id of mine:1"
    assert store.made["TORCH_VERSION"] == recipe.versions()["TORCH_VERSION"]


def test_the_base_of_the_environment_is_used_and_its_missing_image_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(recipe.BASE, "mine:1")
    store = Store("mine:1", recipe.image_name())
    with pytest.raises(SandboxError, match="make it with `ratchet sandbox build --base mine:1`"):
        recipe.ensure(store, quiet)
    built = recipe.build(store, quiet)
    assert recipe.ensure(store, quiet) == (recipe.image_name("mine:1"), built)


def test_wheels_beside_the_dockerfile_need_no_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "versions", lambda: {"TORCH_VERSION": "2.13.0+cpu"})
    monkeypatch.setattr(recipe, "CONTEXT", tmp_path)
    store = Store("mine:1")
    recipe.on_base(store, "ratchet-sandbox:1", "mine:1")
    assert store.made["PIP_EXTRA_INDEX_URL"].endswith("/whl/cpu")
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels/torch.whl").touch()
    recipe.on_base(store, "ratchet-sandbox:1", "mine:1")
    assert store.made["PIP_NO_INDEX"] == "1"
    assert "PIP_EXTRA_INDEX_URL" not in store.made


@LINUX
def test_a_build_says_how_to_prune_what_it_made_useless() -> None:
    told: list[str] = []
    recipe.build(Store(), told.append)
    assert not any("prune" in line for line in told)
    recipe.build(Store("ratchet-sandbox:old"), told.append)
    assert told[-1] == "other sandbox images: 1; `ratchet sandbox prune` removes them"


@LINUX
def test_pruning_keeps_the_image_in_use_and_says_what_it_did() -> None:
    current = recipe.image_name()
    store = Store(current, "ratchet-sandbox:old", "ratchet-sandbox:busy", "another:old")
    assert recipe.prune(store) == [
        "removed image ratchet-sandbox:old",
        "image ratchet-sandbox:busy stays: a container uses it",
    ]
    assert set(store.held) == {current, "ratchet-sandbox:busy", "another:old"}


def test_an_update_of_torch_makes_another_image(monkeypatch: pytest.MonkeyPatch) -> None:
    before = closure.fingerprint()
    monkeypatch.setattr(closure, "PACKAGES", ("numpy",))
    assert closure.fingerprint() != before


@LINUX
@pytest.mark.docker
def test_an_engine_gives_up_outdated_images(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        engine = Engine()
    except SandboxError as error:
        pytest.skip(str(error))
    monkeypatch.setattr(recipe, "REPOSITORY", "ratchet-test-prune")
    monkeypatch.setattr(recipe, "image_name", lambda base="": "ratchet-test-prune:current")
    with closing(engine):
        for tag in ("current", "old"):
            engine.images.load(iter([bytes(1024)]), f"ratchet-test-prune:{tag}", ())
        assert "removed image ratchet-test-prune:old" in prune()
        assert engine.images.names("ratchet-test-prune") == ["ratchet-test-prune:current"]
        assert engine.images.discard("ratchet-test-prune:current") == ""
        assert engine.images.discard("ratchet-test-prune:current") == ""
