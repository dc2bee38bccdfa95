"""What can be said of a landed file without an engine."""

import gzip
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instacart_assets.landing import files
from instacart_assets.landing.files import (
    LandingError,
    find_broken_record,
    find_paths,
    open_file,
    read_content,
    survey,
)
from instacart_assets_tests.landing_files import write_file, zip_bytes
from instacart_assets_tests.small_contracts import make_landed_contract

THINGS = make_landed_contract()
HEADER = "thing_id,name\n"


def refuse(folder: Path, content: str | bytes) -> str:
    """The message that refuses a file of things with this content."""
    path = write_file(folder, "things.csv", content)
    with pytest.raises(LandingError) as refused:
        open_file(path, folder, THINGS)
    assert str(refused.value).startswith(f"{path}: ")
    return str(refused.value)


def test_a_file_that_is_not_there_is_named_with_its_columns_and_the_command_that_lands_it(
    tmp_path: Path,
) -> None:
    with pytest.raises(LandingError) as refused:
        survey(tmp_path, [THINGS])
    message = str(refused.value)
    assert f"{tmp_path}/things.csv: no such file" in message
    assert "thing_id, name, [colour]" in message
    assert "instacart land PATH" in message


def test_an_optional_source_may_be_absent(tmp_path: Path) -> None:
    assert survey(tmp_path, [make_landed_contract(is_optional=True)]) == {"bronze.things": ()}


def test_every_fault_of_every_source_is_told_at_once(tmp_path: Path) -> None:
    write_file(tmp_path, "things.csv", "wrong\n1\n")
    with pytest.raises(LandingError) as refused:
        survey(tmp_path, [THINGS, make_landed_contract("others")])
    first, second, remedy = str(refused.value).splitlines()
    assert "things.csv: wrong header" in first
    assert "others.csv: no such file" in second
    assert "instacart land" in remedy


def test_a_source_is_one_file_or_a_folder_of_files_or_both(tmp_path: Path) -> None:
    write_file(tmp_path, "things/b.csv", HEADER + "2,b\n")
    write_file(tmp_path, "things/a.csv", HEADER + "1,a\n")
    write_file(tmp_path, "things/notes.txt", "no data")
    write_file(tmp_path, "things.csv", HEADER + "0,z\n")
    found = survey(tmp_path, [THINGS])["bronze.things"]
    assert [file.name for file in found] == ["things.csv", "things/a.csv", "things/b.csv"]


def test_a_folder_without_csv_files_is_no_source(tmp_path: Path) -> None:
    write_file(tmp_path, "things/notes.txt", "no data")
    assert find_paths(tmp_path, "things") == []


@pytest.mark.parametrize("content", ["", "\n\r\n\n", "\ufeff", "  \n"])
def test_a_file_without_text_is_empty(tmp_path: Path, content: str) -> None:
    assert "is empty" in refuse(tmp_path, content)


@pytest.mark.parametrize("content", [HEADER, "thing_id,name", HEADER + "\n\n"])
def test_a_header_alone_is_refused_of_a_required_source(tmp_path: Path, content: str) -> None:
    assert "holds a header and no records" in refuse(tmp_path, content)


def test_a_header_alone_is_a_valid_file_of_an_optional_source(tmp_path: Path) -> None:
    path = write_file(tmp_path, "things.csv", HEADER)
    optional = make_landed_contract(is_optional=True)
    assert open_file(path, tmp_path, optional).columns == ("thing_id", "name")


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("thing_id", "it lacks 'name';"),
        ("id,title", "it lacks 'thing_id', 'name' and does not know 'id', 'title';"),
        ("thing_id,name,price", "it does not know 'price';"),
        ("thing_id,name,name", "it repeats 'name';"),
        ("thing_id, name", "it lacks 'name' and does not know ' name';"),
        ("Thing_ID,name", "it lacks 'thing_id' and does not know 'Thing_ID';"),
        (",thing_id,name", "it does not know '';"),
    ],
)
def test_a_wrong_header_is_told_column_by_column(tmp_path: Path, header: str, fault: str) -> None:
    message = refuse(tmp_path, f"{header}\n1,a\n")
    assert "wrong header: expected the columns thing_id, name, [colour], in any order" in message
    assert fault in message


@pytest.mark.parametrize(("mark", "shown"), [(";", "';'"), ("\t", r"'\t'"), ("|", "'|'")])
def test_another_separator_is_recognised(tmp_path: Path, mark: str, shown: str) -> None:
    message = refuse(tmp_path, f"thing_id{mark}name\n1{mark}a\n")
    assert f"wrong header (is it separated by {shown}?)" in message


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("thing_id,name", ("thing_id", "name")),
        ("name,thing_id", ("name", "thing_id")),
        ("colour,name,thing_id", ("colour", "name", "thing_id")),
        ('"thing_id","name"', ("thing_id", "name")),
        ("\ufeffthing_id,name", ("thing_id", "name")),
        ("thing_id,name\r", ("thing_id", "name")),
        ("\n\nthing_id,name", ("thing_id", "name")),
    ],
)
def test_columns_are_known_in_any_order_and_dress(
    tmp_path: Path, header: str, columns: tuple[str, ...]
) -> None:
    path = write_file(tmp_path, "things.csv", f"{header}\n1,a\n")
    assert open_file(path, tmp_path, THINGS).columns == columns


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (zip_bytes({"things.csv": HEADER + "1,a\n"}), "a ZIP archive"),
        (gzip.compress(b"thing_id,name\n1,a\n"), "a gzip archive"),
    ],
)
def test_an_archive_under_the_name_of_a_csv_file_is_to_be_unpacked(
    tmp_path: Path, content: bytes, kind: str
) -> None:
    assert f"is {kind}, no CSV file; unpack it and land what it holds" in refuse(tmp_path, content)


def test_a_folder_under_the_name_of_a_csv_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "things.csv").mkdir()
    with pytest.raises(LandingError, match=r"things\.csv: cannot be read \(Is a directory\)"):
        survey(tmp_path, [THINGS])


def test_a_link_to_nothing_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "things.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(LandingError, match="no such file"):
        survey(tmp_path, [THINGS])


def test_text_that_is_not_utf8_is_named_by_line_in_one_line(tmp_path: Path) -> None:
    message = refuse(tmp_path, b"thing_id,name\r\n1,caf\xe9\r\n")
    assert message.endswith("line 2: is not UTF-8: 1,caf\ufffd; save the file as UTF-8 and land it again")


def test_text_that_is_not_utf8_is_found_far_below_the_header(tmp_path: Path) -> None:
    path = write_file(tmp_path, "things.csv", HEADER.encode() + b"1,a\n" * 50_000 + b"2,\xe9\n")
    assert open_file(path, tmp_path, THINGS).columns == ("thing_id", "name")
    with pytest.raises(LandingError, match=r"line 50002: is not UTF-8: 2,"):
        read_content(path)


def test_a_letter_cut_off_at_the_end_of_the_file_is_not_utf8(tmp_path: Path) -> None:
    path = write_file(tmp_path, "things.csv", HEADER.encode() + "1,é".encode()[:-1])
    with pytest.raises(LandingError, match="line 2: is not UTF-8"):
        read_content(path)


def test_a_first_record_longer_than_what_is_looked_at_is_a_record(tmp_path: Path) -> None:
    path = write_file(tmp_path, "things.csv", f"{HEADER}1,{'é' * 70_000}\n")
    assert open_file(path, tmp_path, THINGS).columns == ("thing_id", "name")
    assert read_content(path).records == 1


def test_the_fingerprint_is_the_sha256_of_the_bytes(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbfthing_id,name\r\n1,a\r\n"
    path = write_file(tmp_path, "things.csv", content)
    assert read_content(path).fingerprint == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("content", "records"),
    [
        ("", 0),
        ("thing_id,name", 0),
        ("thing_id,name\n", 0),
        ("thing_id,name\n1,a", 1),
        ("thing_id,name\n1,a\n", 1),
        ("thing_id,name\r\n1,a\r\n2,b\r\n", 2),
        ("\n\nthing_id,name\n\n1,a\n\r\n\n2,b\n\n", 2),
        ("thing_id,name\n,\n", 1),
    ],
)
@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 22])
def test_records_are_lines_that_are_not_blank_without_the_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, records: int, block: int
) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", block)
    assert read_content(write_file(tmp_path, "things.csv", content)).records == records


@pytest.mark.parametrize("block", [1, 2, 3, 5])
def test_a_letter_across_blocks_is_one_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", block)
    assert read_content(write_file(tmp_path, "things.csv", HEADER + "1,crème 🍎\n")).records == 1


@given(
    lines=st.lists(st.sampled_from(["", "1,a", "2,é", ",", "x"]), max_size=12),
    line_end=st.sampled_from(["\n", "\r\n"]),
    is_ended=st.booleans(),
    block=st.integers(1, 9),
)
def test_the_count_is_that_of_a_naive_reader(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], line_end: str, is_ended: bool, block: int
) -> None:
    content = line_end.join(lines) + (line_end if is_ended else "")
    path = write_file(tmp_path_factory.mktemp("counted"), "things.csv", content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BLOCK_BYTES", block)
        assert read_content(path).records == max(len([line for line in lines if line]) - 1, 0)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("3", "has 1 fields where the header has 2: 3"),
        ("3,c,more", "has 3 fields where the header has 2: 3,c,more"),
        ('3,"c', 'unexpected end of data: 3,"c'),
        ('3,"c"d', "',' expected after '\"': 3,\"c\"d"),
    ],
)
def test_the_first_broken_record_is_named_by_its_line(tmp_path: Path, line: str, fault: str) -> None:
    path = write_file(tmp_path, "things.csv", f"{HEADER}1,a\n\n{line}\n4\n")
    assert find_broken_record(path, 2) == f"{path}: line 4: {fault}; mend the line and land the file again"


def test_a_long_broken_record_is_shown_in_part(tmp_path: Path) -> None:
    path = write_file(tmp_path, "things.csv", HEADER + "x" * 500 + "\n")
    told = find_broken_record(path, 2)
    assert told is not None
    assert "x" * 120 + "…" in told
    assert len(told) < 300 + len(str(path))


def test_names_with_commas_quotes_and_backslashes_are_whole_records(tmp_path: Path) -> None:
    content = HEADER + '1,"Apple, red"\n2,"Easy Grab 9\\""x13\\"" Oblong"\n3,9\\" Pan\n\r\n'
    assert find_broken_record(write_file(tmp_path, "things.csv", content), 2) is None
