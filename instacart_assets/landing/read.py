"""Landed files to rows, on any Spark-compatible engine.

Here lives the reading of CSV: the dialect, columns by name, and which file, content and record each row is
from. Nothing is typed or judged here; the files were verified before (``files.py``).
"""

from datetime import datetime
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from instacart_assets.contracts.model import Contract
from instacart_assets.landing.files import FileContent, LandedFile

PARTITION_SHIFT = 33
"""Spark's ``monotonically_increasing_id`` keeps the partition above bit 33 and the row within it below."""


def read_files(
    session: SparkSession,
    files: list[tuple[LandedFile, FileContent]],
    contract: Contract,
    ingested_at: datetime,
) -> DataFrame:
    """Every record of the files as strings, with its origin; no rows where there are no files.

    Args:
        session: the engine.
        files: verified files with the result of the pass over their bytes.
        contract: the bronze table they are for; gives names and order of the columns.
        ingested_at: the moment to record, with its time zone.

    Returns:
        The contract's columns, one row per record.
    """
    if not files:
        names = [StructField(column.name, StringType()) for column in contract.columns]
        return session.createDataFrame([], StructType(names))
    moment = F.lit(ingested_at)
    parts = [
        _read_file(session, file, contract)
        .withColumn("_source_file", F.lit(file.name))
        .withColumn("_source_fingerprint", F.lit(content.fingerprint))
        .withColumn("_ingested_at", moment)
        for file, content in files
    ]
    return reduce(DataFrame.unionByName, parts)


def _read_file(session: SparkSession, file: LandedFile, contract: Contract) -> DataFrame:
    # The embedded engine binds a schema by position, so it is given in the order of the file.
    schema = StructType([StructField(name, StringType()) for name in file.columns])
    records = session.read.csv(str(file.path), schema=schema, header=True, quote='"', escape='"')
    return _number_records(records).select(
        *(
            F.col(column.name)
            if column.name in file.columns
            else F.lit(None).cast("string").alias(column.name)
            for column in contract.landed_columns
        ),
        "_row_number",
    )


def _number_records(records: DataFrame) -> DataFrame:
    """Adds ``_row_number``, from 1 in the order of the file.

    Engines read a file in pieces side by side: a record's number is its place in its piece plus the records
    of all pieces before it, which takes a count of the file first.
    """
    identified = records.withColumn("_id", F.monotonically_increasing_id())
    pieces = (
        identified.groupBy(F.shiftright("_id", PARTITION_SHIFT).cast("int").alias("piece"))
        .agg(F.count("*").alias("records"))
        .orderBy("piece")
        .collect()
    )
    piece = F.shiftright("_id", PARTITION_SHIFT)
    place = F.col("_id") - F.shiftleft(piece, PARTITION_SHIFT)
    before: Column = F.lit(0).cast("bigint")
    total = 0
    for row in pieces[:-1]:
        total += row["records"]
        before = F.when(piece > row["piece"], F.lit(total).cast("bigint")).otherwise(before)
    return identified.withColumn("_row_number", place + before + 1).drop("_id")
