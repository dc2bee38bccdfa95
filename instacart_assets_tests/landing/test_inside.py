"""Nothing that leads out of the landing folder is read, written or taken in; the folder itself may be a link."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from instacart_assets.automation.folders import LocalFolder
from instacart_assets.automation.looks import Drop, LandingState, take_look
from instacart_assets.landing import files
from instacart_assets.landing.files import LandingError, survey
from instacart_assets.landing.generated import MARK, check_may_generate, mark_generated, remove_generated
from instacart_assets.landing.land import land_files
from instacart_assets.landing.withdrawn import LIST, read_withdrawn, withdraw_files
from instacart_assets_tests.landing.intruders import FOREIGN, INTRUDERS, link_out, make_pipe
from instacart_assets_tests.landing_files import write_file, zip_bytes
from instacart_assets_tests.small_contracts import make_landed_contract

THINGS = make_landed_contract()
CONTRACTS = {name: make_landed_contract(name) for name in ("things", "others")}
REMEDY = "remove it, and put a copy of the file in its place"


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing"
    folder.mkdir()
    return folder


def refuse(landing: Path) -> str:
    with pytest.raises(LandingError) as refused:
        survey(landing, [THINGS])
    return str(refused.value)


@pytest.mark.parametrize("kind", INTRUDERS)
def test_what_is_no_file_of_the_folder_is_refused_before_it_is_opened(
    landing: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, fault = INTRUDERS[kind]
    make(landing / "things.csv")
    opened: list[Path] = []
    monkeypatch.setattr(Path, "open", lambda path, *_: opened.append(path))
    message = refuse(landing)
    assert opened == []
    assert message.startswith(f"{landing}/things.csv: {fault}")
    assert REMEDY in message


@pytest.mark.parametrize("kind", INTRUDERS)
def test_so_is_a_part_of_a_source(landing: Path, kind: str) -> None:
    (landing / "things").mkdir()
    write_file(landing, "things/good.csv", FOREIGN)
    make, fault = INTRUDERS[kind]
    make(landing / "bad.csv")
    (landing / "bad.csv").rename(landing / "things" / "bad.csv")
    if kind == "link out by dots":  # it leads nowhere from a folder deeper
        (landing / "things" / "bad.csv").unlink()
        (landing / "things" / "bad.csv").symlink_to("../../outside/secret.csv")
    assert refuse(landing).startswith(f"{landing}/things/bad.csv: {fault}")


def test_a_source_folder_that_leads_out_is_not_looked_into(landing: Path, tmp_path: Path) -> None:
    write_file(tmp_path, "outside/secret.csv", FOREIGN)
    (landing / "things").symlink_to(tmp_path / "outside")
    message = refuse(landing)
    assert message.startswith(f"{landing}/things: leads out of the folder {landing}, to {tmp_path}/outside;")
    assert "secret" not in message


def test_a_link_within_the_folder_and_a_folder_that_is_a_link_are_fine(landing: Path, tmp_path: Path) -> None:
    write_file(landing, "things/monday.csv", FOREIGN)
    (landing / "things.csv").symlink_to("things/monday.csv")
    mounted = tmp_path / "mounted"
    mounted.symlink_to(landing)
    assert [file.name for file in survey(mounted, [THINGS])[THINGS.address]] == [
        "things.csv",
        "things/monday.csv",
    ]
    _, drop = look_until_still(LocalFolder(mounted, ["things"]))
    assert drop is not None
    assert set(drop.files) == {"things.csv", "things/monday.csv"}


def look_until_still(folder: LocalFolder) -> tuple[LandingState, Drop | None]:
    state, _ = take_look(LandingState(), folder)
    return take_look(state, folder)


@pytest.mark.parametrize("kind", INTRUDERS)
def test_the_landing_sensor_reads_no_intruder_and_asks_for_the_run_that_refuses_it(
    landing: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, fault = INTRUDERS[kind]
    make(landing / "things.csv")
    write_file(landing, "others.csv", FOREIGN)
    read: list[str] = []
    fingerprint = files.fingerprint_file
    monkeypatch.setattr(
        "instacart_assets.automation.folders.fingerprint_file",
        lambda path: read.append(path.name) or fingerprint(path),  # type: ignore[func-returns-value]
    )
    folder = LocalFolder(landing, ["things", "others"])
    state, drop = look_until_still(folder)
    assert drop is not None
    assert drop.sources == ("others", "things")
    assert fault in drop.files["things.csv"]
    assert read == ["others.csv"]
    assert take_look(state, folder)[1] is None


def test_the_landing_sensor_does_not_list_a_folder_that_leads_out(landing: Path, tmp_path: Path) -> None:
    write_file(tmp_path, "outside/secret.csv", FOREIGN)
    (landing / "things").symlink_to(tmp_path / "outside")
    assert set(LocalFolder(landing, ["things"]).look().files) == {"things"}


def test_nothing_is_landed_through_a_source_folder_that_leads_out(landing: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (landing / "things").symlink_to(outside)
    origin = write_file(tmp_path, "download/things/monday.csv", FOREIGN)
    with pytest.raises(LandingError, match=f"{landing}/things: leads out of the folder"):
        land_files(origin, landing, CONTRACTS)
    assert list(outside.iterdir()) == []


def test_a_landed_file_takes_the_place_of_a_link_and_leaves_what_it_leads_to(
    landing: Path, tmp_path: Path
) -> None:
    link_out(landing / "things.csv")
    land_files(write_file(tmp_path, "things.csv", "thing_id,name\n2,pear\n"), landing, CONTRACTS)
    assert (tmp_path / "outside" / "secret.csv").read_text() == FOREIGN
    assert not (landing / "things.csv").is_symlink()


@pytest.mark.parametrize("suffix", ["csv", "zip"])
def test_of_an_origin_what_leads_out_is_refused(landing: Path, tmp_path: Path, suffix: str) -> None:
    secret = write_file(tmp_path, f"secret.{suffix}", zip_bytes({"things.csv": FOREIGN}))
    (tmp_path / "download").mkdir()
    (tmp_path / "download" / f"things.{suffix}").symlink_to(secret)
    with pytest.raises(LandingError, match=rf"things\.{suffix}: leads out of the folder .*by its own name"):
        land_files(tmp_path / "download", landing, CONTRACTS)
    assert list(landing.iterdir()) == []


def test_an_origin_that_a_person_names_may_be_a_link(landing: Path, tmp_path: Path) -> None:
    write_file(tmp_path, "elsewhere/things.csv", FOREIGN)
    (tmp_path / "things.csv").symlink_to(tmp_path / "elsewhere" / "things.csv")
    (tmp_path / "download").symlink_to(tmp_path / "elsewhere")
    for origin in (tmp_path / "things.csv", tmp_path / "download"):
        assert [copy.source for copy in land_files(origin, landing, CONTRACTS)] == ["things"]


def test_a_pipe_in_an_origin_is_passed_over(landing: Path, tmp_path: Path) -> None:
    write_file(tmp_path, "download/others.csv", FOREIGN)
    make_pipe(tmp_path / "download" / "things.csv")
    assert [copy.source for copy in land_files(tmp_path / "download", landing, CONTRACTS)] == ["others"]


def zip_with_link(name: str, target: str) -> bytes:
    """An archive of a file and of a link, as Unix writes one."""
    link = zipfile.ZipInfo(name)
    link.create_system, link.external_attr = 3, 0o120777 << 16
    buffer = BytesIO(zip_bytes({"others.csv": FOREIGN}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(link, target)
    return buffer.getvalue()


LED_OUT = ["../things.csv", "../../things.csv", "/things.csv", "a/../../things.csv", r"..\things.csv"]


@pytest.mark.parametrize("member", LED_OUT)
@pytest.mark.parametrize("is_within_another", [False, True])
def test_of_an_archive_with_a_name_that_leads_out_nothing_is_landed(
    landing: Path, tmp_path: Path, member: str, is_within_another: bool
) -> None:
    content = zip_bytes({"others.csv": FOREIGN, member: FOREIGN})
    origin = write_file(
        tmp_path, "evil.zip", zip_bytes({"inner.zip": content}) if is_within_another else content
    )
    with pytest.raises(
        LandingError, match=r"has a name that leads out of the archive; .*unpack it"
    ) as refused:
        land_files(origin, landing, CONTRACTS)
    assert str(refused.value).startswith(f"{origin}/")
    assert [path.name for path in tmp_path.rglob("*.csv")] == []


@pytest.mark.parametrize("name", ["things.csv", "things"])
def test_of_an_archive_with_a_link_nothing_is_landed(landing: Path, tmp_path: Path, name: str) -> None:
    origin = write_file(tmp_path, "evil.zip", zip_with_link(name, "/etc/passwd"))
    with pytest.raises(LandingError, match=rf"evil\.zip/{name}: is a link; an archive holds files"):
        land_files(origin, landing, CONTRACTS)
    assert list(landing.iterdir()) == []


@pytest.mark.parametrize("name", [LIST, MARK])
def test_what_the_folder_remembers_is_not_read_or_written_through_a_link(
    landing: Path, tmp_path: Path, name: str
) -> None:
    outside = write_file(tmp_path, "outside", "kept")
    (landing / name).symlink_to(outside)
    write_file(landing, "things.csv", FOREIGN)
    with pytest.raises(LandingError, match=rf"{landing}/\{name}: leads out of the folder"):
        withdraw_files(landing, ["things.csv"], {}) if name == LIST else mark_generated(landing, ["a"])
    with pytest.raises(LandingError, match=rf"{landing}/\{name}: leads out of the folder"):
        read_withdrawn(landing) if name == LIST else remove_generated(landing)
    assert outside.read_text() == "kept"
    assert (landing / "things.csv").exists()


def test_a_withdrawn_file_is_never_one_outside(landing: Path, tmp_path: Path) -> None:
    outside = write_file(tmp_path, "outside/monday.csv", FOREIGN)
    (landing / "things").symlink_to(outside.parent)
    for name in ("things/monday.csv", "../outside/monday.csv"):
        with pytest.raises(LandingError, match="leads out of the folder"):
            withdraw_files(landing, [name], {name: "held"})
    assert outside.exists()


def test_nothing_is_generated_beside_a_link_that_leads_out(landing: Path) -> None:
    link_out(landing / "things.csv")
    with pytest.raises(LandingError, match=r"holds files that were landed: things\.csv"):
        check_may_generate(landing, ["things"])
