"""The quarantine for the person who works on it: listing refused rows, and resolving them.

Defines how corrected rows are landed as a new file, through the same path as every other, and how the
originals are resolved by it. How rows get into quarantine is in ``refusals.py``.
"""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.quarantine import quarantine_of
from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.lake import BY_HAND, Lakehouse
from instacart_assets.lakehouse.retry import begin_anew
from instacart_assets.landing.files import check_place
from instacart_assets.quality.quarantine import DISCARDED, OPEN, REPLAYED
from instacart_assets.tables.declare import Table
from instacart_assets.tables.notes import read_held_files
from instacart_assets.tables.refusals import Quarantine


class QuarantineError(RemediableError):
    """A request to the quarantine cannot be fulfilled; the message says why and what can be done."""


@dataclass(frozen=True)
class QuarantineSummary:
    """A quarantine table in numbers.

    Attributes:
        table: address of the table that refused the rows.
        open: number of rows not resolved.
        resolved: number of rows resolved, by a person or a run.
        reasons: open rows by reason, the most frequent first; a row can have several.
    """

    table: str
    open: int
    resolved: int
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class Replay:
    """Corrected rows that were landed.

    Attributes:
        path: the file they were landed as.
        rows: number of rows.
    """

    path: Path
    rows: int


def summarise_quarantine(tables: Sequence[Table], lake: Lakehouse) -> list[QuarantineSummary]:
    """A summary of every published quarantine table, in the order of the tables."""
    return [
        _summarise(table, lake)
        for table in tables
        if table.contract.has_quarantine and lake.find_version(_address(table)) is not None
    ]


def read_quarantine(
    table: Table, lake: Lakehouse, *, reason: str | None = None, with_resolved: bool = False
) -> DataFrame:
    """Refused rows of a table, ordered by file and row number.

    Args:
        table: the table that refused them.
        lake: the lake that holds the quarantine.
        reason: only rows that break this rule.
        with_resolved: include resolved rows.

    Raises:
        QuarantineError: the table refuses nothing, or was never built.
    """
    held = _open(table, lake)
    if not with_resolved:
        held = held.where(F.col("status") == OPEN)
    number = "line_number" if table.contract.landed_columns else "_row_number"
    if reason is not None:
        held = held.where(
            F.col("reason") == reason if number == "line_number" else F.array_contains("reasons", reason)
        )
    return held.orderBy("_source_file", number)


def flatten_rows(held: DataFrame) -> pa.Table:
    """Refused rows in readable form: what landed and why it was refused, without columns that CSV cannot hold."""
    rows: pa.Table = held.drop("reasons", "_source_fingerprint").toArrow()
    empty = [
        name
        for name in rows.column_names
        if name in {"resolution", "resolved_at"} and not rows[name].null_count < rows.num_rows
    ]
    return rows.drop_columns(empty)


def replay_rows(table: Table, corrected: Path, lake: Lakehouse, landing: Path) -> list[Replay]:
    """Land corrected rows as new files of their sources, and resolve the originals.

    The file is named after its content: the same correction landed twice is one file.

    Args:
        table: the table that refused the originals.
        corrected: CSV with ``row_id`` and the source's columns; other columns are ignored.
        lake: the lake that holds the quarantine.
        landing: the landing folder.

    Raises:
        QuarantineError: the file lacks a column, names a row that is not open, a record is malformed, or nothing was
            corrected.
    """
    rows = _read_corrected(corrected, table)

    def replay() -> list[Replay]:
        with lake.hold(table.address, BY_HAND):
            files = _check_open([row["row_id"] for row in rows], table, lake, f"{corrected}: ")
            parts: dict[str, list[dict[str, str]]] = {}
            for row in rows:
                parts.setdefault(_source_of(files[row["row_id"]]), []).append(row)
            contents = {source: _write_content(part, table) for source, part in parts.items()}
            for source, content in contents.items():
                _check_corrected(
                    content, source, {files[row["row_id"]] for row in parts[source]}, lake, corrected
                )
            replays = [
                Replay(_land(source, content, landing), len(parts[source]))
                for source, content in contents.items()
            ]
            _keeper(table, lake).resolve([row["row_id"] for row in rows], REPLAYED)
            return replays

    return begin_anew(replay)


def discard_rows(table: Table, row_ids: Sequence[str], lake: Lakehouse) -> int:
    """Resolve rows for which no correction will be landed.

    Returns:
        Number of rows that were open.

    Raises:
        QuarantineError: a row is not open.
    """

    def discard() -> int:
        with lake.hold(table.address, BY_HAND):
            _check_open(row_ids, table, lake, "")
            _keeper(table, lake).resolve(row_ids, DISCARDED)
            return len(row_ids)

    return begin_anew(discard)


def _address(table: Table) -> str:
    return quarantine_of(table.contract, table.landed).address


def _keeper(table: Table, lake: Lakehouse) -> Quarantine:
    return Quarantine(table.contract, table.landed, lake, BY_HAND)


def _open(table: Table, lake: Lakehouse) -> DataFrame:
    if not table.contract.has_quarantine:
        raise QuarantineError(
            f"{table.address} refuses no rows; ask for a bronze table (lines) or a silver one (rows)"
        )
    if lake.find_version(_address(table)) is None:
        raise QuarantineError(f"{table.address} was never built in {lake.place}; build it: instacart run")
    return lake.read(_address(table))


def _summarise(table: Table, lake: Lakehouse) -> QuarantineSummary:
    held = _open(table, lake)
    counted = {row["status"]: row["count"] for row in held.groupBy("status").count().collect()}
    still_open = held.where(F.col("status") == OPEN)
    reason = F.col("reason") if table.contract.landed_columns else F.explode("reasons").alias("reason")
    counts = still_open.select(reason).groupBy("reason").count().orderBy(F.desc("count"), "reason").collect()
    return QuarantineSummary(
        table.address,
        counted.get(OPEN, 0),
        sum(count for status, count in counted.items() if status != OPEN),
        {row["reason"]: row["count"] for row in counts},
    )


def _read_corrected(path: Path, table: Table) -> list[dict[str, str]]:
    """The records of a corrected file, each checked for completeness."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise QuarantineError(f"{path}: cannot be read ({error}); give a UTF-8 CSV file") from error
    reader = csv.DictReader(StringIO(text, newline=""), strict=True)
    try:
        header = reader.fieldnames or ()
    except csv.Error as error:
        raise QuarantineError(f"{path}: its header is no CSV ({error}); mend it") from error
    needed = ["row_id", *(name for name, optional in _list_columns(table).items() if not optional)]
    missing = [name for name in needed if name not in header]
    if missing:
        raise QuarantineError(
            f"{path}: lacks the column(s) {', '.join(missing)}; begin from: "
            f"instacart quarantine show {table.address} --format csv > corrected.csv"
        )
    rows = list(_check_records(reader, path))
    if not rows:
        raise QuarantineError(f"{path}: holds no rows; leave in it the rows you have corrected")
    return rows


def _check_records(reader: "csv.DictReader[str]", path: Path) -> Iterator[dict[str, str]]:
    seen: set[str] = set()
    try:
        for row in reader:
            if None in row or None in row.values():
                raise QuarantineError(
                    f"{path}: line {reader.line_num}: has not as many fields as the header; mend it"
                )
            if any("\n" in value or "\r" in value for value in row.values()):
                raise QuarantineError(f"{path}: line {reader.line_num}: a field spans lines; mend it")
            if row["row_id"] in seen:
                raise QuarantineError(
                    f"{path}: line {reader.line_num}: row_id {row['row_id']} is there twice; keep one"
                )
            seen.add(row["row_id"])
            yield row
    except csv.Error as error:
        raise QuarantineError(f"{path}: line {reader.line_num}: is no CSV ({error}); mend it") from error


def _list_columns(table: Table) -> dict[str, bool]:
    """Names of the source's columns, and whether a file may lack them."""
    contracts = [table.contract] if table.contract.landed_columns else table.landed.values()
    return {
        column.name: "optional_in_file" in column.tags
        for contract in contracts
        for column in contract.landed_columns
    }


def _source_of(file: str) -> str:
    return PurePosixPath(file).parts[0].removesuffix(".csv")


def _check_corrected(content: bytes, source: str, origins: set[str], lake: Lakehouse, path: Path) -> None:
    """Refuse rows that are as they landed: bronze takes no content twice, and the originals would be resolved for nothing.

    A correction that was landed and not yet recorded, as its process died, is landed again.
    """
    held = {file.fingerprint: name for name, file in read_held_files(lake, f"bronze.{source}").items()}
    same = held.get(hashlib.sha256(content).hexdigest())
    if same is not None and (same != _name_replay(source, content) or same in origins):
        raise QuarantineError(
            f"{path}: its rows are those of {same}, which is ingested: nothing was corrected. A row whose cause lies "
            "elsewhere is accepted by itself once that is mended: instacart run"
        )


def _check_open(row_ids: Sequence[str], table: Table, lake: Lakehouse, where: str) -> dict[str, str]:
    """The landed file of each row, all of which must be open."""
    asked = _open(table, lake).where((F.col("status") == OPEN) & F.col("row_id").isin(list(row_ids)))
    files = {row["row_id"]: row["_source_file"] for row in asked.select("row_id", "_source_file").collect()}
    strange = [row_id for row_id in row_ids if row_id not in files]
    if strange:
        raise QuarantineError(
            f"{where}not open in the quarantine of {table.address}: {', '.join(strange[:3])}"
            f"{' …' if len(strange) > 3 else ''}; see what is: instacart quarantine show {table.address}"  # noqa: PLR2004
        )
    return files


def _write_content(rows: Sequence[Mapping[str, str]], table: Table) -> bytes:
    """The corrected rows as a file of their source."""
    names = [name for name in _list_columns(table) if any(name in row for row in rows)]
    text = StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _name_replay(source: str, content: bytes) -> str:
    return f"{source}/replay-{hashlib.sha256(content).hexdigest()[:12]}.csv"


def _land(source: str, content: bytes, landing: Path) -> Path:
    path = landing / _name_replay(source, content)
    draft = path.with_suffix(".part")
    check_place(draft, landing)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft.write_bytes(content)
    draft.replace(path)
    return path
