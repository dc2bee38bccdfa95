"""From looks at a folder to drops."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instacart_assets.automation.looks import (
    MOST_WAITS,
    Drop,
    LandingState,
    Look,
    Seen,
    source_of,
    take_look,
)


@dataclass
class FakeFolder:
    """A folder whose time stands still until a test moves it."""

    contents: dict[str, str] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    markers: dict[str, int] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    now: int = 1

    def write(self, name: str, content: str) -> None:
        self.now += 1
        self.contents[name], self.written[name] = content, self.now

    def mark(self, folder: str = "") -> None:
        self.now += 1
        self.markers[folder] = self.now

    def look(self) -> Look:
        seen = {name: Seen(len(text), self.written[name]) for name, text in self.contents.items()}
        return Look(seen, dict(self.markers))

    def fingerprint(self, name: str, seen: Seen) -> str | None:
        self.read.append(name)
        is_same = seen == self.look().files.get(name)
        return f"of {self.contents[name]}" if is_same else None


@dataclass
class Looker:
    """Looks again and again, and keeps what it remembers as text, as a daemon does."""

    folder: FakeFolder
    cursor: str | None = None

    def look(self) -> Drop | None:
        state, drop = take_look(LandingState.read(self.cursor), self.folder)
        self.cursor = state.write()
        return drop

    def look_until_drop(self) -> Drop:
        for _ in range(3):
            if drop := self.look():
                return drop
        pytest.fail("no drop in three looks")


@pytest.fixture
def folder() -> FakeFolder:
    return FakeFolder()


@pytest.fixture
def looker(folder: FakeFolder) -> Looker:
    return Looker(folder)


def test_a_file_is_a_drop_once_two_looks_saw_it_alike(folder: FakeFolder, looker: Looker) -> None:
    folder.write("orders.csv", "half")
    assert looker.look() is None
    folder.write("orders.csv", "whole")
    assert looker.look() is None
    assert looker.look() == Drop(1, {"orders.csv": "of whole"})
    assert looker.look() is None


def test_an_empty_folder_is_no_drop(looker: Looker) -> None:
    assert [looker.look(), looker.look()] == [None, None]


def test_a_marker_that_is_newer_than_its_files_ends_the_wait(folder: FakeFolder, looker: Looker) -> None:
    folder.write("orders/1.csv", "a")
    folder.write("orders/2.csv", "b")
    folder.mark("orders")
    assert looker.look() == Drop(1, {"orders/1.csv": "of a", "orders/2.csv": "of b"})


def test_an_old_marker_ends_no_wait(folder: FakeFolder, looker: Looker) -> None:
    folder.mark("orders")
    folder.write("orders/1.csv", "a")
    assert looker.look() is None


def test_a_marker_as_old_as_a_file_ends_no_wait(folder: FakeFolder, looker: Looker) -> None:
    folder.write("orders.csv", "a")
    folder.markers[""] = folder.written["orders.csv"]
    assert looker.look() is None


def test_a_marker_speaks_of_its_own_folder_alone(folder: FakeFolder, looker: Looker) -> None:
    folder.write("orders/1.csv", "a")
    folder.mark()
    assert looker.look() is None


def test_files_that_land_together_are_one_drop(folder: FakeFolder, looker: Looker) -> None:
    folder.write("orders.csv", "a")
    looker.look()
    folder.write("aisles.csv", "b")
    assert looker.look() is None  # orders is complete, and waits
    assert looker.look() == Drop(1, {"orders.csv": "of a", "aisles.csv": "of b"})


def test_complete_files_do_not_wait_for_ever(folder: FakeFolder, looker: Looker) -> None:
    folder.write("aisles.csv", "a")
    drops = []
    for round_ in range(MOST_WAITS + 2):
        folder.write("orders.csv", "o" * round_)
        drops.append(looker.look())
    assert drops[:-1] == [None] * (MOST_WAITS + 1)
    assert drops[-1] == Drop(1, {"aisles.csv": "of a"})


def test_other_content_of_the_same_size_is_a_drop(folder: FakeFolder, looker: Looker) -> None:
    folder.write("orders.csv", "aa")
    looker.look_until_drop()
    folder.write("orders.csv", "bb")
    assert looker.look_until_drop() == Drop(2, {"orders.csv": "of bb"})


def test_content_that_comes_back_is_another_drop_with_a_key_of_its_own(
    folder: FakeFolder, looker: Looker
) -> None:
    keys = []
    for content in ("a", "b", "a", "b"):
        folder.write("orders.csv", content)
        keys.append(looker.look_until_drop().key)
    assert len(set(keys)) == 4


def test_the_same_drop_has_the_same_key(folder: FakeFolder, looker: Looker) -> None:
    folder.write("orders.csv", "a")
    looker.look()
    before = looker.cursor
    first = looker.look_until_drop()
    looker.cursor = before  # the daemon died before it had noted the drop
    assert looker.look_until_drop().key == first.key


def test_a_file_that_was_only_touched_is_read_once_and_is_no_drop(folder: FakeFolder, looker: Looker) -> None:
    folder.write("orders.csv", "a")
    looker.look_until_drop()
    folder.write("orders.csv", "a")
    assert [looker.look() for _ in range(4)] == [None] * 4
    assert folder.read == ["orders.csv"] * 2


def test_a_file_that_did_not_change_is_not_read_again(folder: FakeFolder, looker: Looker) -> None:
    folder.write("orders.csv", "a")
    looker.look_until_drop()
    folder.write("aisles.csv", "b")
    looker.look_until_drop()
    assert folder.read == ["orders.csv", "aisles.csv"]


def test_a_file_that_is_gone_is_no_drop_and_one_that_comes_back_is(
    folder: FakeFolder, looker: Looker
) -> None:
    folder.write("orders.csv", "a")
    looker.look_until_drop()
    del folder.contents["orders.csv"]
    assert [looker.look(), looker.look()] == [None, None]
    folder.write("orders.csv", "a")
    assert looker.look_until_drop().files == {"orders.csv": "of a"}


def test_a_file_that_changes_while_it_is_read_waits(folder: FakeFolder, looker: Looker) -> None:
    class Restless(FakeFolder):
        def fingerprint(self, name: str, seen: Seen) -> str | None:
            self.write(name, f"{self.contents[name]}+")
            return super().fingerprint(name, seen)

    folder.write("orders.csv", "a")
    restless = Restless(folder.contents, folder.written, now=folder.now)
    looker.folder = restless
    looker.look()
    assert looker.look() is None
    looker.folder = FakeFolder(restless.contents, restless.written, now=restless.now)
    assert looker.look_until_drop().files == {"orders.csv": "of a+"}


def test_sources_are_named_by_file_and_by_folder() -> None:
    assert Drop(1, {"orders/1.csv": "", "orders/2.csv": "", "aisles.csv": ""}).sources == ("aisles", "orders")
    assert source_of("order_products__prior.csv") == "order_products__prior"


def test_a_state_says_whether_something_waits(folder: FakeFolder, looker: Looker) -> None:
    folder.write("orders.csv", "a")
    looker.look()
    assert LandingState.read(looker.cursor).is_waiting
    looker.look()
    assert not LandingState.read(looker.cursor).is_waiting


moves = st.lists(
    st.tuples(
        st.sampled_from(["a.csv", "b/1.csv", "b/2.csv"]), st.sampled_from(["x", "y", "look", "forget"])
    ),
    max_size=30,
)


@given(moves)
def test_whatever_happens_the_last_content_of_each_file_is_taken_in(steps: list[tuple[str, str]]) -> None:
    """Also where a daemon dies before it has noted a look: its drops have the keys they had before."""
    folder = FakeFolder()
    looker = Looker(folder)
    taken: dict[str, str] = {}
    keys: dict[str, Drop] = {}

    def note(drop: Drop | None) -> None:
        if drop is not None and drop.key not in keys:  # as Dagster does with the keys of runs
            keys[drop.key] = drop
            taken.update(drop.files)

    for name, step in steps:
        before = looker.cursor
        if step in {"look", "forget"}:
            note(looker.look())
        else:
            folder.write(name, step)
        if step == "forget":
            looker.cursor = before
    for _ in range(4):
        note(looker.look())
    assert taken == {name: f"of {content}" for name, content in folder.contents.items()}


def test_a_state_is_the_same_after_it_was_written(folder: FakeFolder, looker: Looker) -> None:
    folder.write("orders.csv", "a")
    looker.look_until_drop()
    folder.write("orders/2.csv", "b")
    looker.look()
    state = LandingState.read(looker.cursor)
    assert LandingState.read(state.write()) == state
    assert replace(state, drops=9) != state
