"""Judges one physical line of a landed file.

Here lives what makes a line a record, whatever engine reads the file: UTF-8 that Python's strict ``csv`` splits
into as many fields as the header has. Nothing is known here of contracts, or of what becomes of a line.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
FIELD_LIMIT = csv.field_size_limit()
"""Characters that Python's ``csv`` takes for a field."""

PLAIN_WORDS = {
    "unexpected end of data": "has a quotation that does not end",
    "',' expected after '\"'": "has text after a closing quotation mark",
    f"field larger than field limit ({FIELD_LIMIT})": f"has a field of more than {FIELD_LIMIT} characters",
}
"""What Python's ``csv`` says of a line, as a sentence about the line."""


class LineFaultError(ValueError):
    """A line is no record; the message says why, as a sentence about the line."""


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line of a file that is not blank, without its end, after its number in the file from 1.

    Args:
        path: a file; a byte order mark at its start is left out.
    """
    with path.open("rb") as file:
        if file.read(len(BYTE_ORDER_MARK)) != BYTE_ORDER_MARK:
            file.seek(0)
        for number, line in enumerate(file, start=1):
            body = strip_end(line)
            if not is_blank(body):
                yield number, body


def strip_end(line: bytes) -> bytes:
    """A line without the LF or CRLF that ends it."""
    return line.removesuffix(b"\n").removesuffix(b"\r")


def is_blank(body: bytes) -> bool:
    """Whether readers of CSV pass over a line: nothing but carriage returns; a space is a value."""
    return not body.strip(b"\r")


def split_fields(body: bytes) -> list[str]:
    """The fields of a line.

    Raises:
        LineFaultError: the line is not UTF-8 or no CSV.
    """
    try:
        return next(csv.reader([_decode(body)], strict=True))
    except csv.Error as error:
        raise LineFaultError(PLAIN_WORDS.get(str(error), str(error))) from error


def find_fault(body: bytes, columns: int) -> str | None:
    """Why a line is no record of a file with this many columns, as a sentence about the line; None if it is."""
    if body.isascii() and b'"' not in body and b"\r" not in body and len(body) <= FIELD_LIMIT:
        fields = body.count(b",") + 1  # what ``csv`` counts, in a fraction of its time
    else:
        try:
            fields = len(split_fields(body))
        except LineFaultError as fault:
            return str(fault)
    return None if fields == columns else f"has {fields} fields where the header has {columns}"


def _decode(body: bytes) -> str:
    # Some readers end a record at a carriage return, and some keep it as a part of the value.
    if b"\r" in body:
        raise LineFaultError("has a carriage return before its end")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LineFaultError("is not UTF-8") from error
