"""What tests share: one session on the embedded engine, the real sample, and a lake of generated data."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from pyspark.sql import SparkSession

from instacart_assets.lakehouse.engine import open_session

hypothesis_settings.register_profile("reduced", max_examples=50, deadline=None)
hypothesis_settings.register_profile("prove", max_examples=1_000, deadline=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "reduced"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Where every part is installed, a skipped test is a test that did not run: a failure."""
    report = yield
    if os.environ.get("INSTACART_NO_SKIPS") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped where no test may be: {call.excinfo}"
    return report


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    return open_session()


@pytest.fixture(scope="session")
def sample() -> Path:
    """The landed files of the real sample, which the project does not hold."""
    folder = os.environ.get("INSTACART_SAMPLE")
    if not folder:
        pytest.skip("INSTACART_SAMPLE is not set: give the folder of the real sample's CSV files")
    return Path(folder)
