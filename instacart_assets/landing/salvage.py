"""Splits a damaged landed file into valid lines to read and malformed lines to keep.

Contains the slow path, line by line and used only where necessary. Valid lines go to a CSV file that every engine
reads alike, each prefixed with its record number in the landed file; malformed lines go to a Parquet file with the
reason. Both stay in a temporary folder for the life of the process: how they are used is decided elsewhere, and the
landed file is not changed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from instacart_assets.landing.files import LandedFile, LandingError, identify
from instacart_assets.landing.lines import find_fault, read_lines

BATCH_BYTES = 1 << 22
LINE_OVERHEAD = 256
"""Approximate memory in bytes that a malformed line takes beside its text."""

LINES_SCHEMA = pa.schema(
    [
        ("_source_file", pa.string()),
        ("line_number", pa.int64()),
        ("text", pa.string()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class MalformedLine:
    r"""A malformed line of a landed file.

    Attributes:
        number: its line number in the file, from 1, counting the header and blank lines.
        text: its text without line end; a byte that is not valid UTF-8 is written as ``\xe9``.
        reason: why it is malformed, as a sentence about the line.
    """

    number: int
    text: str
    reason: str


@dataclass(frozen=True)
class Salvage:
    """The valid lines of a damaged file, recovered, and its malformed lines.

    Attributes:
        records: CSV file of the valid lines; its first column is each record's number in the landed file.
        lines: Parquet file of the malformed lines, in ``LINES_SCHEMA``.
        malformed: how many lines are malformed.
    """

    records: Path
    lines: Path
    malformed: int


def salvage_file(file: LandedFile, scratch: Path | None = None) -> Salvage:
    """Split a landed file into records and malformed lines; an unchanged file is not split again.

    Args:
        file: the file.
        scratch: folder below which the parts are written; None for this machine's temporary folder.

    Raises:
        LandingError: there is no disk space for the parts.
    """
    return _salvage_file(file, scratch, *identify(file.path))


@lru_cache(maxsize=4096)
def _salvage_file(file: LandedFile, scratch: Path | None, *_identity: int) -> Salvage:
    folder = Path(mkdtemp(dir=_keep_folder(scratch).name))
    records, lines = folder / "records.csv", folder / "lines.parquet"
    malformed = 0
    try:
        with (
            records.open("wb") as kept,
            lines.open("wb") as target,
            pq.ParquetWriter(target, LINES_SCHEMA) as isolated,
        ):
            for batch in _batch(_sift(file, kept)):
                isolated.write_table(_tabulate(file, batch))
                malformed += len(batch)
    except OSError as error:
        raise LandingError(
            f"{file.path}: its malformed lines cannot be set apart in {folder} ({error.strerror or error}); "
            "make room there, or set TMPDIR to a folder that has it"
        ) from error
    return Salvage(records, lines, malformed)


def _sift(file: LandedFile, kept: BinaryIO) -> Iterator[MalformedLine]:
    """Each malformed line; the others are written to ``kept`` on the way."""
    lines = read_lines(file.path)
    _, header = next(lines)
    kept.write(b"_row_number,%b\n" % header)
    columns = len(file.columns)
    for record, (number, body) in enumerate(lines, start=1):
        reason = find_fault(body, columns)
        if reason is None:
            kept.write(b"%d,%b\n" % (record, body))
        else:
            yield MalformedLine(number, body.decode("utf-8", "backslashreplace"), reason)


def _batch(lines: Iterable[MalformedLine]) -> Iterator[list[MalformedLine]]:
    """The lines in batches that fit into memory."""
    batch: list[MalformedLine] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line.text) + LINE_OVERHEAD
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _tabulate(file: LandedFile, lines: list[MalformedLine]) -> pa.Table:
    columns = (
        [file.name] * len(lines),
        [line.number for line in lines],
        [line.text for line in lines],
        [line.reason for line in lines],
    )
    return pa.Table.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, LINES_SCHEMA, strict=True)],
        schema=LINES_SCHEMA,
    )


@cache
def _keep_folder(scratch: Path | None) -> TemporaryDirectory[str]:
    """A folder that lives as long as the process."""
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True)
    return TemporaryDirectory(prefix="landing-", dir=scratch)
