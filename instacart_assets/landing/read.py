"""Landed files to rows, on any Spark-compatible engine.

Here lives the reading of CSV: the dialect, columns by name, and which file, content and record each row is
from. Nothing is typed or judged here; the files were verified before (``files.py``).
"""

import re
from datetime import datetime
from functools import reduce
from pathlib import Path

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
    # An engine may split a file and read its pieces in any order. It never splits one whose records may span
    # lines: saying so keeps the order, which the numbers of the records are taken from.
    records = session.read.csv(
        _spell_path(file.path), schema=schema, header=True, quote='"', escape='"', multiLine=True
    )
    columns = (
        F.col(column.name) if column.name in file.columns else F.lit(None).cast("string").alias(column.name)
        for column in contract.landed_columns
    )
    return records.select(*columns, _number_record().alias("_row_number"))


def _spell_path(path: Path) -> str:
    """The path as the pattern that it alone matches: engines read ``[``, ``{``, ``*`` and ``?`` as patterns."""
    return re.sub(r"[\[\]{}*?]", r"[\g<0>]", str(path))


def _number_record() -> Column:
    """Number of a record in a file that is read in one piece, from 1."""
    identifier = F.monotonically_increasing_id()
    piece = F.shiftleft(F.shiftright(identifier, PARTITION_SHIFT), PARTITION_SHIFT)
    return identifier - piece + 1
