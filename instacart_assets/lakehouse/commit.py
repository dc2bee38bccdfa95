"""Plain Parquet files to one Delta commit.

Contains how files that the engine wrote become a table's new version: their statistics, read from the
Parquet footers, and the transaction. Which files and when, ``lake.py`` decides.
"""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Field, PostCommitHookProperties, Schema
from deltalake.exceptions import CommitFailedError
from deltalake.schema import ArrayType, PrimitiveType
from deltalake.transaction import AddAction, create_table_with_add_actions

from instacart_assets.contracts.model import ColumnType, Contract

DELTA_TYPES: dict[ColumnType, PrimitiveType | ArrayType] = {
    "boolean": PrimitiveType("boolean"),
    "int": PrimitiveType("integer"),
    "bigint": PrimitiveType("long"),
    "double": PrimitiveType("double"),
    "string": PrimitiveType("string"),
    "date": PrimitiveType("date"),
    "timestamp": PrimitiveType("timestamp"),
    "array<string>": ArrayType(PrimitiveType("string"), contains_null=True),
}

MILLISECONDS = 1000

KEEP_LOG = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
"""Leaves checkpoints and log cleanup to maintenance, which knows how far back time travel must reach."""


def commit_files(
    root: Path,
    base: DeltaTable | None,
    contract: Contract,
    files: list[Path],
    notes: Mapping[str, str],
    *,
    is_appended: bool = False,
) -> int:
    """Make ``files`` the whole content of the table at ``root``, or append them, in one commit.

    Args:
        root: folder of the table.
        base: handle on the version that the new one replaces, taken before the work began; None if the
            table did not exist.
        contract: defines schema and comments.
        files: Parquet files below ``root``.
        notes: stored in the commit's metadata.
        is_appended: whether the table keeps its existing files.

    Returns:
        The version the commit created.

    Raises:
        CommitFailedError: another writer published since ``base`` was taken.
    """
    actions = [_describe_file(file, root) for file in files]
    properties = CommitProperties(custom_metadata=dict(notes))
    schema = delta_schema(contract)
    if base is None:
        if DeltaTable.is_deltatable(str(root)):
            raise CommitFailedError(f"{contract.address}: another run published its first version meanwhile")
        create_table_with_add_actions(
            str(root),
            schema,
            actions,
            name=contract.address,
            description=contract.description,
            commit_properties=properties,
        )
    else:
        mode: Literal["append", "overwrite"] = "append" if is_appended else "overwrite"
        base.create_write_transaction(
            [*actions],
            mode=mode,
            schema=schema,
            commit_properties=properties,
            post_commithook_properties=KEEP_LOG,
        )
    return DeltaTable(root).version()


def spell_lists(files: list[Path]) -> None:
    """Rewrite Parquet files with the name that Delta gives to list elements.

    The embedded engine writes ``item``, and cannot read elements of that name in a Delta table.
    """
    for file in files:
        draft = file.with_suffix(".draft")
        source = pq.ParquetFile(file)
        with pq.ParquetWriter(draft, source.schema_arrow, use_compliant_nested_type=True) as writer:
            for batch in source.iter_batches():
                writer.write_batch(batch)
        draft.replace(file)


def delta_schema(contract: Contract) -> Schema:
    """The table's schema in Delta, with nullability and comments as the contract states them."""
    return Schema(
        [
            Field(
                column.name,
                DELTA_TYPES[column.type],
                nullable=not column.required,
                metadata={"comment": column.description},
            )
            for column in contract.columns
        ]
    )


def _describe_file(file: Path, root: Path) -> AddAction:
    status = file.stat()
    return AddAction(
        path=file.relative_to(root).as_posix(),
        size=status.st_size,
        partition_values={},
        modification_time=int(status.st_mtime * MILLISECONDS),
        data_change=True,
        stats=json.dumps(_read_statistics(pq.read_metadata(file))),
    )


def _read_statistics(footer: pq.FileMetaData) -> dict[str, Any]:
    """Delta's statistics of one file: rows, and per column the minimum, the maximum and the nulls."""
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    least: dict[str, Any] = {}
    greatest: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for index in range(footer.num_columns):
        chunks = [group.column(index).statistics for group in groups]
        if not chunks or any(chunk is None or not chunk.has_null_count for chunk in chunks):
            continue
        if footer.schema.column(index).max_repetition_level:  # Delta has none for array elements
            continue
        name = footer.schema.column(index).path
        nulls[name] = sum(chunk.null_count for chunk in chunks)
        bounds = list(_read_bounds(chunks))
        if bounds:
            least[name] = _to_json(min(low for low, _ in bounds))
            greatest[name] = _to_json(max(high for _, high in bounds))
    return {"numRecords": footer.num_rows, "minValues": least, "maxValues": greatest, "nullCount": nulls}


def _read_bounds(chunks: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Minimum and maximum of each chunk that has values; nothing if any of those has no bounds."""
    filled = [chunk for chunk in chunks if chunk.num_values]
    if all(chunk.has_min_max and _is_bounded(chunk.min) and _is_bounded(chunk.max) for chunk in filled):
        yield from ((chunk.min, chunk.max) for chunk in filled)


def _is_bounded(value: Any) -> bool:
    # Delta stores timestamp bounds in milliseconds, and a truncated bound would no longer be one.
    if isinstance(value, float):
        return math.isfinite(value)  # JSON cannot express the others
    return isinstance(value, int | str | date) and not isinstance(value, datetime)


def _to_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
