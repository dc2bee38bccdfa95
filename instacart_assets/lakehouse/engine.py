"""The embedded engine: Sail inside this process, reached as a Spark session.

Here lives how a session is opened, and nothing of what is done with it. ``pysail`` is imported only when the
first session is asked for: whoever only looks at the definitions does not pay for it.
"""

import os
from functools import cache
from typing import Any, cast

from dagster_pyspark import LazyPySparkResource
from pyspark.sql import SparkSession

SESSION_CONFIG = {"spark.sql.session.timeZone": "UTC"}
"""What every session is opened with: moments are read and shown in UTC on every machine."""


@cache
def _start_server() -> Any:
    # The server stops when nothing holds it any more, and a client of a stopped server waits for ever: the
    # cache keeps it for the life of the process.
    os.environ.setdefault("RUST_LOG", "error")
    from pysail.spark import SparkConnectServer  # noqa: PLC0415 - only runs pay for the engine

    server = SparkConnectServer(ip="127.0.0.1", port=0)
    server.start(background=True)
    return server


def start_embedded_engine() -> str:
    """Start the engine, once for this process.

    Returns:
        The Spark Connect address it listens on, on this machine's loopback interface.
    """
    _, port = _start_server().listening_address
    return f"sc://127.0.0.1:{port}"


class EmbeddedSpark(LazyPySparkResource):
    """Dagster's PySpark resource on the embedded engine; the engine starts with the first use of the session."""

    spark_config: dict[str, Any] = SESSION_CONFIG

    def _init_session(self) -> None:
        if self._spark_session is None:
            builder = SparkSession.builder.remote(start_embedded_engine())
            for key, value in self.spark_config.items():
                builder = builder.config(key, value)
            self._spark_session = builder.getOrCreate()


def open_session() -> SparkSession:
    """A session on the embedded engine, for use outside a Dagster run."""
    return cast("SparkSession", EmbeddedSpark().spark_session)
