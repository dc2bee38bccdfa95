"""Ends runs whose process is gone: killed, or lost with its machine's power.

Contains how such runs are detected. Nothing else does so on a single machine: the run would count as running for ever
and keep its slots in the pools, and every other run would wait for it.
"""

import os
import socket
from collections.abc import Mapping

import dagster as dg

PROCESS_TAG = "instacart/process"
"""Tag of a run started from the command line: the machine and the process that it runs in."""

NO_RETRIES = {"dagster/max_retries": "0"}
"""Tags of a run that the daemon must not retry, as the daemon did not launch it."""

UNDER_WAY = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def tag_process() -> Mapping[str, str]:
    """Tags of a run that this process executes itself."""
    return {PROCESS_TAG: f"{socket.gethostname()} {os.getpid()}", **NO_RETRIES}


def end_abandoned_runs(instance: dg.DagsterInstance, *, has_launched: bool = False) -> list[str]:
    """End the runs of this machine whose process is gone, and free their slots in the pools.

    Args:
        instance: the run history; only one stored in files of this machine is checked.
        has_launched: whether this process is the code server, or runs beside it, so that the runs that the daemon
            launched are processes of this machine.

    Returns:
        The ids of the ended runs.
    """
    storage = instance.event_log_storage
    if not (isinstance(instance.run_launcher, dg.DefaultRunLauncher) and storage.is_run_sharded):
        return []
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY)):
        process = _find_process(instance, run, has_launched=has_launched)
        if process is None or _is_alive(process) or _has_ended(instance, run):
            continue
        instance.report_run_failed(
            run, f"Its process {process} is gone: it was killed, or the machine went down."
        )
        storage.free_concurrency_slots_for_run(run.run_id)
        ended.append(run.run_id)
    return ended


def _has_ended(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a run has ended since it was listed, and its process with it."""
    now = instance.get_run_by_id(run.run_id)
    return now is None or now.status not in UNDER_WAY


def _find_process(instance: dg.DagsterInstance, run: dg.DagsterRun, *, has_launched: bool) -> int | None:
    """The process of a run; None where it cannot be determined from here."""
    if PROCESS_TAG in run.tags:
        host, _, process = run.tags[PROCESS_TAG].rpartition(" ")
        return int(process) if host == socket.gethostname() else None
    if not has_launched:
        return None
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT).records
    events = [record.event_log_entry.dagster_event for record in records]
    told = [
        event.engine_event_data.metadata["pid"].value for event in events if event and _tells_process(event)
    ]
    return int(str(told[-1])) if told else None


def _tells_process(event: dg.DagsterEvent) -> bool:
    return "pid" in event.engine_event_data.metadata


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it belongs to another user
        return True
    return True
