"""One physical line: a record, or why it is none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instacart_assets.landing.lines import (
    FIELD_LIMIT,
    LineFaultError,
    find_fault,
    read_lines,
    split_fields,
)
from instacart_assets_tests.landing_files import write_file


@pytest.mark.parametrize(
    "body",
    [
        b"1,a",
        b",",
        b'"",""',
        b'1,"Apple, red"',
        b'2,"Easy Grab 9\\""x13\\"" Oblong"',
        b'3,9\\" Pan',
        b"4,'x",
        "5,crème 🍎".encode(),
        b"6,x\x00y",
        b"7,x\x0by",
        "8,x\u2028y".encode(),
        b"9," + b"x" * FIELD_LIMIT,
    ],
)
def test_a_line_of_two_fields_is_a_record(body: bytes) -> None:
    assert find_fault(body, 2) is None
    assert len(split_fields(body)) == 2


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"1", "has 1 fields where the header has 2"),
        (b"1,a,", "has 3 fields where the header has 2"),
        (b'1,"a,b",c', "has 3 fields where the header has 2"),
        (b"  ", "has 1 fields where the header has 2"),
        (b"\x00\x00", "has 1 fields where the header has 2"),
        (b"1,caf\xe9", "is not UTF-8"),
        (b"1,\xc3", "is not UTF-8"),
        (b"1,\xed\xa0\x80", "is not UTF-8"),
        (b'1,"a', "has a quotation that does not end"),
        (b'1,"a"b', "has text after a closing quotation mark"),
        (b"1,a\rb", "has a carriage return before its end"),
        (b'1,"a\rb"', "has a carriage return before its end"),
        (b"1," + b"x" * (FIELD_LIMIT + 1), f"has a field of more than {FIELD_LIMIT} characters"),
    ],
)
def test_a_malformed_line_says_why(body: bytes, fault: str) -> None:
    assert find_fault(body, 2) == fault


@given(st.text(st.sampled_from('a,"\\ é\x00\r'), max_size=12))
def test_a_line_has_a_fault_just_where_it_does_not_split_into_the_columns(text: str) -> None:
    body = text.encode()
    try:
        fields = len(split_fields(body)) if body else 0
    except LineFaultError:
        fields = 0
    assert (find_fault(body, 2) is None) == (fields == 2)


def test_lines_keep_their_place_in_the_file_and_lose_their_ends(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf\r\nid,name\r\n\n1,a\n\r\r\n \n2,b"
    path = write_file(tmp_path, "things.csv", content)
    assert list(read_lines(path)) == [(2, b"id,name"), (4, b"1,a"), (6, b" "), (7, b"2,b")]
