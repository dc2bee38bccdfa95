"""A lake of each test's own."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from instacart_assets.lakehouse.folder_lake import FolderLake


@pytest.fixture
def lake(tmp_path: Path, spark: SparkSession) -> FolderLake:
    return FolderLake(tmp_path / "lake", lambda: spark)
