"""What tests share: one session on the embedded engine."""

import pytest
from pyspark.sql import SparkSession

from instacart_assets.lakehouse.engine import open_session


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    return open_session()
