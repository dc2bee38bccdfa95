"""What the launcher tells of a run that nobody can be asked about; a real code server is killed in ``deployment/``."""

import json

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

from instacart_assets.automation.launcher import WatchedRunLauncher
from instacart_assets_tests.processes import find_free_port


def test_run_monitoring_may_ask() -> None:
    assert WatchedRunLauncher().supports_check_run_worker_health


@pytest.mark.parametrize(
    "tags", [{}, {GRPC_INFO_TAG: json.dumps({"host": "127.0.0.1", "port": find_free_port()})}]
)
def test_a_run_of_the_command_line_or_of_a_server_that_is_away_is_not_called_lost(
    tags: dict[str, str],
) -> None:
    run = dg.DagsterRun("job", tags=tags)
    assert WatchedRunLauncher().check_run_worker_health(run).status == WorkerStatus.RUNNING
