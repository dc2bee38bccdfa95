"""Launches runs in the code server, and detects runs whose process was lost with it.

Contains what a deployment adds to Dagster's own launcher. The code server reports a run whose process dies, but nothing
reports the runs that die with the server: they would count as running until they time out. Run monitoring asks this
launcher.
"""

import json
from typing import Any

from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster_shared.serdes import deserialize_value


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's launcher, which also knows whether the code server still has a run.

    It is for a code server that holds its runs itself: ``dagster api grpc``. A proxy, ``dagster code-server start``,
    forgets the runs of the previous code at a reload.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """True: run monitoring may ask this launcher."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a started run exists.

        If the code server does not answer, the run counts as running and the next poll asks again. A run started from
        the command line is not a child of the code server, so its state is unknown here and it counts as running.
        """
        if GRPC_INFO_TAG not in run.tags:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "it was launched by no code server")
        try:
            is_there = _ask_server(run)
        except DagsterUserCodeUnreachableError as error:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"the code server does not answer: {error}")
        if is_there:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND, "its process went with the code server that had started it"
        )


def _ask_server(run: DagsterRun) -> bool:
    """Whether the code server that launched a run still has it."""
    place: dict[str, Any] = json.loads(run.tags[GRPC_INFO_TAG])
    client = DagsterGrpcClient(
        host=place["host"],
        port=place.get("port"),
        socket=place.get("socket"),
        use_ssl=place.get("use_ssl", False),
    )
    answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=10)
    return deserialize_value(answer, CanCancelExecutionResult).can_cancel
