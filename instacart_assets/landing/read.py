"""Landed files to rows, on any Spark-compatible engine.

Here lives the reading of CSV: the dialect, columns by name, and which file, content and record each row is
from. Nothing is typed or judged here; whether a file or its salvage is read was decided before (``source.py``).
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
    """Every record of the files as strings, with its origin; no rows where there are no files.

    Args:
        session: the engine.
        files: verified files with the result of the pass over their bytes.
        contract: the bronze table they are for; gives names and order of the columns.
        moments: by the name of each file, the moment to record as that of its ingestion, with its time zone.
        salvaged: by the name of each file that is not to be read itself, what was salvaged of it.

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
    """Every malformed line that was isolated, in the columns of ``LINES_TYPE``; no rows where there is none.

    Args:
        session: the engine.
        files: the files with the result of the pass over their bytes.
        salvaged: what was salvaged, by the name of the file.
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
    # The embedded engine binds a schema by position, so it is given in the order of the file.
    names = file.columns if salvage is None else ("_row_number", *file.columns)
    schema = StructType([StructField(name, StringType()) for name in names])
    # An engine may split a file and read its pieces in any order. It never splits one whose records may span
    # lines: saying so keeps the order, which the numbers of the records are taken from.
    records = session.read.csv(
        _spell_path(file.path if salvage is None else salvage.records),
        schema=schema,
        header=True,
        quote='"',
        escape='"',
        multiLine=True,
        mode="FAILFAST",  # Spark would make a row of a line with too many or too few fields
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
    # Spark tells an empty value in quotation marks from one without; a landed column does not.
    return F.nullif(F.col(name), F.lit("")).alias(name)


def _spell_path(path: Path) -> str:
    """The path as the pattern that it alone matches: engines read ``[``, ``{``, ``*`` and ``?`` as patterns."""
    return re.sub(r"[\[\]{}*?]", r"[\g<0>]", for_spark(path))


def _number_record() -> Column:
    """Number of a record in a file that is read in one piece, from 1."""
    identifier = F.monotonically_increasing_id()
    piece = F.shiftleft(F.shiftright(identifier, PARTITION_SHIFT), PARTITION_SHIFT)
    return identifier - piece + 1
