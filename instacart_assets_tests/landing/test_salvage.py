"""What is salvaged of a landed file that cannot be read as it is."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from instacart_assets.landing import salvage
from instacart_assets.landing.files import LandingError, open_file
from instacart_assets.landing.lines import FIELD_LIMIT
from instacart_assets.landing.salvage import LINES_SCHEMA, Salvage, salvage_file
from instacart_assets_tests.landing_files import write_file
from instacart_assets_tests.small_contracts import make_landed_contract

THINGS = make_landed_contract()
HEADER = b"thing_id,name\n"


def part(folder: Path, content: bytes, name: str = "things.csv") -> Salvage:
    return salvage_file(open_file(write_file(folder, name, content), folder, THINGS))


def list_lines(parted: Salvage) -> list[tuple[int, str, str]]:
    table = pq.read_table(parted.lines)
    assert table.schema == LINES_SCHEMA
    return [(line["line_number"], line["text"], line["reason"]) for line in table.to_pylist()]


@pytest.mark.parametrize(
    ("line", "text", "reason"),
    [
        (b"2", "2", "has 1 fields where the header has 2"),
        (b"2,b,more", "2,b,more", "has 3 fields where the header has 2"),
        (b"2,caf\xe9", "2,caf\\xe9", "is not UTF-8"),
        (b'2,"b', '2,"b', "has a quotation that does not end"),
        (b'2,"b"c', '2,"b"c', "has text after a closing quotation mark"),
        (b"2,b\rc", "2,b\rc", "has a carriage return before its end"),
        (b"2,b\r\r", "2,b\r", "has a carriage return before its end"),
        (b"  ", "  ", "has 1 fields where the header has 2"),
        (b"\x00", "\x00", "has 1 fields where the header has 2"),
        (
            b"2," + b"x" * (FIELD_LIMIT + 1),
            "2," + "x" * (FIELD_LIMIT + 1),
            f"has a field of more than {FIELD_LIMIT} characters",
        ),
    ],
    ids=[
        "short",
        "long",
        "latin-1",
        "unterminated quote",
        "text after quote",
        "carriage return",
        "two returns",
        "spaces",
        "NUL",
        "long field",
    ],
)
def test_a_malformed_line_is_kept_apart_and_its_neighbours_keep_their_numbers(
    tmp_path: Path, line: bytes, text: str, reason: str
) -> None:
    parted = part(tmp_path, HEADER + b"1,a\n" + line + b"\n3,c\n")
    assert parted.records.read_bytes() == b"_row_number,thing_id,name\n1,1,a\n3,3,c\n"
    assert list_lines(parted) == [(3, text, reason)]
    assert parted.malformed == 1


def test_a_letter_cut_off_at_the_end_of_the_file_is_malformed(tmp_path: Path) -> None:
    parted = part(tmp_path, HEADER + b"1,a\n2,\xc3")
    assert parted.records.read_bytes() == b"_row_number,thing_id,name\n1,1,a\n"
    assert list_lines(parted) == [(3, "2,\\xc3", "is not UTF-8")]


def test_blank_lines_count_as_lines_and_not_as_records(tmp_path: Path) -> None:
    parted = part(tmp_path, b"\xef\xbb\xbf\r\nthing_id,name\r\n\r\n1,a\r\n\r\n2\r\n3,c\r\n")
    assert parted.records.read_bytes() == b"_row_number,thing_id,name\n1,1,a\n3,3,c\n"
    assert list_lines(parted) == [(6, "2", "has 1 fields where the header has 2")]


def test_a_file_of_malformed_lines_alone_leaves_no_record(tmp_path: Path) -> None:
    parted = part(tmp_path, HEADER + b"1\n2\n")
    assert parted.records.read_bytes() == b"_row_number,thing_id,name\n"
    assert [number for number, _, _ in list_lines(parted)] == [2, 3]


def test_lines_are_written_in_batches_and_none_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salvage, "BATCH_BYTES", 1_000)
    parted = part(tmp_path, HEADER + b"".join(b"%d\n" % number for number in range(100)))
    assert pq.ParquetFile(parted.lines).num_row_groups > 10
    assert [text for _, text, _ in list_lines(parted)] == [str(number) for number in range(100)]


def test_lines_name_their_file_as_the_bronze_table_does(tmp_path: Path) -> None:
    parted = part(tmp_path, HEADER + b"1\n", "things/day one.csv")
    assert pq.read_table(parted.lines)["_source_file"].to_pylist() == ["things/day one.csv"]


def test_a_file_is_parted_again_only_when_it_changed(tmp_path: Path) -> None:
    first = part(tmp_path, HEADER + b"1\n")
    opened = open_file(tmp_path / "things.csv", tmp_path, THINGS)
    assert salvage_file(opened) is first
    changed = part(tmp_path, HEADER + b"1\n2\n")
    assert (first.malformed, changed.malformed) == (1, 2)


def test_the_landed_file_stays_as_it_is(tmp_path: Path) -> None:
    content = HEADER + b"1,a\n2\n\xff"
    part(tmp_path, content)
    assert (tmp_path / "things.csv").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["things.csv"]


def test_where_there_is_no_room_the_file_and_the_remedy_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(salvage, "_tabulate", fail)
    with pytest.raises(LandingError, match=r"things\.csv: .*No space left on device.*TMPDIR"):
        part(tmp_path, HEADER + b"1\n")
