"""Inspects landed files before anything relies on them.

Defines what can be found out about a landed file without an engine: whether it exists, whether its header
matches its contract, how many records it holds, its fingerprint, and whether every CSV reader parses its lines the
same way. A record is a physical line that is not blank; a field never spans lines. Nothing is written here.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from instacart_assets.contracts.model import Contract
from instacart_assets.errors import RemediableError
from instacart_assets.landing.inside import find_intrusion
from instacart_assets.landing.lines import (
    BYTE_ORDER_MARK,
    LineFaultError,
    find_fault,
    is_blank,
    read_lines,
    split_fields,
    strip_end,
)

BLOCK_BYTES = 1 << 22
HEADER_LIMIT = 1 << 16
LINE_WINDOW = 1 << 16
"""A line longer than two windows, which may hold a field longer than ``csv`` accepts, fills one of them."""

DOWNLOAD_HINT = "land the files first: instacart land PATH, or make some: instacart generate"
ARCHIVE_SIGNATURES = {b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "a gzip archive"}

UNUSABLE_NAME = re.compile(r"^$|^_|[\x00-\x20,;{}()=.`]")
"""Names that a column of a table cannot have, or that are reserved for the product's own columns."""


class LandingError(RemediableError):
    """Landed files do not match their contracts; the message lists every fault with its file."""


@dataclass(frozen=True)
class LandedFile:
    """A landed file whose header was read.

    Attributes:
        path: where it lies.
        name: its path below the landing folder, as bronze tables record it.
        columns: names in the header, in file order.
    """

    path: Path
    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class FileContent:
    """What one pass over a landed file's bytes finds.

    Attributes:
        fingerprint: SHA-256 of the bytes, in hexadecimal.
        records: lines that are not blank, including malformed ones, excluding the header.
        has_quotes: whether there is any quotation mark.
        is_plain: whether readers agree on its characters and line ends: it is valid UTF-8, with no carriage return
            except before a line feed, and no overlong line.
    """

    fingerprint: str
    records: int
    has_quotes: bool
    is_plain: bool


def survey(
    landing: Path, contracts: Iterable[Contract], held: Collection[str] = ()
) -> dict[str, tuple[LandedFile, ...]]:
    """The landed files of each bronze contract, with their headers verified.

    Malformed lines below the header are not faults here: they are isolated when the file is read.

    Args:
        landing: the landing folder.
        contracts: bronze contracts; each names its source ``<name>.csv`` or folder ``<name>/``.
        held: addresses of contracts whose table already holds files, so that none needs to be in the landing folder.

    Returns:
        Files by the contract's address, ordered by name; none for an optional source that is absent.

    Raises:
        LandingError: with every fault found: a file that is missing, empty, unreadable or not text, that holds
            no record, whose columns the contract refuses, or that leads out of the landing folder.
    """
    found: dict[str, tuple[LandedFile, ...]] = {}
    faults: list[str] = []
    for contract in contracts:
        files: list[LandedFile] = []
        paths = find_paths(landing, contract.name)
        if not paths and not contract.is_optional and contract.address not in held:
            faults.append(
                f"{landing / contract.name}.csv: no such file, nor a folder {contract.name}/ of CSV files, "
                f"with columns {_spell(contract)}"
            )
        for path in paths:
            try:
                files.append(open_file(path, landing, contract))
            except LandingError as fault:
                faults.append(str(fault))
        found[contract.address] = tuple(files)
    if faults:
        is_any_missing = any("no such file" in fault for fault in faults)
        raise LandingError("\n".join([*faults, *([DOWNLOAD_HINT] if is_any_missing else [])]))
    return found


def find_paths(landing: Path, source: str) -> list[Path]:
    """The files ``<source>.csv`` and ``<source>/*.csv`` that exist, in that order and by name.

    A folder that leads out of the landing folder is not opened; the folder itself is listed in place of its files.
    """
    single, folder = landing / f"{source}.csv", landing / source
    parts = [folder] if find_intrusion(folder, landing) else _list_parts(folder)
    return [path for path in (single, *parts) if path.exists()]


def _list_parts(folder: Path) -> list[Path]:
    # As ``instacart land`` takes them, whose names some systems write in capitals.
    return sorted(path for path in folder.glob("*") if path.suffix.lower() == ".csv")


def check_place(path: Path, landing: Path) -> None:
    """Refuse a path that is not inside the landing folder, before anything is read or written there.

    Raises:
        LandingError: the path is or passes through a link out of the folder, or is a pipe, a device or a socket.
    """
    intrusion = find_intrusion(path, landing)
    if intrusion:
        raise LandingError(
            f"{path}: {intrusion}; only files that lie in the landing folder are landed; "
            "remove it, and put a copy of the file in its place"
        )


def open_file(path: Path, landing: Path, contract: Contract) -> LandedFile:
    """A landed file whose header is verified against the contract, columns in any order.

    Raises:
        LandingError: the file is not inside the landing folder, is empty, unreadable or without a record, or its
            header is refused.
    """
    check_place(path, landing)
    header, *records = _read_first_lines(path, contract)
    columns = _split_header(path, header, contract)
    _check_header(path, columns, contract)
    if not any(body.strip() for body in records) and not contract.is_optional:
        raise LandingError(f"{path}: holds a header and no records; {_say_expected(contract)}; land it again")
    return LandedFile(path, path.relative_to(landing).as_posix(), columns)


def is_trusted(file: LandedFile) -> bool:
    """Whether every CSV reader splits a file's text alike, as far as a cheap check can tell.

    Lines with a wrong number of fields and no quotation marks are not searched for: every reader detects them.
    """
    content = read_content(file.path)
    return content.is_plain and not (
        content.has_quotes and _has_misquoted_line(file.path, len(file.columns), *identify(file.path))
    )


@lru_cache(maxsize=4096)
def _has_misquoted_line(path: Path, columns: int, *_identity: int) -> bool:
    return any(b'"' in body and find_fault(body, columns) for _, body in read_lines(path))


def count_malformed(file: LandedFile) -> int:
    """Number of malformed lines below the header."""
    lines = read_lines(file.path)
    next(lines)
    return sum(1 for _, body in lines if find_fault(body, len(file.columns)))


def read_content(path: Path) -> FileContent:
    """Fingerprint, record count and plainness of a landed file, in one pass; an unchanged file is not read again."""
    return _read_content(path, *identify(path))


def fingerprint_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; an unchanged file is not read again."""
    return _fingerprint_file(path, *identify(path))


@lru_cache(maxsize=4096)
def _fingerprint_file(path: Path, *_identity: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def identify(path: Path) -> tuple[int, int, int]:
    """What changes when a file does: the cache key for what this process has found out about a file."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


@lru_cache(maxsize=4096)
def _read_content(path: Path, *_identity: int) -> FileContent:
    digest = hashlib.sha256()
    lines = 0
    has_quotes = False
    is_plain = True
    with path.open("rb") as file:
        if file.read(len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK:
            digest.update(BYTE_ORDER_MARK)
        else:
            file.seek(0)
        # Blocks of whole lines, so that no character, line end or blank line is split.
        while block := file.read(BLOCK_BYTES) + file.readline():
            digest.update(block)
            lines += _count_lines(block)
            has_quotes = has_quotes or b'"' in block
            is_plain = is_plain and _is_plain(block)
    return FileContent(digest.hexdigest(), max(lines - 1, 0), has_quotes, is_plain)


def _count_lines(block: bytes) -> int:
    """Lines of the block that are not blank."""
    text = block.replace(b"\r", b"")
    if b"\n\n" in text or text.startswith(b"\n"):
        return sum(1 for line in text.split(b"\n") if line)
    return text.count(b"\n") + (text != b"" and not text.endswith(b"\n"))


def _is_plain(block: bytes) -> bool:
    if block.count(b"\r") != block.count(b"\r\n"):
        return False
    windows = range(0, len(block) - LINE_WINDOW + 1, LINE_WINDOW)
    if any(block.find(b"\n", start, start + LINE_WINDOW) < 0 for start in windows):
        return False
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _read_first_lines(path: Path, contract: Contract) -> list[bytes]:
    """The header and the first lines after it, up to ``HEADER_LIMIT`` bytes; blank lines are skipped."""
    start = _read_start(path, contract)
    lines = [body for line in start.split(b"\n") if not is_blank(body := strip_end(line))]
    if len(lines) == 1 and len(start) >= HEADER_LIMIT:
        raise LandingError(
            f"{path}: its header does not end within {HEADER_LIMIT} bytes; {_say_expected(contract)}; "
            "mend the header and land the file again"
        )
    return lines


def _split_header(path: Path, header: bytes, contract: Contract) -> tuple[str, ...]:
    try:
        return tuple(split_fields(header))
    except LineFaultError as fault:
        raise LandingError(
            f"{path}: its header {fault}: {_show(header)}; {_say_expected(contract)}; "
            "save the file as CSV in UTF-8 and land it again"
        ) from fault


def _read_start(path: Path, contract: Contract) -> bytes:
    """The first bytes of a file, if they can be those of a CSV file."""
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
    text = start.removeprefix(BYTE_ORDER_MARK)
    if not text.strip():
        raise LandingError(f"{path}: is empty; {_say_expected(contract)}; land it again")
    return text


def _check_header(path: Path, columns: tuple[str, ...], contract: Contract) -> None:
    known = contract.landed_columns
    missing = find_missing(columns, contract)
    unknown = find_unknown(columns, contract)
    taken = {column.name.lower() for column in known}
    unusable = [name for name in unknown if UNUSABLE_NAME.search(name) or name.lower() in taken]
    lower = [name.lower() for name in columns]
    twice = sorted({name for name in columns if lower.count(name.lower()) > 1})
    # A file without a single column of its contract is a wrong file, whatever drift is allowed.
    is_foreign = len(unknown) == len(columns)
    may_lack = contract.drift.missing_column != "refuse" and not is_foreign
    may_extend = contract.drift.unknown_column != "refuse" and not is_foreign
    faults = [
        f"{what} {', '.join(repr(name) for name in names)}"
        for what, names in (
            ("lacks", [] if may_lack else missing),
            ("does not know", [] if may_extend else unknown),
            ("cannot name a new column", unusable if may_extend else []),
            ("repeats", twice),
        )
        if names
    ]
    if faults:
        separators = [mark for mark in ";\t|" if mark in ",".join(columns)]
        hint = f" (is it separated by {separators[0]!r}?)" if separators else ""
        raise LandingError(
            f"{path}: wrong header{hint}: {_say_expected(contract)}, in any order; "
            f"it {' and '.join(faults)}; mend the header and land the file again"
        )


def find_unknown(columns: Iterable[str], contract: Contract) -> tuple[str, ...]:
    """Column names in a header that are not in the contract, in order."""
    known = {column.name for column in contract.landed_columns}
    return tuple(name for name in columns if name not in known)


def find_missing(columns: Iterable[str], contract: Contract) -> tuple[str, ...]:
    """Column names that the contract requires and a header lacks, in order."""
    found = frozenset(columns)
    return tuple(
        column.name
        for column in contract.landed_columns
        if column.name not in found and "optional_in_file" not in column.tags
    )


def _say_expected(contract: Contract) -> str:
    return f"expected the columns {_spell(contract)}"


def _spell(contract: Contract) -> str:
    names: Iterator[str] = (
        f"[{column.name}]" if "optional_in_file" in column.tags else column.name
        for column in contract.landed_columns
    )
    return ", ".join(names)


def _show(body: bytes, limit: int = 120) -> str:
    text = body.decode("utf-8", "backslashreplace")
    return text if len(text) <= limit else text[:limit] + "…"
