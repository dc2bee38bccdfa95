"""The way from a task to the cluster's Spark: taken when a session is first asked for, and not before.

A dedicated cluster's task joins the Java virtual machine that is there already and gets a new session of it; on
shared and serverless compute it gets a session of Spark Connect and nothing else.
"""

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Mapping
from multiprocessing.connection import Client
from types import ModuleType
from typing import Any


class EngineError(RuntimeError):
    """There is no Spark for this task."""


class OnDemand:
    """A global of a script that is made when something is first asked of it."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


class Engine:
    """The cluster's Spark, as one task sees it."""

    def __init__(self, work: dict[str, Any]) -> None:
        self._address: tuple[str, int, str] | None = work["engine"]
        self._is_connect: bool = work["is_connect"]
        self._is_serverless: bool = work["is_serverless"]
        self._conf: dict[str, str] = work["spark_conf"]
        self._is_joined = False
        self.spark: Any = OnDemand(self._get_session)
        self.context: Any = OnDemand(lambda: self._get_session().sparkContext)
        if self._is_connect:
            os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"

    def wait_for_pyspark(self) -> None:
        """Have every builder of sessions join the cluster first, as soon as PySpark is imported."""
        if "pyspark.sql.session" in sys.modules:
            self.change(sys.modules["pyspark.sql.session"])
        else:
            sys.meta_path.insert(0, _AfterImport(self))

    def change(self, module: ModuleType) -> None:
        """Make the builder of sessions join the cluster first."""
        builder = module.SparkSession.Builder
        create = builder.getOrCreate

        def join_and_create(given: Any) -> Any:
            is_first = not self._is_joined
            self.join()
            session = create(given)
            if is_first:
                self._settle(session, given._options)
            return session

        builder.getOrCreate = join_and_create

    def join(self) -> None:
        """Reach the cluster's Spark; later calls do nothing.

        Raises:
            EngineError: the cluster has none.
        """
        if self._is_joined:
            return
        if self._address is None:
            raise EngineError("this emulated workspace has no Spark: it was made with has_spark=False")
        host, port, key = self._address
        with Client((host, port), authkey=bytes.fromhex(key)) as connection:
            found = connection.recv()
        if isinstance(found, str):
            raise EngineError(found)
        if self._is_connect:
            os.environ["SPARK_REMOTE"] = found["remote"]
        else:
            os.environ["PYSPARK_GATEWAY_PORT"] = str(found["port"])
            os.environ["PYSPARK_GATEWAY_SECRET"] = found["secret"]
            _open_session()
        self._is_joined = True

    def _settle(self, session: Any, chosen: Mapping[str, Any]) -> None:
        """Give a new session the cluster's configuration, and take from it what its compute does not have."""
        for name, value in self._conf.items():
            if name not in chosen and session.conf.isModifiable(name):
                session.conf.set(name, value)
        if self._is_serverless:
            _forbid_keeping()
            _forbid_configuring()

    def _get_session(self) -> Any:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - only tasks that use Spark wait for it

        return SparkSession.builder.getOrCreate()


def _open_session() -> None:
    """Join the machine's one Spark context with a new session, which becomes this process's own."""
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415 - as above
    from pyspark.java_gateway import launch_gateway  # noqa: PLC0415 - as above
    from pyspark.sql import SparkSession  # noqa: PLC0415 - as above

    gateway = launch_gateway()  # type: ignore[no-untyped-call]  # PySpark's own
    java = gateway.jvm
    context = java.JavaSparkContext.fromSparkContext(java.org.apache.spark.SparkContext.getOrCreate())
    conf = SparkConf(_jvm=java, _jconf=context.getConf())
    shared = java.org.apache.spark.sql.classic.SparkSession.builder().getOrCreate()
    SparkSession(SparkContext(gateway=gateway, jsc=context, conf=conf), jsparkSession=shared.newSession())


def _forbid_keeping() -> None:
    """Serverless compute keeps no data frames."""
    from pyspark.errors import AnalysisException  # noqa: PLC0415 - as above
    from pyspark.sql.connect.dataframe import DataFrame  # noqa: PLC0415 - as above

    def refuse(*_: Any, **__: Any) -> Any:
        raise AnalysisException(
            "[NOT_SUPPORTED_WITH_SERVERLESS] PERSIST TABLE is not supported on serverless compute."
        )

    for name in ("cache", "persist"):
        setattr(DataFrame, name, refuse)


def _forbid_configuring() -> None:
    """Serverless compute lets sessions set little, and nothing of Databricks' own."""
    from pyspark.errors import AnalysisException  # noqa: PLC0415 - as above
    from pyspark.sql.connect.conf import RuntimeConf  # noqa: PLC0415 - as above

    allow = RuntimeConf.set

    def set_allowed(conf: Any, key: str, value: Any) -> None:
        if key.startswith("spark.databricks."):
            raise AnalysisException(f"[CONFIG_NOT_AVAILABLE] Configuration {key} is not available.")
        allow(conf, key, value)

    RuntimeConf.set = set_allowed  # type: ignore[assignment, method-assign]


class _AfterImport(importlib.abc.MetaPathFinder):
    """Changes the builder of sessions once the module that defines it is imported."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> Any:
        """Load ``pyspark.sql.session`` as ever, and change it then."""
        if name != "pyspark.sql.session":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert spec is not None
        assert spec.loader is not None
        load = spec.loader.exec_module

        def load_and_change(module: ModuleType) -> None:
            load(module)
            self._engine.change(module)

        spec.loader.exec_module = load_and_change  # type: ignore[method-assign]
        return spec
