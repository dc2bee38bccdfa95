"""The sensor that ingests what landed.

Contains what a drop (a batch of newly landed files) means to Dagster: one run of the bronze tables whose sources
changed. ``looks.py`` decides when there is a drop; downstream builds are declared in ``conditions.py``.
"""

import time
from collections.abc import Callable, Iterable, Sequence

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES

from instacart_assets.automation.abandoned import end_abandoned_runs
from instacart_assets.automation.environments import LANDING
from instacart_assets.automation.looks import LandingFolder, LandingState, source_of, take_look
from instacart_assets.contracts.model import Contract
from instacart_assets.contracts.quarantine import quarantine_address
from instacart_assets.tables.assets import asset_key

DROP_TAG, SOURCES_TAG = "instacart/takes_in", "instacart/sources"
"""Tags of a run that ingests a drop: that it does, and from which sources."""

UNFINISHED = [status for status in dg.DagsterRunStatus if status not in FINISHED_STATUSES]

REST_LOOKS = 2
"""Polls that the next drop waits after one was ingested, so that downstream builds get their turn."""


def build_landing_sensor(
    job: str,
    contracts: Sequence[Contract],
    open_folder: Callable[[Iterable[str]], LandingFolder],
    *,
    look_seconds: int,
    is_on: bool,
) -> dg.SensorDefinition:
    """The sensor that polls the landing folder.

    Its cursor records what was ingested or requested, so that a restarted daemon continues where it stopped. A run
    requested twice, for example by a daemon that died before saving the cursor, has the same key and is launched once.

    Args:
        job: name of the job that contains all bronze tables.
        contracts: the contracts of the bronze tables.
        open_folder: returns the landing folder for the names of sources; called at each poll.
        look_seconds: seconds between two polls.
        is_on: whether it is on by default.
    """
    by_source = {contract.name: contract for contract in contracts}

    @dg.sensor(
        name=LANDING.name,
        description=f"{LANDING.purpose.capitalize()}.",
        job_name=job,
        minimum_interval_seconds=look_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
    )
    def landing(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        for run_id in end_abandoned_runs(context.instance, has_launched=True):
            context.log.warning(f"the process of the run {run_id} is gone: the run was ended")
        if _is_at_work(context.instance, REST_LOOKS * look_seconds):
            return dg.SensorResult(skip_reason="a drop is being ingested", cursor=context.cursor)
        state = LandingState.read(context.cursor)
        if state.asked:
            state = state.settle(is_good=_has_gone_well(context.instance))
        state, drop = take_look(state, open_folder(by_source))
        if drop is None:
            said = "files are not complete yet" if state.is_waiting else "nothing landed"
            return dg.SensorResult(skip_reason=said, cursor=state.write())
        taken = [by_source[source] for source in drop.sources]
        missing = [contract for contract in contracts if _is_never_to_land(contract, state, context.instance)]
        request = dg.RunRequest(
            run_key=drop.key,
            asset_selection=[
                key for contract in dict.fromkeys([*taken, *missing]) for key in list_keys(contract)
            ],
            tags={DROP_TAG: "drop", SOURCES_TAG: ",".join(drop.sources)},
        )
        return dg.SensorResult(run_requests=[request], cursor=state.write())

    return landing


def list_keys(contract: Contract) -> list[dg.AssetKey]:
    """The keys that the step of a table builds: its own, and that of its quarantine table."""
    addresses = [contract.address, *([quarantine_address(contract)] if contract.has_quarantine else [])]
    return [asset_key(address) for address in addresses]


def _is_at_work(instance: dg.DagsterInstance, rest_seconds: float) -> bool:
    """Whether a drop is being ingested or just was: what lands meanwhile belongs to the next one."""
    ours = {DROP_TAG: "drop"}
    if instance.get_run_ids(dg.RunsFilter(tags=ours, statuses=UNFINISHED), limit=1):
        return True
    last = instance.get_run_records(dg.RunsFilter(tags=ours), limit=1)
    return bool(last and last[0].end_time and time.time() - last[0].end_time < rest_seconds)


def _has_gone_well(instance: dg.DagsterInstance) -> bool:
    """Whether the run of the last drop succeeded; one that was deleted counts as if it had."""
    last = instance.get_run_records(dg.RunsFilter(tags={DROP_TAG: "drop"}), limit=1)
    return not last or last[0].dagster_run.status == dg.DagsterRunStatus.SUCCESS


def _is_never_to_land(contract: Contract, state: LandingState, instance: dg.DagsterInstance) -> bool:
    """Whether a source is optional, has not landed, and was never built: downstream tables need its empty table."""
    return (
        contract.is_optional
        and not any(source_of(name) == contract.name for name in state.taken)
        and instance.get_latest_materialization_event(asset_key(contract.address)) is None
    )
