"""Refused rows and lines as the quarantine keeps them, and how their status changes over runs.

Contains pure functions from rows to rows: what is refused now, joined with what was refused before. Reading
and publishing the quarantine's tables is done in ``tables/refusals.py``; their contracts are in
``contracts/quarantine.py``.

A refused row is open until it is resolved: ``replayed`` when somebody landed a corrected row for it,
``discarded`` when somebody decided that none is needed, ``accepted`` when it now passes, ``superseded`` when a
later file has another row for its key, ``withdrawn`` when its file no longer holds it. Nothing is ever removed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN, REASONS

OPEN, RESOLVED = "open", "resolved"
REPLAYED, DISCARDED = "replayed", "discarded"
"""Resolutions by a person; such a row stays resolved however often it is refused again."""
ACCEPTED, SUPERSEDED, WITHDRAWN = "accepted", "superseded", "withdrawn"
"""Resolutions that a run makes by itself."""
WHY = ("reasons", "reasons_text", "reason")
"""Columns that say why a row or a line was refused."""


def describe_rows(refused: DataFrame, landed: Mapping[str, DataFrame]) -> DataFrame:
    """Refused rows as they landed, with the rules they break.

    Args:
        refused: origins and reasons of refused rows.
        landed: the bronze rows they came from, by address; a column that only some tables have is null for the others.
    """
    raw = reduce(lambda one, two: one.unionByName(two, allowMissingColumns=True), landed.values())
    broken = refused.select(*ORIGIN, F.col(REASONS).alias("reasons"))
    return (
        raw.drop("_ingested_at")
        .join(broken, [*ORIGIN])
        .withColumn("reasons_text", F.concat_ws(", ", "reasons"))
        .withColumn("row_id", identify("_row_number"))
    )


def describe_lines(lines: DataFrame) -> DataFrame:
    """Malformed lines of landed files, with their identifiers."""
    return lines.withColumn("row_id", identify("line_number"))


def identify(number: str) -> Column:
    """The identifier of a refused row: always the same for the same file, content and number."""
    return F.sha2(F.concat_ws("\n", "_source_file", "_source_fingerprint", F.col(number).cast("string")), 256)


def add_found(known: DataFrame, found: DataFrame, run_id: str, now: datetime) -> DataFrame:
    """Rows that were refused before, and those refused now.

    A row that is refused again keeps its history and gets its current reasons; one that was resolved is reopened,
    unless a person resolved it.
    """
    why = [name for name in WHY if name in found.columns]
    now_found = found.select(
        "row_id", *(F.col(name).alias(f"_{name}") for name in why), F.lit(True).alias("_again")
    )
    again = known.join(now_found, "row_id", "left")
    reopens = F.col("_again") & (F.col("status") == RESOLVED) & ~is_settled()
    is_back = F.coalesce(reopens, F.lit(False))
    kept = again.withColumns(
        {
            "status": F.when(is_back, F.lit(OPEN)).otherwise(F.col("status")),
            "resolution": F.when(~is_back, F.col("resolution")),
            "resolved_at": F.when(~is_back, F.col("resolved_at")),
            **{name: F.coalesce(f"_{name}", name) for name in why},
        }
    ).select(*known.columns)
    new = found.join(known.select("row_id"), "row_id", "left_anti").withColumns(
        {
            "status": F.lit(OPEN),
            "resolution": F.lit(None).cast("string"),
            "quarantined_at": F.lit(now),
            "resolved_at": F.lit(None).cast("timestamp"),
            "run_id": F.lit(run_id),
        }
    )
    return kept.unionByName(new)


def is_settled() -> Column:
    """Whether a person has resolved the row."""
    return F.coalesce(F.col("resolution").isin(REPLAYED, DISCARDED), F.lit(False))


def find_gone(known: DataFrame, found: DataFrame) -> DataFrame:
    """Open rows that are no longer refused."""
    return known.where(F.col("status") == OPEN).join(found.select("row_id"), "row_id", "left_anti")


def resolve_gone(
    known: DataFrame,
    found: DataFrame,
    superseded: DataFrame | None,
    landed_files: Sequence[tuple[str, str]],
    now: datetime,
) -> DataFrame:
    """The quarantine's rows, with those resolved that are no longer refused.

    Args:
        known: the quarantine's rows.
        found: what is refused now.
        superseded: origins of landed rows that a later file replaces; None where there are none.
        landed_files: name and fingerprint of each file that bronze holds now.
        now: the time to record.
    """
    marked = find_gone(known, found).withColumn("_gone", F.lit(True)).select("row_id", "_gone")
    rows = known.join(marked, "row_id", "left")
    if superseded is not None:
        rows = rows.join(superseded.withColumn("_superseded", F.lit(True)), [*ORIGIN], "left")
    else:
        rows = rows.withColumn("_superseded", F.lit(False))
    is_gone = F.coalesce("_gone", F.lit(False))
    how = (
        F.when(~_is_landed(landed_files), F.lit(WITHDRAWN))
        .when(F.coalesce("_superseded", F.lit(False)), F.lit(SUPERSEDED))
        .otherwise(F.lit(ACCEPTED))
    )
    return _resolve(rows, is_gone, how, now).select(*known.columns)


def resolve_by_hand(known: DataFrame, row_ids: Sequence[str], how: str, now: datetime) -> DataFrame:
    """The quarantine's rows, with the given ones resolved by a person."""
    return _resolve(known, F.col("row_id").isin(list(row_ids)), F.lit(how), now)


def _resolve(rows: DataFrame, which: Column, how: Column, now: datetime) -> DataFrame:
    return rows.withColumns(
        {
            "status": F.when(which, F.lit(RESOLVED)).otherwise(F.col("status")),
            "resolution": F.when(which, how).otherwise(F.col("resolution")),
            "resolved_at": F.when(which, F.lit(now)).otherwise(F.col("resolved_at")),
        }
    )


def _is_landed(files: Sequence[tuple[str, str]]) -> Column:
    same = [
        (F.col("_source_file") == name) & (F.col("_source_fingerprint") == fingerprint)
        for name, fingerprint in files
    ]
    return reduce(Column.__or__, same, F.lit(False))
