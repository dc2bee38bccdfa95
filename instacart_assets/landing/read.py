"""Reads landed files into rows, on any Spark-compatible engine.

Contains the reading of CSV: the dialect, columns by name, and the file, content and record that each row comes
from. Nothing is typed or validated here; ``source.py`` decides whether a file is read directly or from its salvage
(the valid lines of a damaged file, recovered).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import reduce
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StringType, StructField, StructType

from instacart_assets.contracts.model import Contract
from instacart_assets.landing.files import FileContent, LandedFile
from instacart_assets.landing.salvage import Salvage
from instacart_assets.places import for_spark

PARTITION_SHIFT = 33
"""Spark's ``monotonically_increasing_id`` keeps the partition above bit 33 and the row within it below."""

LINES_TYPE = StructType(
    [
        StructField("_source_file", StringType()),
        StructField("_source_fingerprint", StringType()),
        StructField("line_number", LongType()),
        StructField("text", StringType()),
        StructField("reason", StringType()),
    ]
)


def read_files(
    session: SparkSession,
    files: Iterable[tuple[LandedFile, FileContent]],
    contract: Contract,
    moments: Mapping[str, datetime],
    salvaged: Mapping[str, Salvage],
) -> DataFrame:
    """Every record of the files as strings, with its origin; empty where there are no files.

    Args:
        session: the engine.
        files: verified files with the result of the pass over their bytes.
        contract: the bronze table they are for; determines names and order of the columns.
        moments: ingestion time to record, with time zone, by the name of the file.
        salvaged: salvage to read instead of the file itself, by the name of the file.

    Returns:
        The contract's columns, one row per record.
    """
    parts = [
        _read_file(session, file, contract, salvaged.get(file.name))
        .withColumn("_source_file", F.lit(file.name))
        .withColumn("_source_fingerprint", F.lit(content.fingerprint))
        .withColumn("_ingested_at", F.lit(moments[file.name]))
        for file, content in files
    ]
    if not parts:
        names = [StructField(column.name, StringType()) for column in contract.columns]
        return session.createDataFrame([], StructType(names))
    return reduce(DataFrame.unionByName, parts)


def read_malformed_lines(
    session: SparkSession,
    files: Iterable[tuple[LandedFile, FileContent]],
    salvaged: Mapping[str, Salvage],
) -> DataFrame:
    """Every isolated malformed line, in the columns of ``LINES_TYPE``; empty where there are none.

    Args:
        session: the engine.
        files: the files with the result of the pass over their bytes.
        salvaged: salvage of the files, by the name of the file.
    """
    parts = [
        session.read.parquet(_spell_path(salvaged[file.name].lines))
        .withColumn("_source_fingerprint", F.lit(content.fingerprint))
        .select(*LINES_TYPE.names)
        for file, content in files
        if file.name in salvaged and salvaged[file.name].malformed
    ]
    return reduce(DataFrame.unionByName, parts) if parts else session.createDataFrame([], LINES_TYPE)


def _read_file(
    session: SparkSession, file: LandedFile, contract: Contract, salvage: Salvage | None
) -> DataFrame:
    # The embedded engine binds a schema by position, so the schema is in file order.
    names = file.columns if salvage is None else ("_row_number", *file.columns)
    schema = StructType([StructField(name, StringType()) for name in names])
    # An engine may split a file and read the pieces in any order. It never splits one whose records may span lines:
    # this option keeps the order, from which record numbers are derived.
    records = session.read.csv(
        _spell_path(file.path if salvage is None else salvage.records),
        schema=schema,
        header=True,
        quote='"',
        escape='"',
        multiLine=True,
        mode="FAILFAST",  # otherwise Spark makes a row of a line with too many or too few fields
    )
    columns = (
        _read_text(column.name)
        if column.name in file.columns
        else F.lit(None).cast("string").alias(column.name)
        for column in contract.landed_columns
    )
    number = _number_record() if salvage is None else F.col("_row_number").cast("bigint")
    return records.select(*columns, number.alias("_row_number"))


def _read_text(name: str) -> Column:
    # Spark distinguishes a quoted empty value from an unquoted one; a landed column does not.
    return F.nullif(F.col(name), F.lit("")).alias(name)


def _spell_path(path: Path) -> str:
    """The path escaped to match only itself: engines read ``[``, ``{``, ``*`` and ``?`` as wildcards."""
    return re.sub(r"[\[\]{}*?]", r"[\g<0>]", for_spark(path))


def _number_record() -> Column:
    """Number of a record, from 1, in a file that is read unsplit."""
    identifier = F.monotonically_increasing_id()
    piece = F.shiftleft(F.shiftright(identifier, PARTITION_SHIFT), PARTITION_SHIFT)
    return identifier - piece + 1
