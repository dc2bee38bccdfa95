"""What tests share: one session on the embedded engine, and the real sample where there is one."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from pyspark.sql import SparkSession
from xdist.scheduler import LoadScopeScheduling

from instacart_assets.lakehouse.sessions import open_session
from instacart_assets_tests.faults.proof import IS_PROOF

SAMPLE = os.environ.get("INSTACART_SAMPLE")
NO_SKIPS = bool(os.environ.get("INSTACART_NO_SKIPS"))
MAY_SKIP = os.environ.get("INSTACART_MAY_SKIP")

hypothesis_settings.register_profile("reduced", max_examples=50, deadline=None)
hypothesis_settings.register_profile("prove", max_examples=1_000, deadline=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "reduced"))


ALONE = "test_following.py"
"""Of the tests of parity, those that make lakes of their own: they take half as long as all others."""


class Together(LoadScopeScheduling):  # type: ignore[misc] # it has no types
    """Where tests run side by side, those of a file stay together, and those that share the lakes of parity."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "parity" if "/parity/" in file and not file.endswith(ALONE) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What only a proof runs is left out elsewhere."""
    if not IS_PROOF:
        left_out = [item for item in items if item.get_closest_marker("proof")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("proof")]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Where every part is installed, a skipped test is a test that did not run: a failure.

    Only for the reason that begins with what INSTACART_MAY_SKIP says may one be skipped there.
    """
    report = yield
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail") and not _may_skip(call):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped where no test may be: {call.excinfo}"
    return report


def _may_skip(call: pytest.CallInfo[None]) -> bool:
    return bool(MAY_SKIP) and call.excinfo is not None and str(call.excinfo.value).startswith(str(MAY_SKIP))


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """A test sees the settings it makes: whatever the shell has set is put aside."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("INSTACART_") or name == "DAGSTER_HOME":
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    return open_session()


@pytest.fixture(scope="session")
def sample() -> Path:
    """The landed files of the real sample, which the project does not hold."""
    if not SAMPLE:
        pytest.skip("INSTACART_SAMPLE is not set: give the folder of the real sample's CSV files")
    return Path(SAMPLE)
