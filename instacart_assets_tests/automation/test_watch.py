"""Taking in what lands from one process, and how that ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from instacart_assets.automation.looks import Drop, LandingState, Look, Seen, Taken
from instacart_assets.automation.watch import select_drop, stop_on_signals, watch
from instacart_assets.errors import RemediableError
from instacart_assets.graph import all_tables
from instacart_assets_tests.automation.test_looks import FakeFolder
from instacart_assets_tests.faults.accounts import read_version
from instacart_assets_tests.lake_reading import read_rows
from instacart_assets_tests.landing_files import COMPLETE_LANDING, write_file

TABLES = all_tables()
SECONDS = 120


@dataclass
class Watched:
    """A watched folder, and what was taken in of it."""

    folder: FakeFolder = field(default_factory=FakeFolder)
    stop: threading.Event = field(default_factory=threading.Event)
    taken: list[Drop] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    is_good: bool = True
    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def watch(self, *, is_available_now: bool = False) -> bool:
        return watch(
            self.folder,
            TABLES,
            self._take_in,
            every=0.001,
            stop=self.stop,
            is_available_now=is_available_now,
            on_problem=self.problems.append,
        )

    def _take_in(self, drop: Drop, asked: str) -> bool:
        self.taken.append(drop)
        self.asked.append(asked)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return self.is_good


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_what_is_there_is_taken_in_and_then_it_ends(watched: Watched) -> None:
    watched.folder.write("orders.csv", "a")
    watched.folder.write("aisles.csv", "b")
    assert watched.watch(is_available_now=True)
    assert [drop.sources for drop in watched.taken] == [("aisles", "orders")]


def test_where_nothing_is_it_ends_at_once(watched: Watched) -> None:
    assert watched.watch(is_available_now=True)
    assert watched.taken == []


def test_what_lands_during_a_run_is_taken_in_after_it(watched: Watched) -> None:
    watched.folder.write("orders.csv", "a")
    watched.meanwhile = [lambda: watched.folder.write("orders.csv", "b")]
    watched.watch(is_available_now=True)
    assert [drop.files for drop in watched.taken] == [{"orders.csv": "of a"}, {"orders.csv": "of b"}]


def test_a_run_in_progress_is_finished_and_none_is_begun_after_it(watched: Watched) -> None:
    watched.folder.write("orders.csv", "a")

    def land_and_stop() -> None:
        watched.folder.write("orders.csv", "b")
        watched.stop.set()

    watched.meanwhile = [land_and_stop]
    watched.watch()
    assert len(watched.taken) == 1


def test_a_run_that_goes_wrong_is_told_at_the_end_and_the_next_drop_is_taken_in(watched: Watched) -> None:
    watched.is_good = False
    watched.folder.write("orders.csv", "a")
    watched.meanwhile = [lambda: watched.folder.write("orders.csv", "b")]
    assert not watched.watch(is_available_now=True)
    assert len(watched.taken) == 2


def test_what_a_failed_run_left_comes_with_the_drop_that_mends_it(watched: Watched) -> None:
    watched.is_good = False
    for name in ("orders.csv", "departments.csv"):
        watched.folder.write(name, "a")

    def land_else() -> None:
        watched.folder.write("aisles.csv", "a")
        watched.meanwhile = [mend]

    def mend() -> None:
        watched.is_good = True
        watched.folder.write("departments.csv", "b")
        watched.meanwhile = [lambda: watched.folder.write("departments.csv", "c")]

    watched.meanwhile = [land_else]
    watched.watch(is_available_now=True)
    assert [drop.sources for drop in watched.taken] == [
        ("departments", "orders"),
        ("aisles",),
        ("departments", "orders"),
        ("departments",),
    ]


def test_what_need_not_land_is_asked_for_until_something_was_ingested(watched: Watched) -> None:
    watched.is_good = False
    watched.folder.write("departments.csv", "a")

    def mend() -> None:
        watched.folder.write("departments.csv", "b")
        watched.meanwhile = [go_on]

    def go_on() -> None:
        watched.is_good = True
        watched.folder.write("departments.csv", "c")

    watched.meanwhile = [mend]
    watched.watch(is_available_now=True)
    assert ["bronze.promotions" in asked.split(" or ") for asked in watched.asked] == [True, True, False]


class ClosedFolder(FakeFolder):
    """A folder that cannot be looked at the first time."""

    is_open = False

    def look(self) -> Look:
        if self.is_open:
            return super().look()
        self.is_open = True
        raise RemediableError("nobody answers")


def test_a_folder_that_cannot_be_looked_at_is_tried_again(watched: Watched) -> None:
    watched.folder = ClosedFolder()
    watched.folder.write("orders.csv", "a")
    watched.meanwhile = [watched.stop.set]
    watched.watch()
    assert watched.problems == ["nobody answers"]
    assert len(watched.taken) == 1


def test_where_nothing_is_waited_for_the_problem_is_raised(watched: Watched) -> None:
    watched.folder = ClosedFolder()
    with pytest.raises(RemediableError, match="nobody answers"):
        watched.watch(is_available_now=True)


def make_state(*names: str) -> LandingState:
    """What is remembered once these files were taken in."""
    return LandingState(1, {name: Taken(Seen(1, 1), "of a") for name in names})


def test_a_complete_drop_builds_everything() -> None:
    names = [f"{source}.csv" for source in COMPLETE_LANDING]
    asked = select_drop(Drop(1, dict.fromkeys(names, "")), make_state(*names), TABLES, is_first=True)
    assert asked.split(" or ") == [table.address for table in TABLES]


def test_a_drop_builds_what_is_below_it_and_can_be_built() -> None:
    drop = Drop(2, {"aisles.csv": ""})
    asked = select_drop(drop, make_state("aisles.csv"), TABLES, is_first=False)
    assert asked.split(" or ") == ["bronze.aisles", "silver.aisles"]
    landed = make_state("aisles.csv", "departments.csv", "products.csv")
    assert "silver.products" in select_drop(drop, landed, TABLES, is_first=False)


def test_the_first_signal_stops_and_the_second_breaks_off() -> None:
    # Whoever started the tests in the background has them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with stop_on_signals() as stop:
            signal.raise_signal(signal.SIGINT)
            assert stop.is_set()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "instacart_assets.cli",
            "watch",
            "--landing",
            "landing",
            "--lake",
            "lake",
            *arguments,
        ],
        cwd=folder,
        env={**os.environ, "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_signal_lets_the_run_in_progress_end(tmp_path: Path) -> None:
    write_file(tmp_path, "landing/aisles.csv", COMPLETE_LANDING["aisles"])
    process = start(tmp_path, "--every", "0.2")
    try:
        assert process.stderr is not None
        said = ""
        while "drop 1:" not in said:
            line = process.stderr.readline()
            assert line, f"it ended too early: {said}"
            said += line
        process.send_signal(signal.SIGTERM)
        answer, rest = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, rest
    assert "stopped" in rest
    assert "Traceback" not in rest
    published = {line.split()[0] for line in answer.splitlines() if "✓" in line}
    assert {"bronze.aisles", "silver.aisles"} <= published


@pytest.mark.slow
def test_what_was_begun_when_it_was_killed_is_taken_in_once_by_the_next(tmp_path: Path) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    write_file(landing, "aisles.csv", "aisle_id,aisle\n1,apples\n2,pears\n")
    killed = start(tmp_path, "--every", "0.2")
    try:
        deadline = time.monotonic() + SECONDS
        while not list(lake.glob("bronze/aisles/candidate-*")) and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        killed.kill()
        killed.communicate()
    write_file(landing, "aisles/more.csv", "aisle_id,aisle\n3,plums\n")
    for _ in range(2):  # the second finds nothing that is not taken in
        process = start(tmp_path, "--every", "0.2", "--available-now")
        _, said = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, said
    rows = read_rows(lake, "bronze.aisles")
    assert sorted((row["_source_file"], row["aisle_id"]) for row in rows) == [
        ("aisles.csv", "1"),
        ("aisles.csv", "2"),
        ("aisles/more.csv", "3"),
    ]
    assert sorted(row["aisle"] for row in read_rows(lake, "silver.aisles")) == ["apples", "pears", "plums"]
    assert read_version(lake, "silver.aisles") <= 1


@pytest.mark.slow
def test_a_broken_file_is_told_and_ends_in_failure(tmp_path: Path) -> None:
    write_file(tmp_path, "landing/aisles.csv", "aisle;name\n1;x\n")
    process = start(tmp_path, "--every", "0.2", "--available-now")
    answer, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 1, answer
    assert "wrong header" in said
    assert "Traceback" not in said
