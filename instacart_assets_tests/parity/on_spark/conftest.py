"""Lakes of Delta tables that Spark writes: in a folder, and by name in Spark's own catalog."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from instacart_assets.lakehouse.sessions import open_session
from instacart_assets.lakehouse.spark_lake import CatalogNames, PathNames, SparkLake
from instacart_assets_tests.parity.worker import SPARK_CONFIG

CATALOG, PREFIX = "spark_catalog", "dev_me_"


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    return open_session("spark", SPARK_CONFIG)


@pytest.fixture
def lake(tmp_path: Path, spark: SparkSession) -> SparkLake:
    return open_folder(tmp_path / "lake", spark)


@pytest.fixture(params=["folder", "catalog"])
def any_lake(request: pytest.FixtureRequest, tmp_path: Path, spark: SparkSession) -> Iterator[SparkLake]:
    if request.param == "folder":
        yield open_folder(tmp_path / "lake", spark)
        return
    yield SparkLake(CatalogNames(CATALOG, PREFIX), str(tmp_path / "scratch"), lambda: spark)
    spark.sql(f"DROP SCHEMA IF EXISTS {CATALOG}.{PREFIX}silver CASCADE")


def open_folder(root: Path, spark: SparkSession) -> SparkLake:
    """The lake in a folder; each time another one, as runs of other processes have it."""
    return SparkLake(PathNames(str(root)), str(root / "_scratch"), lambda: spark)
