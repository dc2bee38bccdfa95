"""Landing: what is copied, what is refused, and what stays as it was."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from instacart_assets.landing import public
from instacart_assets.landing.files import LandingError
from instacart_assets.landing.land import LandedCopy, land_files
from instacart_assets_tests.landing_files import write_file, zip_bytes
from instacart_assets_tests.small_contracts import make_landed_contract

CONTRACTS = {name: make_landed_contract(name) for name in ("things", "others")}
THINGS = "thing_id,name\n1,apple\n2,pear\n"
OTHERS = "thing_id,name,colour\n1,apple,red\n"
DAMAGED = b"thing_id,name\n" + b"".join(b"%d,thing %d\n" % (number, number) for number in range(2_000))


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    return tmp_path / "landing"


def land_from(origin: Path, landing: Path) -> list[LandedCopy]:
    return land_files(origin, landing, CONTRACTS)


def refuse(origin: Path, landing: Path) -> str:
    with pytest.raises(LandingError) as refused:
        land_from(origin, landing)
    return str(refused.value)


def list_landed(landing: Path) -> list[str]:
    return sorted(path.relative_to(landing).as_posix() for path in landing.rglob("*"))


def damage_zip(members: dict[str, bytes]) -> bytes:
    """An archive with a flipped byte in the middle of its first member."""
    content = bytearray(zip_bytes(members))
    content[len(content) // 2] ^= 0xFF
    return bytes(content)


def test_a_folder_is_landed_file_by_file_whatever_lies_beside(tmp_path: Path, landing: Path) -> None:
    write_file(tmp_path, "download/things.csv", THINGS)
    write_file(tmp_path, "download/deeper/others.csv", OTHERS)
    write_file(tmp_path, "download/unknown.csv", "a\n1\n")
    write_file(tmp_path, "download/README.md", "things")
    copies = land_from(tmp_path / "download", landing)
    assert {copy.source: (copy.path, copy.records, copy.bytes, copy.is_public) for copy in copies} == {
        "things": (landing / "things.csv", 2, len(THINGS), False),
        "others": (landing / "others.csv", 1, len(OTHERS), False),
    }
    assert (landing / "things.csv").read_text() == THINGS
    assert list_landed(landing) == ["others.csv", "things.csv"]


def test_a_single_file_is_landed(tmp_path: Path, landing: Path) -> None:
    land_from(write_file(tmp_path, "things.csv", THINGS), landing)
    assert (landing / "things.csv").read_text() == THINGS


def test_bytes_are_copied_as_they_are(tmp_path: Path, landing: Path) -> None:
    content = b"\xef\xbb\xbfthing_id,name\r\n1,caf\xc3\xa9\r\n"
    land_from(write_file(tmp_path, "things.csv", content), landing)
    assert (landing / "things.csv").read_bytes() == content


def test_an_archive_is_landed_with_the_archives_within(tmp_path: Path, landing: Path) -> None:
    inner = zip_bytes({"others.csv": OTHERS, "__MACOSX/._others.csv": b"\x00"})
    archive = zip_bytes({"data/things.csv": THINGS, "others.csv.zip": inner, "__MACOSX/things.csv": b"\x00"})
    copies = land_from(write_file(tmp_path, "download.zip", archive), landing)
    assert {copy.source for copy in copies} == {"things", "others"}
    assert (landing / "others.csv").read_text() == OTHERS


def test_an_archive_in_a_folder_is_landed(tmp_path: Path, landing: Path) -> None:
    write_file(tmp_path, "download/archive.zip", zip_bytes({"things.csv": THINGS}))
    assert [copy.source for copy in land_from(tmp_path / "download", landing)] == ["things"]


def test_each_file_is_announced_by_the_name_it_has_at_its_origin(tmp_path: Path, landing: Path) -> None:
    archive = write_file(tmp_path, "all.zip", zip_bytes({"data/things.csv": THINGS, "unknown.csv": "a\n"}))
    heard: list[str] = []
    land_files(archive, landing, CONTRACTS, heard.append)
    assert heard == [f"{archive}/data/things.csv"]


def test_an_origin_that_does_not_exist_is_told(tmp_path: Path, landing: Path) -> None:
    assert refuse(tmp_path / "gone", landing).startswith(f"{tmp_path}/gone: no such file or folder")


def test_an_origin_that_holds_nothing_known_is_told_with_the_names_that_are(
    tmp_path: Path, landing: Path
) -> None:
    message = refuse(write_file(tmp_path, "orders.csv", THINGS), landing)
    assert "holds no file to land; expected any of things.csv, others.csv" in message
    assert not landing.exists()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "is empty"),
        ("thing_id,name\n", "holds a header and no records"),
        ("thing_id;name\n1;a\n", "wrong header (is it separated by ';'?)"),
        (b"thing_id,nam\xe9\n1,a\n", "its header is not UTF-8"),
        (
            zip_bytes({"things.csv": THINGS}),
            "is a ZIP archive, no CSV file; unpack it and land what it holds",
        ),
    ],
)
def test_a_broken_file_does_not_take_the_place_of_a_good_one(
    tmp_path: Path, landing: Path, content: str | bytes, fault: str
) -> None:
    write_file(landing, "things.csv", THINGS)
    origin = write_file(tmp_path, "download/things.csv", content)
    message = refuse(origin, landing)
    assert message.startswith(f"{origin}: {fault}")
    assert ".landing-" not in message
    assert (landing / "things.csv").read_text() == THINGS
    assert list_landed(landing) == ["things.csv"]


def test_a_broken_member_is_named_within_its_archive(tmp_path: Path, landing: Path) -> None:
    inner = zip_bytes({"things.csv": "thing_id\n1\n"})
    origin = write_file(tmp_path, "download.zip", zip_bytes({"things.zip": inner}))
    assert refuse(origin, landing).startswith(f"{origin}/things.zip/things.csv: wrong header")


def test_a_file_with_malformed_lines_lands_as_it_is_and_they_are_counted(
    tmp_path: Path, landing: Path
) -> None:
    content = b'thing_id,name\n1,a\n2\n3,\xe9\n4,"d\n5,e\n'
    (copy,) = land_from(write_file(tmp_path, "things.csv", content), landing)
    assert (copy.records, copy.malformed) == (5, 3)
    assert copy.path.read_bytes() == content


def test_what_landed_before_a_broken_file_stays(tmp_path: Path, landing: Path) -> None:
    write_file(tmp_path, "download/others.csv", OTHERS)
    write_file(tmp_path, "download/things.csv", "wrong\n1\n")
    assert "things.csv: wrong header" in refuse(tmp_path / "download", landing)
    assert list_landed(landing) == ["others.csv"]


def _broken_archives() -> Iterator[tuple[str, bytes, str]]:
    whole = zip_bytes({"things.csv": DAMAGED})
    yield "cut off", whole[: len(whole) // 2], "download.zip"
    yield "no archive", b"<html>please log in</html>", "download.zip"
    yield "empty", b"", "download.zip"
    yield "damaged member", damage_zip({"things.csv": DAMAGED}), "download.zip/things.csv"
    yield "inner cut off", zip_bytes({"inner.zip": whole[:-40]}), "download.zip/inner.zip"
    inner = zip_bytes({"inner.zip": damage_zip({"things.csv": DAMAGED})})
    yield "damaged member within", inner, "download.zip/inner.zip/things.csv"


@pytest.mark.parametrize(
    ("content", "named"),
    [(content, named) for _, content, named in _broken_archives()],
    ids=[name for name, _, _ in _broken_archives()],
)
def test_a_broken_archive_is_to_be_downloaded_again(
    tmp_path: Path, landing: Path, content: bytes, named: str
) -> None:
    write_file(landing, "things.csv", THINGS)
    message = refuse(write_file(tmp_path, "download.zip", content), landing)
    assert message.startswith(f"{tmp_path}/{named}: is no complete ZIP archive")
    assert message.endswith("; download it again")
    assert (landing / "things.csv").read_text() == THINGS
    assert list_landed(landing) == ["things.csv"]


@pytest.mark.parametrize(
    ("flag", "method", "fault"), [(1, 8, "password required"), (0, 99, "compression method is not supported")]
)
def test_an_archive_that_cannot_be_unpacked_here_is_to_be_unpacked_first(
    tmp_path: Path, landing: Path, flag: int, method: int, fault: str
) -> None:
    archive = bytearray(zip_bytes({"things.csv": THINGS}))
    for header, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = archive.index(header) + place
        archive[at], archive[at + 2] = archive[at] | flag, method
    message = refuse(write_file(tmp_path, "download.zip", bytes(archive)), landing)
    assert "download.zip/things.csv: cannot be unpacked" in message
    assert fault in message
    assert "unpack it yourself, and land the files" in message


def test_a_member_stored_with_another_checksum_is_damaged(tmp_path: Path, landing: Path) -> None:
    stored = zip_bytes({"things.csv": THINGS}, compression=0).replace(b"2,pear", b"2,plum")
    message = refuse(write_file(tmp_path, "download.zip", stored), landing)
    assert "download.zip/things.csv: is no complete ZIP archive (Bad CRC-32" in message


def test_landing_again_replaces_the_file(tmp_path: Path, landing: Path) -> None:
    write_file(landing, "things.csv", "thing_id,name\n9,old\n")
    land_from(write_file(tmp_path, "things.csv", THINGS), landing)
    assert (landing / "things.csv").read_text() == THINGS


def test_the_file_the_publisher_released_is_recognised_by_size_and_hash(
    tmp_path: Path, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256(THINGS.encode()).hexdigest()
    monkeypatch.setattr(public, "PUBLIC_FILES", {"things": (len(THINGS), digest[:8], digest[-8:])})
    assert [copy.is_public for copy in land_from(write_file(tmp_path, "things.csv", THINGS), landing)] == [
        True
    ]
    changed = THINGS.replace("pear", "plum")
    assert [copy.is_public for copy in land_from(write_file(tmp_path, "things.csv", changed), landing)] == [
        False
    ]


def test_an_origin_that_is_the_landing_folder_stays_as_it_is(landing: Path) -> None:
    write_file(landing, "things.csv", THINGS)
    assert [copy.records for copy in land_from(landing, landing)] == [2]
    assert list_landed(landing) == ["things.csv"]
    assert (landing / "things.csv").read_text() == THINGS


def test_no_file_is_lost_where_a_download_holds_two_of_one_source(tmp_path: Path, landing: Path) -> None:
    write_file(tmp_path, "download/day1/things.csv", "thing_id,name\n1,a\n")
    write_file(tmp_path, "download/day2/things.csv", "thing_id,name\n2,b\n")
    assert "things.csv" in refuse(tmp_path / "download", landing)


def test_parts_of_a_source_land_in_its_folder_and_case_does_not_matter(tmp_path: Path, landing: Path) -> None:
    write_file(tmp_path, "download/things/part1.csv", "thing_id,name\n1,a\n")
    write_file(tmp_path, "download/Things/part2.CSV", "thing_id,name\n2,b\n")
    write_file(tmp_path, "download/OTHERS.csv", "thing_id,name\n3,c\n")
    land_from(tmp_path / "download", landing)
    landed = sorted(path.relative_to(landing).as_posix() for path in landing.rglob("*.csv"))
    assert landed == ["others.csv", "things/part1.csv", "things/part2.csv"]


def test_a_csv_file_of_no_source_is_told(tmp_path: Path, landing: Path) -> None:
    write_file(tmp_path, "download/things.csv", THINGS)
    write_file(tmp_path, "download/budget.csv", "x\n1\n")
    ignored: list[str] = []
    land_files(tmp_path / "download", landing, CONTRACTS, on_ignored=ignored.append)
    assert [Path(name).name for name in ignored] == ["budget.csv"]
