"""A lake of each test's own."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from instacart_assets.lakehouse.lake import Lakehouse


@pytest.fixture
def lake(tmp_path: Path, spark: SparkSession) -> Lakehouse:
    return Lakehouse(tmp_path / "lake", lambda: spark)
