"""A landing folder and a lake of each test's own."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(landing=tmp_path / "landing", lake=tmp_path / "lake")


@pytest.fixture
def lake(settings: Settings, spark: SparkSession) -> FolderLake:
    return FolderLake(settings.lake_folder, lambda: spark)
