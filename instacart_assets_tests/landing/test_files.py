"""What can be said of a landed file without an engine."""

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instacart_assets.contracts.model import Policy, SchemaDrift
from instacart_assets.landing import files
from instacart_assets.landing.files import (
    LandingError,
    count_malformed,
    find_paths,
    is_trusted,
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
        (gzip.compress(b"thing_id,name\n1,a\n", mtime=0), "a gzip archive"),
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


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (
            b"thing_id,nam\xe9",
            "its header is not UTF-8: thing_id,nam\\xe9; expected the columns thing_id, name",
        ),
        (b'thing_id,"name', 'its header has a quotation that does not end: thing_id,"name;'),
        (b'thing_id,"name"s', 'its header has text after a closing quotation mark: thing_id,"name"s;'),
        (b"thing_id,name\r1,a", "its header has a carriage return before its end: thing_id,name\r1,a;"),
        (b"thing_id,name" + b"," * files.HEADER_LIMIT, "its header does not end within 65536 bytes;"),
    ],
    ids=["latin-1", "unterminated quote", "text after quote", "carriage return", "endless"],
)
def test_a_header_that_is_no_csv_is_refused(tmp_path: Path, header: bytes, fault: str) -> None:
    assert f"things.csv: {fault}" in refuse(tmp_path, header + b"\n1,a\n")


def test_lines_that_end_in_a_carriage_return_alone_are_refused(tmp_path: Path) -> None:
    assert "its lines end in a carriage return alone" in refuse(tmp_path, "thing_id,name\r1,a\r")


def trust(folder: Path, content: bytes) -> bool:
    return is_trusted(open_file(write_file(folder, "things.csv", content), folder, THINGS))


@pytest.mark.parametrize(
    "body",
    [
        b"1,a\n",
        b"1,a\r\n\r\n2,b\r\n",
        "1,crème 🍎".encode(),
        b'1,"Apple, ""red"""\n2,9" Pan\n',
        b"1,x\x00y\n",
        b"1\n",
    ],
    ids=["plain", "CRLF", "no final newline", "quotes", "NUL", "ragged, on which all readers stumble"],
)
def test_text_on_which_readers_agree_is_trusted(tmp_path: Path, body: bytes) -> None:
    assert trust(tmp_path, HEADER.encode() + body)
    assert trust(tmp_path, b"\xef\xbb\xbf" + HEADER.encode() + body)


@pytest.mark.parametrize(
    "body",
    [
        b"1,caf\xe9\n2,b\n",
        b"1,a\n" * 50_000 + b"2,\xe9\n",
        b"1,a\n2,\xc3",
        b"1,a\r2,b\n",
        b"1,a\r\r\n",
        b'1,"a\n2,b"\n',
        b'1,"a"b\n',
        b'1,"a",b\n',
        b"1," + b"x" * (1 << 17) + b"\n",
    ],
    ids=[
        "latin-1",
        "latin-1 far below",
        "a letter cut off",
        "carriage return",
        "two carriage returns",
        "quote over lines",
        "text after quote",
        "ragged with quotes",
        "long field",
    ],
)
def test_text_that_readers_take_for_different_rows_is_not_trusted(tmp_path: Path, body: bytes) -> None:
    assert not trust(tmp_path, HEADER.encode() + body)


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 22])
@pytest.mark.parametrize(
    ("content", "is_plain"),
    [("id\r\n1\r\n", True), ("id\n1\r2\n", False), ("id\n1\r\r\n", False)],
)
def test_a_line_end_across_blocks_is_one_line_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, block: int, is_plain: bool
) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", block)
    assert read_content(write_file(tmp_path, "things.csv", content)).is_plain is is_plain


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


def test_malformed_lines_are_counted(tmp_path: Path) -> None:
    path = write_file(tmp_path, "things.csv", HEADER.encode() + b'1,a\n\n2\n3,"c\n4,\xff\n5,e\n')
    assert count_malformed(open_file(path, tmp_path, THINGS)) == 3


def drift(folder: Path, header: str, **policies: Policy) -> tuple[str, ...]:
    """The columns of a file with this header, where the contract lets its columns drift so."""
    path = write_file(folder, "things.csv", f"{header}\n1,a,x\n")
    return open_file(path, folder, replace(THINGS, drift=SchemaDrift(**policies))).columns


@pytest.mark.parametrize("policy", ["ignore", "add"])
def test_a_new_column_is_taken_where_the_contract_lets_it(tmp_path: Path, policy: Policy) -> None:
    columns = drift(tmp_path, "thing_id,price,name", unknown_column=policy)
    assert columns == ("thing_id", "price", "name")


@pytest.mark.parametrize("policy", ["ignore", "add"])
@pytest.mark.parametrize(
    "name", ["", "_row_number", "unit price", "price;", "{a}", "(a)", "a=b", "a.b", "a`b", "a\tb", "Colour"]
)
def test_a_name_that_no_column_can_have_is_refused_in_any_case(
    tmp_path: Path, name: str, policy: Policy
) -> None:
    with pytest.raises(LandingError, match="cannot name a new column") as refused:
        drift(tmp_path, f"thing_id,name,{name}", unknown_column=policy)
    assert repr(name) in str(refused.value)


@pytest.mark.parametrize("header", ["thing_id,name,name", "thing_id,name,price,Price"])
def test_a_name_twice_is_refused_whatever_may_drift(tmp_path: Path, header: str) -> None:
    with pytest.raises(LandingError, match="it repeats"):
        drift(tmp_path, header, unknown_column="add", missing_column="ignore")


def test_a_missing_column_is_let_pass_where_the_contract_says_so(tmp_path: Path) -> None:
    assert drift(tmp_path, "name,colour", missing_column="ignore") == ("name", "colour")
    with pytest.raises(LandingError, match="it lacks 'thing_id'"):
        drift(tmp_path, "name,colour", unknown_column="ignore")


def test_a_file_with_no_column_of_its_contract_is_another_file(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match="it lacks 'thing_id', 'name' and does not know 'id', 'title'"):
        drift(tmp_path, "id,title", unknown_column="add", missing_column="ignore")
