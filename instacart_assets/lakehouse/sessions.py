"""Which engine's session, and which lake, a target means.

Contains the choice and nothing of what is done with either. Engines are imported when they are chosen: a
cluster has neither the embedded one nor Dagster's PySpark resource.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, cast

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.lake import Lakehouse, LakePathError
from instacart_assets.lakehouse.session_config import SESSION_CONFIG, TIME_TRAVEL_CONFIG
from instacart_assets.places import DBFS, VOLUMES
from instacart_assets.settings import DELTA_TARGETS, REMOTE_TARGETS, Settings, Target

NO_CONFIG: Mapping[str, str] = MappingProxyType({})

SCRATCH = "_scratch"
"""Folder below a lake for what is not a table."""


class ScratchError(RemediableError):
    """A lake has no folder for candidates; the message says which setting names one."""


class ClusterSpark:
    """The existing session of a Databricks cluster or of serverless compute."""

    @property
    def spark_session(self) -> SparkSession:
        """The session, configured like every other."""
        session = SparkSession.builder.getOrCreate()
        for key, value in SESSION_CONFIG.items():
            session.conf.set(key, value)
        for key, value in TIME_TRAVEL_CONFIG.items():
            with suppress(PySparkException):  # serverless compute takes little configuration
                session.conf.set(key, value)
        return session


def make_spark(target: Target, config: Mapping[str, str] = NO_CONFIG) -> Any:
    """A resource whose ``spark_session`` is the target's; nothing starts before that is accessed.

    Args:
        target: where tables are built.
        config: settings for a session of the target ``spark``, which add to its defaults and override them.
    """
    match target:
        case "spark":
            from instacart_assets.lakehouse.apache import APACHE_CONFIG, ApacheSpark  # noqa: PLC0415 - as the module says

            return ApacheSpark(spark_config=APACHE_CONFIG | dict(config))
        case "databricks_remote":
            return ClusterSpark()
        case _:  # a launched step uses the cluster's session; this side opens none
            from instacart_assets.lakehouse.engine import EmbeddedSpark  # noqa: PLC0415 - as the module says

            return EmbeddedSpark()


def open_session(target: Target = "local", config: Mapping[str, str] = NO_CONFIG) -> SparkSession:
    """A session on the target's engine, for use outside a Dagster run; see ``make_spark``."""
    return cast("SparkSession", make_spark(target, config).spark_session)


def open_lake(settings: Settings, open_session: Callable[[], SparkSession]) -> Lakehouse:
    """The lake that settings name, as the target's engine writes it.

    Raises:
        LakePathError: it cannot be there, or is not reachable from this machine.
        ScratchError: a folder for candidates is required, and none is set.
    """
    if settings.target in REMOTE_TARGETS:
        raise LakePathError(
            f"the target {settings.target} keeps its tables in a Databricks workspace, where SQL editors and "
            "warehouses read them; for a lake of this machine set INSTACART_TARGET=local or spark"
        )
    if settings.target not in DELTA_TARGETS:
        from instacart_assets.lakehouse.folder_lake import FolderLake  # noqa: PLC0415 - as the module says

        return FolderLake(settings.lake_folder, open_session, settings.lock_seconds)
    from instacart_assets.lakehouse.spark_lake import CatalogNames, PathNames, SparkLake  # noqa: PLC0415 - see above

    if settings.catalog is not None:
        return SparkLake(
            CatalogNames(settings.catalog, settings.schema_prefix), find_scratch(settings), open_session
        )
    return SparkLake(PathNames(_spell_lake(settings)), find_scratch(settings), open_session)


def find_scratch(settings: Settings) -> str:
    """Folder for what is not a table: the one that is set, or one below a lake that Python can reach.

    Raises:
        ScratchError: none is set, and Python's file calls cannot reach the lake.
    """
    if settings.scratch is not None:
        return settings.scratch
    lake = _spell_lake(settings)
    if settings.catalog is None and (settings.is_lake_local or lake.startswith((DBFS, VOLUMES))):
        return f"{lake.rstrip('/')}/{SCRATCH}"
    raise ScratchError(
        "INSTACART_SCRATCH is not set: name a folder for candidates that Python can reach, "
        "below /Volumes or dbfs:/"
    )


def _spell_lake(settings: Settings) -> str:
    """The lake's absolute folder, or its URL: Delta accepts no relative path."""
    return str(settings.lake_folder.absolute() if settings.is_lake_local else settings.lake)
