"""Apache Spark in this process, with Delta's jars, as the alternative to the embedded engine.

Contains how a classic session is opened on a machine that has Java. The jars come from Maven Central the first
time, and from Spark's own cache afterwards. A process has one kind of session: this one or the embedded engine's.
"""

import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyspark
from dagster_pyspark import LazyPySparkResource
from filelock import FileLock
from pyspark.sql import SparkSession

from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.session_config import SESSION_CONFIG, TIME_TRAVEL_CONFIG

DELTA_JARS = {
    "4.0": "io.delta:delta-spark_2.13:4.0.1",
    "4.1": "io.delta:delta-spark_2.13:4.3.1",
}
"""Delta's artifact for each minor version of Spark that transforms are tested on."""

DELTA_CONFIG = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # Spark's default format has no time zone, and the embedded engine does not read it as a zoned timestamp.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}

SMALL_CONFIG = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "8",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",  # a vacuum starts this many tasks
    "spark.driver.memory": "4g",
}
"""Settings for one machine: few partitions, no web server."""

APACHE_CONFIG = SESSION_CONFIG | TIME_TRAVEL_CONFIG | DELTA_CONFIG | SMALL_CONFIG
"""What a session is opened with, unless settings override it."""

QUERY_LOGGERS = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
"""Loggers through which PySpark also logs each error, with the JVM's stack trace, before it raises it."""


class EngineError(RemediableError):
    """Apache Spark cannot be started here; the message says what is missing."""


class ApacheSpark(LazyPySparkResource):
    """Dagster's PySpark resource on classic Spark in this process; it starts with the first use of the session."""

    spark_config: dict[str, Any] = APACHE_CONFIG

    def _init_session(self) -> None:
        if self._spark_session is None:
            check_java()
            # The JVM starts Python processes itself, and would take the first Python in the path, not this one.
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
            builder = SparkSession.builder.master("local[*]").config("spark.jars.packages", find_jars())
            for key, value in self.spark_config.items():
                builder = builder.config(key, value)
            with resolve_alone():
                self._spark_session = builder.getOrCreate()
            self._spark_session.sparkContext.setLogLevel("ERROR")
            for name in QUERY_LOGGERS:
                logging.getLogger(name).setLevel(logging.CRITICAL)


def find_jars() -> str:
    """Delta's artifact for the installed Spark version.

    Raises:
        EngineError: transforms are not tested on that version.
    """
    minor = ".".join(pyspark.__version__.split(".")[:2])
    if minor not in DELTA_JARS:
        raise EngineError(
            f"pyspark {pyspark.__version__} is installed; tables are tested on Spark {', '.join(DELTA_JARS)}: "
            "install one of these"
        )
    return DELTA_JARS[minor]


@contextmanager
def resolve_alone() -> Iterator[None]:
    """Start one Spark at a time on this machine: two that fill an empty jar cache interfere with each other.

    Raises:
        EngineError: the cache folder cannot be written.
    """
    folder = Path.home() / ".ivy2.5.2"
    try:
        folder.mkdir(exist_ok=True)
        lock = FileLock(folder / "instacart.lock")
        lock.acquire()
    except OSError as error:
        raise EngineError(
            f"Spark keeps Delta's jars in {folder}, which cannot be written ({error}): set HOME to a folder of yours"
        ) from error
    try:
        yield
    finally:
        lock.release()


def check_java() -> None:
    """Check that there is a Java to run Spark on.

    Raises:
        EngineError: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    if shutil.which(f"{home}/bin/java" if home else "java") is None:
        raise EngineError("Apache Spark runs on Java 17 or 21: install one, or set JAVA_HOME to its folder")
