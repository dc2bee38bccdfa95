"""Landing in DBFS and in a volume: what gets there, what is not sent twice, and what a broken upload leaves."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from instacart_assets.cli import app
from instacart_assets.databricks import storage
from instacart_assets.databricks.land import RECORD, SentCopy, land_remotely
from instacart_assets.databricks.workspace import WorkspaceError, connect
from instacart_assets.landing.files import LandingError
from instacart_assets_tests.landing_files import write_file, write_landing, zip_bytes
from instacart_assets_tests.small_contracts import make_landed_contract
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace

CONTRACTS = {name: make_landed_contract(name) for name in ("things", "others")}
THINGS = "thing_id,name\n1,apple\n2,pear\n"
LONGER = "thing_id,name\n" + "".join(f"{number},thing {number}\n" for number in range(200_000))
"""More than two blocks of DBFS."""

OTHERS = "thing_id,name,colour\n1,apple,red\n"
PLACES = ["dbfs:/shop/landing", "/Volumes/main/shop/files/landing"]
UPLOADS = {"dbfs": ("POST", "/api/2.0/dbfs/add-block"), "/Vol": ("PUT", "/api/2.0/fs/files/.*csv")}
READS = {"dbfs": ("GET", "/api/2.0/dbfs/read"), "/Vol": ("GET", "/api/2.0/fs/files/.*csv")}

Land = Callable[[], list[SentCopy]]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedWorkspace]:
    with EmulatedWorkspace(tmp_path / "workspace", volumes=["main.shop.files"], has_spark=False) as emulated:
        monkeypatch.setenv("DATABRICKS_HOST", emulated.host)
        monkeypatch.setenv("DATABRICKS_TOKEN", emulated.token)
        monkeypatch.setattr(storage, "RETRY_SECONDS", 1)
        yield emulated


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def download(tmp_path: Path) -> Path:
    write_file(tmp_path, "download/things.csv", LONGER)
    write_file(tmp_path, "download/others.csv", OTHERS)
    write_file(tmp_path, "download/unknown.csv", "a\n1\n")
    return tmp_path / "download"


@pytest.fixture
def land(workspace: EmulatedWorkspace, place: str, download: Path) -> Land:
    assert workspace.host
    return lambda: land_remotely(download, place, CONTRACTS, connect(5))


def list_landed(workspace: EmulatedWorkspace, place: str) -> dict[str, str]:
    """Content of everything below the landing folder, hidden files left out."""
    root = workspace.folders.find(place)
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and path.name != RECORD
    }


def test_files_come_as_they_are_and_nothing_else_is_left(
    workspace: EmulatedWorkspace, place: str, land: Land
) -> None:
    sent = {each.copy.source: each for each in land()}
    assert list_landed(workspace, place) == {"things.csv": LONGER, "others.csv": OTHERS}
    assert {each.is_sent for each in sent.values()} == {True}
    things = sent["things"].copy
    assert (str(things.path), things.records, things.bytes) == (f"{place}/things.csv", 200_000, len(LONGER))
    names = {path.name for path in workspace.folders.find(place).iterdir()}
    assert names == {"things.csv", "others.csv", RECORD}


def test_parts_of_a_source_come_below_its_folder(
    workspace: EmulatedWorkspace, place: str, tmp_path: Path
) -> None:
    archive = write_file(
        tmp_path, "drop.zip", zip_bytes({"things/monday.csv": THINGS, "things/empty.csv": THINGS})
    )
    land_remotely(archive, place, CONTRACTS, connect(5))
    assert list_landed(workspace, place) == {"things/monday.csv": THINGS, "things/empty.csv": THINGS}


def test_what_did_not_change_is_not_sent_again(
    workspace: EmulatedWorkspace, place: str, land: Land, download: Path
) -> None:
    land()
    (download / "others.csv").write_text(OTHERS + "2,pear,green\n")
    untouched = (workspace.folders.find(place) / "things.csv").stat().st_mtime_ns
    assert {each.copy.source: each.is_sent for each in land()} == {"things": False, "others": True}
    assert (workspace.folders.find(place) / "things.csv").stat().st_mtime_ns == untouched
    assert list_landed(workspace, place)["others.csv"] == OTHERS + "2,pear,green\n"


def test_a_file_that_somebody_wrote_over_is_sent_again(
    workspace: EmulatedWorkspace, place: str, land: Land
) -> None:
    land()
    folder = workspace.folders.find(place)
    (folder / "things.csv").write_text(LONGER.replace("thing 7\n", "thing X\n"))  # of the same size
    (folder / "others.csv").unlink()
    changed = (folder / "things.csv").stat().st_mtime + 5  # a volume tells moments in seconds
    os.utime(folder / "things.csv", (changed, changed))
    assert {each.is_sent for each in land()} == {True}
    assert list_landed(workspace, place) == {"things.csv": LONGER, "others.csv": OTHERS}


def test_a_record_that_broke_off_only_costs_an_upload(
    workspace: EmulatedWorkspace, place: str, land: Land
) -> None:
    land()
    record = workspace.folders.find(place) / RECORD
    record.write_text(record.read_text()[:-20])
    assert {each.is_sent for each in land()} == {True}
    assert json.loads(record.read_text())["others.csv"]["bytes"] == len(OTHERS)


def test_nothing_is_sent_where_one_file_is_broken(
    workspace: EmulatedWorkspace, place: str, land: Land, download: Path
) -> None:
    (download / "things.csv").write_text("thing_id;name\n1;apple\n")
    with pytest.raises(LandingError, match="wrong header"):
        land()
    assert list_landed(workspace, place) == {}


def test_nothing_is_sent_of_an_archive_that_leads_out(
    workspace: EmulatedWorkspace, place: str, tmp_path: Path
) -> None:
    archive = write_file(tmp_path, "evil.zip", zip_bytes({"others.csv": OTHERS, "../../things.csv": THINGS}))
    with pytest.raises(LandingError, match="leads out of the archive"):
        land_remotely(archive, place, CONTRACTS, connect(5))
    assert list_landed(workspace, place) == {}


def test_a_broken_upload_never_takes_the_place_of_a_good_file(
    workspace: EmulatedWorkspace, place: str, land: Land, download: Path
) -> None:
    land()
    (download / "things.csv").write_text(LONGER.replace("thing 7\n", "another thing\n"))
    method, path = UPLOADS[place[:4]]
    workspace.faults.drop(method, path, after=1 if place.startswith("dbfs") else 0, times=20)
    with pytest.raises(LandingError) as told:
        land()
    assert place in str(told.value)
    assert "land the files again" in str(told.value)
    assert list_landed(workspace, place) == {"things.csv": LONGER, "others.csv": OTHERS}


def test_an_upload_that_is_taken_up_again_ends_well(
    workspace: EmulatedWorkspace, place: str, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "RETRY_SECONDS", 30)
    workspace.faults.drop(*UPLOADS[place[:4]])
    workspace.faults.add(*READS[place[:4]], status=503, retry_after=1)
    land()
    assert list_landed(workspace, place) == {"things.csv": LONGER, "others.csv": OTHERS}


@pytest.mark.parametrize("place", PLACES[:1])  # a volume takes a file in one call
def test_a_block_that_came_twice_is_found_and_the_old_file_stays(
    workspace: EmulatedWorkspace, land: Land, download: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    land()
    (download / "things.csv").write_text(LONGER.replace("thing 7\n", "another thing\n"))
    monkeypatch.setattr(storage, "RETRY_SECONDS", 30)
    workspace.faults.drop(*UPLOADS["dbfs"], is_late=True)
    with pytest.raises(LandingError, match="another SHA-256"):
        land()
    assert list_landed(workspace, place) == {"things.csv": LONGER, "others.csv": OTHERS}


@pytest.mark.parametrize("place", PLACES[:1])  # a volume takes a file in one call
def test_a_file_that_cannot_take_its_place_gives_it_back(
    workspace: EmulatedWorkspace, land: Land, download: Path, place: str
) -> None:
    land()
    (download / "things.csv").write_text(LONGER.replace("thing 7\n", "another thing\n"))
    workspace.faults.add("POST", "/api/2.0/dbfs/move", status=403, after=1)
    with pytest.raises(LandingError):
        land()
    assert list_landed(workspace, place) == {"things.csv": LONGER, "others.csv": OTHERS}


@pytest.mark.parametrize("place", PLACES[1:])  # in DBFS a file is checked before it takes its place
def test_a_file_that_cannot_be_checked_is_not_left_in_a_volume(
    workspace: EmulatedWorkspace, land: Land, place: str
) -> None:
    workspace.faults.add(*READS[place[:4]], status=403, times=20)
    with pytest.raises(LandingError):
        land()
    assert list_landed(workspace, place) == {}


def test_progress_goes_up_to_the_end(workspace: EmulatedWorkspace, place: str, download: Path) -> None:
    assert workspace.host
    told: list[tuple[int, int]] = []
    land_remotely(
        download, place, CONTRACTS, connect(5), on_progress=lambda done, total: told.append((done, total))
    )
    whole = 2 * (len(LONGER) + len(OTHERS))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (whole, whole)


def test_a_volume_that_does_not_exist_is_told(workspace: EmulatedWorkspace, download: Path) -> None:
    assert workspace.host
    with pytest.raises(WorkspaceError, match=r"main\.shop\.none"):
        land_remotely(download, "/Volumes/main/shop/none", CONTRACTS, connect(5))


def test_the_command_lands_where_the_landing_folder_is(
    workspace: EmulatedWorkspace, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_landing(tmp_path / "files")
    command = ["land", "files", "--landing", place]
    done = CliRunner(env={"COLUMNS": "140"}).invoke(app, command)
    assert done.exit_code == 0, done.output
    assert f"{place}/orders.csv" in done.output
    assert list_landed(workspace, place) == {
        path.name: path.read_text() for path in (tmp_path / "files").iterdir()
    }
    again = CliRunner(env={"COLUMNS": "140"}).invoke(app, command)
    assert "already there, and not sent again: aisles.csv" in again.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files", "workspace"]


def test_the_command_says_what_is_wrong_with_the_way_in(
    workspace: EmulatedWorkspace, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert workspace.host
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-wrong")
    done = CliRunner().invoke(app, ["land", str(write_landing(tmp_path / "files")), "--landing", place])
    assert done.exit_code == 1
    assert "Invalid access token" in done.output
    assert "Traceback" not in done.output


def test_nothing_is_generated_into_a_folder_that_is_none_of_this_machine(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["generate", "--users", "10", "--out", place])
    assert done.exit_code == 1
    assert "instacart generate --out DIR" in done.output
    assert list(tmp_path.iterdir()) == []
