"""Looks at folders of this machine and of a workspace."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from instacart_assets.automation.folders import LocalFolder, open_folder
from instacart_assets.automation.looks import Drop, LandingFolder, LandingState, take_look
from instacart_assets.databricks.land import land_remotely
from instacart_assets.databricks.workspace import WorkspaceError, connect
from instacart_assets.landing.files import fingerprint_file, read_content
from instacart_assets.settings import load_settings
from instacart_assets_tests.landing_files import write_file
from instacart_assets_tests.small_contracts import make_landed_contract
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace

SOURCES = ("things", "others")
THINGS = "thing_id,name\n1,apple\n"
PLACES = ["dbfs:/shop/landing", "/Volumes/main/shop/files/landing"]


def look_twice(folder: LandingFolder, state: LandingState | None = None) -> tuple[LandingState, Drop | None]:
    seen, first = take_look(state or LandingState(), folder)
    assert first is None
    return take_look(seen, folder)


def test_files_of_known_sources_are_seen_and_nothing_else(tmp_path: Path) -> None:
    for name in (
        "things.csv",
        "others/1.csv",
        "others/.note",
        "unknown.csv",
        "things.txt",
        "deep/others/1.csv",
    ):
        write_file(tmp_path, name, THINGS)
    assert set(LocalFolder(tmp_path, SOURCES).look().files) == {"things.csv", "others/1.csv"}


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert LocalFolder(tmp_path / "nowhere", SOURCES).look().files == {}


def test_a_local_fingerprint_is_that_of_the_bronze_table(tmp_path: Path) -> None:
    path = write_file(tmp_path, "things.csv", THINGS)
    _, drop = look_twice(open_folder(load_settings(landing=tmp_path), SOURCES))
    assert drop == Drop(1, {"things.csv": read_content(path).fingerprint})


def test_a_replaced_file_of_the_same_size_and_time_is_seen(tmp_path: Path) -> None:
    path = write_file(tmp_path, "things.csv", THINGS)
    folder = LocalFolder(tmp_path, SOURCES)
    state, _ = look_twice(folder)
    status = path.stat()
    other = write_file(tmp_path, "coming", THINGS.replace("apple", "peach"))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    _, drop = look_twice(folder, state)
    assert drop is not None


def test_a_file_that_changes_while_it_is_read_has_no_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file(tmp_path, "things.csv", THINGS)
    folder = LocalFolder(tmp_path, SOURCES)
    seen = folder.look().files["things.csv"]

    def read_slowly(path: Path) -> str:
        fingerprint = fingerprint_file(path)
        write_file(tmp_path, path.name, f"{THINGS}2,pear\n")
        return fingerprint

    monkeypatch.setattr("instacart_assets.automation.folders.fingerprint_file", read_slowly)
    assert folder.fingerprint("things.csv", seen) is None
    path.unlink()
    monkeypatch.undo()
    assert folder.fingerprint("things.csv", seen) is None


def test_a_marker_of_a_source_is_seen(tmp_path: Path) -> None:
    os.utime(write_file(tmp_path, "others/1.csv", THINGS), (1, 1))
    write_file(tmp_path, "others/_SUCCESS", "")
    _, drop = take_look(LandingState(), LocalFolder(tmp_path, SOURCES))
    assert drop is not None


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedWorkspace]:
    with EmulatedWorkspace(tmp_path / "workspace", volumes=["main.shop.files"], has_spark=False) as emulated:
        monkeypatch.setenv("DATABRICKS_HOST", emulated.host)
        monkeypatch.setenv("DATABRICKS_TOKEN", emulated.token)
        yield emulated


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def open_remote(place: str) -> LandingFolder:
    return open_folder(load_settings(landing=place, databricks={"outage_seconds": 2.0}), SOURCES)


def test_a_remote_file_that_was_landed_has_the_fingerprint_it_was_sent_with(
    place: str, workspace: EmulatedWorkspace, tmp_path: Path
) -> None:
    origin = write_file(tmp_path, "download/things.csv", THINGS)
    contracts = {name: make_landed_contract(name) for name in SOURCES}
    land_remotely(origin, place, contracts, connect(2))
    _, drop = look_twice(open_remote(place))
    assert drop == Drop(1, {"things.csv": read_content(origin).fingerprint})
    assert workspace.folders.find(place).is_dir()


def test_remote_files_that_came_another_way_are_seen_without_being_read(
    place: str, workspace: EmulatedWorkspace
) -> None:
    root = workspace.folders.find(place)
    write_file(root, "others/1.csv", THINGS)
    write_file(root, "unknown.csv", THINGS)
    state, drop = look_twice(open_remote(place))
    assert drop is not None
    assert drop.sources == ("others",)
    os.utime(write_file(root, "others/1.csv", THINGS.replace("apple", "peach")), (9e8, 9e8))
    _, drop = look_twice(open_remote(place), state)
    assert drop is not None
    assert not [call for call in workspace.calls if call.path.endswith("1.csv") and "read" in call.path]


def test_a_remote_marker_ends_the_wait(place: str, workspace: EmulatedWorkspace) -> None:
    root = workspace.folders.find(place)
    os.utime(write_file(root, "others/1.csv", THINGS), (9e8, 9e8))
    write_file(root, "others/_SUCCESS", "")
    _, drop = take_look(LandingState(), open_remote(place))
    assert drop is not None


def test_a_remote_folder_that_is_not_there_holds_nothing(place: str, workspace: EmulatedWorkspace) -> None:
    assert open_remote(place).look().files == {}
    assert workspace.calls


def test_a_workspace_that_refuses_is_told_in_plain_words(
    place: str, workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "wrong")
    with pytest.raises(WorkspaceError, match="refuses to list"):
        open_remote(place).look()
    assert workspace.calls
