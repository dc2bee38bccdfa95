"""Runs whose process is gone."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.test_utils import create_run_for_test

from instacart_assets.automation.abandoned import PROCESS_TAG, end_abandoned_runs, tag_process

POOL = "silver__things"
CONCURRENCY = {"concurrency": {"pools": {"default_limit": 1, "granularity": "op"}}}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(
        str(tmp_path), {**CONCURRENCY, "telemetry": {"enabled": False}}
    ) as made:
        # The temporary instance launches in this process; one on a machine has the launcher of old.
        made._run_launcher = dg.DefaultRunLauncher()
        made._run_launcher.register_instance(made)
        yield made


@pytest.fixture
def gone() -> int:
    """The number of a process that was killed."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    process.send_signal(signal.SIGKILL)
    process.wait()
    return process.pid


def begin(instance: dg.DagsterInstance, process: int, host: str | None = None) -> dg.DagsterRun:
    """A run of the command line that has begun, and holds the place of a pool."""
    tags = {PROCESS_TAG: f"{host or socket.gethostname()} {process}"}
    run: dg.DagsterRun = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED, tags=tags)
    instance.event_log_storage.initialize_concurrency_limit_to_default(POOL)
    assert instance.event_log_storage.claim_concurrency_slot(POOL, run.run_id, "step").is_claimed
    return run


def has_place(instance: dg.DagsterInstance) -> bool:
    return instance.event_log_storage.get_concurrency_info(POOL).active_slot_count == 0


def test_a_run_whose_process_is_gone_ends_and_gives_its_place_back(
    instance: dg.DagsterInstance, gone: int
) -> None:
    run = begin(instance, gone)
    assert end_abandoned_runs(instance) == [run.run_id]
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.FAILURE
    assert has_place(instance)
    assert end_abandoned_runs(instance) == []


def test_a_run_that_ended_well_while_its_process_was_looked_for_is_left_alone(
    instance: dg.DagsterInstance, gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(instance, gone)
    listed = instance.get_runs()
    monkeypatch.setattr(instance, "get_runs", lambda _: listed)
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.PIPELINE_SUCCESS.value, job_name=run.job_name), run.run_id
    )
    assert end_abandoned_runs(instance) == []
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.SUCCESS


def test_a_run_that_goes_on_is_left_alone(instance: dg.DagsterInstance) -> None:
    begin(instance, os.getpid())
    assert end_abandoned_runs(instance, has_launched=True) == []
    assert not has_place(instance)


def test_a_run_of_another_machine_is_left_alone(instance: dg.DagsterInstance, gone: int) -> None:
    begin(instance, gone, "elsewhere")
    assert end_abandoned_runs(instance, has_launched=True) == []


def test_a_launched_run_is_known_by_its_events_and_only_beside_it(
    instance: dg.DagsterInstance, gone: int
) -> None:
    run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    instance.report_engine_event("Started process", run, EngineEventData.in_process(gone))
    assert end_abandoned_runs(instance) == []
    assert end_abandoned_runs(instance, has_launched=True) == [run.run_id]


def test_a_run_that_tells_no_process_is_left_alone(instance: dg.DagsterInstance) -> None:
    create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    assert end_abandoned_runs(instance, has_launched=True) == []


def test_a_history_of_no_machine_is_not_looked_at() -> None:
    with dg.DagsterInstance.ephemeral() as passing:
        create_run_for_test(passing, status=dg.DagsterRunStatus.STARTED, tags={PROCESS_TAG: "here 999999"})
        assert end_abandoned_runs(passing) == []


def test_a_run_of_the_command_line_tells_its_process_and_is_not_retried() -> None:
    tags = tag_process()
    assert tags[PROCESS_TAG] == f"{socket.gethostname()} {os.getpid()}"
    assert tags["dagster/max_retries"] == "0"
