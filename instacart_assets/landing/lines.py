"""Judges one physical line of a landed file.

Defines what makes a line a record, whatever engine reads the file: UTF-8 that Python's strict ``csv`` splits
into as many fields as the header has. This module knows neither contracts nor what happens to a line.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
FIELD_LIMIT = csv.field_size_limit()
"""The longest field, in characters, that Python's ``csv`` accepts."""

PLAIN_WORDS = {
    "unexpected end of data": "has a quotation that does not end",
    "',' expected after '\"'": "has text after a closing quotation mark",
    f"field larger than field limit ({FIELD_LIMIT})": f"has a field of more than {FIELD_LIMIT} characters",
}
"""Error messages of Python's ``csv``, each as a sentence about the line."""


class LineFaultError(ValueError):
    """A line is malformed; the message says why, as a sentence about the line."""


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The number, counted from 1, and the text without line end of each non-blank line of a file.

    Args:
        path: a file; a byte order mark at its start is skipped.
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
    """Whether CSV readers skip a line: it holds nothing but carriage returns; a space is a value."""
    return not body.strip(b"\r")


def split_fields(body: bytes) -> list[str]:
    """The fields of a line.

    Raises:
        LineFaultError: the line is not UTF-8 or not CSV.
    """
    try:
        return next(csv.reader([_decode(body)], strict=True))
    except csv.Error as error:
        raise LineFaultError(PLAIN_WORDS.get(str(error), str(error))) from error


def find_fault(body: bytes, columns: int) -> str | None:
    """Why a line is malformed in a file with this many columns, as a sentence about the line; None if it is not."""
    if body.isascii() and b'"' not in body and b"\r" not in body and len(body) <= FIELD_LIMIT:
        fields = body.count(b",") + 1  # what ``csv`` counts, in a fraction of its time
    else:
        try:
            fields = len(split_fields(body))
        except LineFaultError as fault:
            return str(fault)
    return None if fields == columns else f"has {fields} fields where the header has {columns}"


def _decode(body: bytes) -> str:
    # Some readers end a record at a carriage return, others keep it in the value.
    if b"\r" in body:
        raise LineFaultError("has a carriage return before its end")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LineFaultError("is not UTF-8") from error
