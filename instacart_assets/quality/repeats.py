"""Decides between landed rows that share a key, before a table is built from them.

Defines which of them count: exact duplicates once; between two files, the row of the later ingested one; within one
file, none of the conflicting rows until a later file decides. Nothing is lost: all of them stay in bronze, and
conflicting rows of one file go to quarantine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN, Contract

DUPLICATE, CONFLICTING, SUPERSEDED = "duplicate", "conflicting", "superseded"


@dataclass(frozen=True)
class Repeats:
    """Landed rows that share their key with another.

    Attributes:
        rows: their origin columns with ``fate``: ``duplicate``, ``conflicting`` or ``superseded``.
        counts: number of rows by fate.
    """

    rows: DataFrame
    counts: Mapping[str, int]

    @property
    def conflicting(self) -> DataFrame:
        """Origins of rows whose file has other values for the same key, with no later file to decide."""
        return self.of_fate(CONFLICTING)

    def of_fate(self, fate: str) -> DataFrame:
        """Origins of the rows of one fate."""
        return self.rows.where(F.col("fate") == fate).select(*ORIGIN)

    def drop_from(self, landed: DataFrame) -> DataFrame:
        """The landed rows without duplicates and superseded ones."""
        dropped = self.rows.where(F.col("fate") != CONFLICTING).select(*ORIGIN)
        return landed.join(dropped, [*ORIGIN], "left_anti")


def find_repeats(landed: Mapping[str, DataFrame], contract: Contract) -> Repeats | None:
    """The landed rows that share a key of the contract's table; None where all keys are different.

    One GROUP BY over the keys; the rest is done only for the keys that repeat. A key that cannot be parsed is not
    compared: such a row is refused by its own rules.

    Args:
        landed: rows of each bronze table that the table's rows come from, by address.
        contract: the table; its key columns name the landed columns they are read from.
    """
    parts = [_read_key(rows, address, contract) for address, rows in landed.items()]
    keyed = reduce(DataFrame.unionByName, parts).dropna(subset=[*contract.key])
    repeated = keyed.groupBy(*contract.key).agg(F.count("*").alias("members")).where("members > 1")
    if repeated.limit(1).count() == 0:
        return None
    fated = _decide_fates(keyed.join(repeated, [*contract.key], "left_semi"), contract.key)
    counts = {row["fate"]: row["count"] for row in fated.groupBy("fate").count().collect()}
    return Repeats(fated, counts)


def _read_key(landed: DataFrame, address: str, contract: Contract) -> DataFrame:
    """Key, origin and text of each landed row."""
    columns = {column.name: column for column in contract.columns}
    keys = [
        F.col(source.rpartition(".")[2]).try_cast(columns[name].type).alias(name)
        for name in contract.key
        for source in columns[name].sources
        if source.rpartition(".")[0] == address
    ]
    text = F.to_json(F.struct(*(name for name in landed.columns if not name.startswith("_"))))
    return landed.select(*keys, *ORIGIN, "_ingested_at", text.alias("_text"))


def _decide_fates(members: DataFrame, key: Sequence[str]) -> DataFrame:
    in_file = Window.partitionBy(*key, "_source_file")
    same_in_file = Window.partitionBy(*key, "_source_file", "_text").orderBy("_row_number")
    first = members.withColumn("_is_first", F.row_number().over(same_in_file) == 1)
    rivals = first.withColumn("_rivals", F.sum(F.col("_is_first").cast("int")).over(in_file))
    # A file with one distinct row for a key is decisive: the latest such file decides over all before it.
    stands = F.col("_is_first") & (F.col("_rivals") == 1)
    newest_first = Window.partitionBy(*key).orderBy(F.desc("_ingested_at"), F.desc("_source_file"))
    newer = newest_first.rowsBetween(Window.unboundedPreceding, -1)
    latest_text = F.first(F.when(stands, F.col("_text")), ignorenulls=True).over(newer)
    ranked = rivals.withColumn("_stands", stands).withColumn("_latest_text", latest_text)
    fate = (
        F.when(~F.col("_is_first"), F.lit(DUPLICATE))
        .when(F.col("_latest_text") == F.col("_text"), F.lit(DUPLICATE))
        .when(F.col("_latest_text").isNotNull(), F.lit(SUPERSEDED))
        .when(~F.col("_stands"), F.lit(CONFLICTING))
    )
    return ranked.select(*ORIGIN, fate.alias("fate")).where("fate IS NOT NULL")
