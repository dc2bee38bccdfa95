"""The embedded engine: Sail inside this process, reached as a Spark session.

Contains how a session is opened, and nothing of what is done with it. ``pysail`` is imported only when the
first session is requested: loading the definitions alone does not pay for it.
"""

import atexit
import os
from functools import cache
from typing import Any

from dagster_pyspark import LazyPySparkResource
from pyspark.sql import SparkSession

from instacart_assets.lakehouse.session_config import SESSION_CONFIG

IDLE_SECONDS = 365 * 24 * 60 * 60
"""Idle time after which the engine drops a session. Its default is a quarter of an hour; a process that waits for files
may be idle for days."""


EMBEDDED_CONFIG = SESSION_CONFIG | {"spark.python.sql.dataFrameDebugging.enabled": "false"}
"""By default the client looks up the caller of each of its functions, which the engine does not use."""


@cache
def _start_server() -> Any:
    # The server stops when nothing references it, and a client of a stopped server waits for ever: the
    # cache keeps it for the life of the process.
    os.environ.setdefault("RUST_LOG", "error")
    os.environ.setdefault("SAIL_SPARK__SESSION_TIMEOUT_SECS", str(IDLE_SECONDS))
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

    spark_config: dict[str, Any] = EMBEDDED_CONFIG

    def _init_session(self) -> None:
        if self._spark_session is None:
            builder = SparkSession.builder.remote(start_embedded_engine())
            for key, value in self.spark_config.items():
                builder = builder.config(key, value)
            self._spark_session = builder.getOrCreate()
            _forget_farewell(self._spark_session)


def _forget_farewell(session: Any) -> None:
    """Keep the client from asking the engine, as the process ends, to clear ML models that it never had.

    The engine does not support the request, and the client logs its response as an error (PySpark 4.1).
    """
    farewell = getattr(session.client, "_cleanup_ml_cache", None)
    if farewell is not None:
        atexit.unregister(farewell)
