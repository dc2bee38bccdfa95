"""Looks at landed files before anything trusts them.

Here lives what can be said of a landed file without an engine: that it is there, that it is text with the
columns its contract names, how many records it holds and what its fingerprint is. A record is a physical line
that is not blank; a field never spans lines. Nothing is written here.
"""

import codecs
import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from instacart_assets.contracts.model import Contract
from instacart_assets.errors import RemediableError

BLOCK_BYTES = 1 << 22
HEADER_LIMIT = 1 << 16
DOWNLOAD_HINT = "land the files first: instacart land PATH, or make some: instacart generate"
ARCHIVE_SIGNATURES = {b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "a gzip archive"}


class LandingError(RemediableError):
    """Landed files are not what their contracts name; the message lists every fault with its file."""


@dataclass(frozen=True)
class LandedFile:
    """A landed file whose header was read.

    Attributes:
        path: where it lies.
        name: its path below the landing folder, as bronze tables record it.
        columns: names in the header, in the order of the file.
    """

    path: Path
    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class FileContent:
    """What one pass over a landed file's bytes says.

    Attributes:
        fingerprint: SHA-256 of the bytes, in hexadecimal.
        records: lines that are not blank, the header not counted.
        has_quotes: whether there is any quotation mark.
    """

    fingerprint: str
    records: int
    has_quotes: bool


def survey(landing: Path, contracts: Iterable[Contract]) -> dict[str, tuple[LandedFile, ...]]:
    """The landed files of each bronze contract, with headers, encoding and quotation verified.

    Args:
        landing: the landing folder.
        contracts: bronze contracts; each names its source ``<name>.csv`` or folder ``<name>/``.

    Returns:
        Files by the contract's address, ordered by name; none for an optional source that is absent.

    Raises:
        LandingError: with every fault found: a file that is missing, empty, not readable or not UTF-8, whose
            header is not the contract's, or that quotes a field so that readers differ.
    """
    found: dict[str, tuple[LandedFile, ...]] = {}
    faults: list[str] = []
    for contract in contracts:
        files: list[LandedFile] = []
        paths = find_paths(landing, contract.name)
        if not paths and not contract.is_optional:
            faults.append(
                f"{landing / contract.name}.csv: no such file, nor a folder {contract.name}/ of CSV files, "
                f"with columns {_spell(contract)}"
            )
        for path in paths:
            try:
                files.append(_verify_file(path, landing, contract))
            except LandingError as fault:
                faults.append(str(fault))
        found[contract.address] = tuple(files)
    if faults:
        is_any_missing = any("no such file" in fault for fault in faults)
        raise LandingError("\n".join([*faults, *([DOWNLOAD_HINT] if is_any_missing else [])]))
    return found


def _verify_file(path: Path, landing: Path, contract: Contract) -> LandedFile:
    file = open_file(path, landing, contract)
    if read_content(path).has_quotes:
        broken = _find_misquoted_record(path, len(file.columns), *_identify(path))
        if broken is not None:
            raise LandingError(broken)
    return file


@lru_cache(maxsize=4096)
def _find_misquoted_record(path: Path, columns: int, *_identity: int) -> str | None:
    return find_broken_record(path, columns, is_quoted=True)


def find_paths(landing: Path, source: str) -> list[Path]:
    """The files ``<source>.csv`` and ``<source>/*.csv`` that exist, in that order and by name."""
    single = landing / f"{source}.csv"
    return [path for path in (single, *sorted((landing / source).glob("*.csv"))) if path.exists()]


def open_file(path: Path, landing: Path, contract: Contract) -> LandedFile:
    """A landed file, once its header proves to be the contract's in any order.

    Raises:
        LandingError: the file is empty, not readable, or its header is another.
    """
    lines = _read_first_lines(path, contract)
    columns = tuple(next(csv.reader([lines[0]]), []))
    _check_header(path, columns, contract)
    if len(lines) == 1 and not contract.is_optional:
        raise LandingError(f"{path}: holds a header and no records; {_say_expected(contract)}; land it again")
    return LandedFile(path, path.relative_to(landing).as_posix(), columns)


def read_content(path: Path) -> FileContent:
    """Fingerprint and count of a landed file, in one pass; a file that has not changed since is not read again.

    Raises:
        LandingError: the bytes are not UTF-8; the message names the line.
    """
    return _read_content(path, *_identify(path))


def _identify(path: Path) -> tuple[int, int, int]:
    """What changes when a file does: what was found out about a file is kept under it for the life of the process."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


@lru_cache(maxsize=4096)
def _read_content(path: Path, *_identity: int) -> FileContent:
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = 0
    is_blank = True
    has_quotes = False
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            has_quotes = has_quotes or b'"' in block
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                raise LandingError(_say_not_utf8(path)) from error
            found, is_blank = _count_lines(block, is_blank)
            lines += found
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:  # the file ends within a letter
        raise LandingError(_say_not_utf8(path)) from error
    return FileContent(digest.hexdigest(), max(lines + (not is_blank) - 1, 0), has_quotes)


def find_broken_record(path: Path, columns: int, *, is_quoted: bool = False) -> str | None:
    """The first record that no reader of CSV can split into ``columns`` fields, as a sentence; None if all can.

    Args:
        path: a landed file.
        columns: fields of its header.
        is_quoted: look only at records with a quotation mark, in which readers differ without a word: one joins
            what follows a closing quote to the field, one takes the next lines into an open one.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = _show(line)
            if not text or (is_quoted and '"' not in text):
                continue
            try:
                fields = len(next(csv.reader([text], strict=True)))
            except csv.Error as error:
                return (
                    f"{path}: line {number}: {error}: {_shorten(text)}; mend the line and land the file again"
                )
            if fields != columns:
                return (
                    f"{path}: line {number}: has {fields} fields where the header has {columns}: "
                    f"{_shorten(text)}; mend the line and land the file again"
                )
    return None


def _read_first_lines(path: Path, contract: Contract) -> list[str]:
    try:
        with path.open("rb") as file:
            start = file.read(HEADER_LIMIT)
    except OSError as error:
        raise LandingError(
            f"{path}: cannot be read ({error.strerror}); {_say_expected(contract)}; make it a readable file"
        ) from error
    if b"\r" in start and b"\n" not in start:
        raise LandingError(
            f"{path}: its lines end in a carriage return alone; save it with LF and land it again"
        )
    for signature, kind in ARCHIVE_SIGNATURES.items():
        if start.startswith(signature):
            raise LandingError(f"{path}: is {kind}, no CSV file; unpack it and land what it holds")
    try:
        # Not final: what was read may end within a letter.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(start)
    except UnicodeDecodeError as error:
        raise LandingError(_say_not_utf8(path)) from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise LandingError(f"{path}: is empty; {_say_expected(contract)}; land it again")
    return lines


def _check_header(path: Path, columns: tuple[str, ...], contract: Contract) -> None:
    known = {column.name: column for column in contract.landed_columns}
    missing = [
        name
        for name, column in known.items()
        if name not in columns and "optional_in_file" not in column.tags
    ]
    unknown = [name for name in columns if name not in known]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    faults = [
        f"{what} {', '.join(repr(name) for name in names)}"
        for what, names in (("lacks", missing), ("does not know", unknown), ("repeats", twice))
        if names
    ]
    if faults:
        separators = [mark for mark in ";\t|" if mark in ",".join(columns)]
        hint = f" (is it separated by {separators[0]!r}?)" if separators else ""
        raise LandingError(
            f"{path}: wrong header{hint}: {_say_expected(contract)}, in any order; "
            f"it {' and '.join(faults)}; mend the header and land the file again"
        )


def _count_lines(block: bytes, is_blank: bool) -> tuple[int, bool]:
    """Lines that end in the block and are not blank, and whether what follows its last line end is blank so far."""
    pieces = block.replace(b"\r", b"").split(b"\n")
    if len(pieces) == 1:
        return 0, is_blank and not pieces[0]
    ended = sum(1 for piece in pieces[1:-1] if piece) + (1 if pieces[0] or not is_blank else 0)
    return ended, not pieces[-1]


def _say_not_utf8(path: Path) -> str:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return (
                    f"{path}: line {number}: is not UTF-8: {_shorten(_show(line))}; "
                    "save the file as UTF-8 and land it again"
                )
    return f"{path}: is not UTF-8; save the file as UTF-8 and land it again"


def _say_expected(contract: Contract) -> str:
    return f"expected the columns {_spell(contract)}"


def _spell(contract: Contract) -> str:
    names: Iterator[str] = (
        f"[{column.name}]" if "optional_in_file" in column.tags else column.name
        for column in contract.landed_columns
    )
    return ", ".join(names)


def _show(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")


def _shorten(text: str, limit: int = 120) -> str:
    return text if len(text) <= limit else text[:limit] + "…"
