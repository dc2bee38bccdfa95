"""Lineage of returned events: which versions of its inputs a materialisation was made from.

A launched step runs against an instance without history, so it reports every input as never materialised, and
Dagster would show its asset as stale right after a good run. This module adds what the host's instance knows to the
events that come back, as Dagster does for a step in its own process.
"""

from dagster import AssetCheckEvaluation, AssetKey, AssetMaterialization, AssetRecordsFilter, DagsterEventType
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    DEFAULT_DATA_VERSION,
    NULL_EVENT_POINTER,
    DataVersion,
    compute_logical_data_version,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from dagster._core.events import StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._core.execution.context.system import StepExecutionContext
from dagster_shared.record import replace


def restore_lineage(entry: EventLogEntry, context: StepExecutionContext) -> EventLogEntry:
    """An event of a launched step, with versions and events of the host's instance.

    Pass events in order, and store each before the next: an asset may be made from another one of the same step. The
    context must have loaded the versions of external inputs when the step began.
    """
    event = entry.dagster_event
    if event is None:
        return entry
    if event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
        data = event.step_materialization_data
        restored: StepMaterializationData | AssetCheckEvaluation = StepMaterializationData(
            _restore_materialization(data.materialization, context), data.asset_lineage
        )
    elif event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
        restored = _restore_check(event.asset_check_evaluation_data, context)
    else:
        return entry
    return entry._replace(dagster_event=event._replace(event_specific_data=restored))


def _restore_materialization(
    materialization: AssetMaterialization, context: StepExecutionContext
) -> AssetMaterialization:
    context.wipe_input_asset_version_info(materialization.asset_key)
    tags = dict(materialization.tags or {})
    if CODE_VERSION_TAG not in tags:
        return materialization
    inputs: dict[AssetKey, DataVersion] = {}
    for key in context.job_def.asset_layer.get(materialization.asset_key).parent_keys:
        known = context.maybe_fetch_and_get_input_asset_version_info(key)
        inputs[key] = (known and known.data_version) or DEFAULT_DATA_VERSION
        tags[get_input_data_version_tag(key)] = inputs[key].value
        tags[get_input_event_pointer_tag(key)] = str(known.storage_id) if known else NULL_EVENT_POINTER
    if DATA_VERSION_IS_USER_PROVIDED_TAG not in tags:
        tags[DATA_VERSION_TAG] = compute_logical_data_version(tags[CODE_VERSION_TAG], inputs).value
    return materialization._replace(tags=tags)


def _restore_check(evaluation: AssetCheckEvaluation, context: StepExecutionContext) -> AssetCheckEvaluation:
    return replace(
        evaluation, target_materialization_data=_find_checked_materialization(evaluation.asset_key, context)
    )


def _find_checked_materialization(
    key: AssetKey, context: StepExecutionContext
) -> AssetCheckEvaluationTargetMaterializationData | None:
    if context.has_partition_key:
        records = context.instance.fetch_materializations(
            AssetRecordsFilter(asset_key=key, asset_partitions=[context.partition_key]), limit=1
        ).records
        return (
            AssetCheckEvaluationTargetMaterializationData(
                storage_id=records[0].storage_id,
                run_id=records[0].event_log_entry.run_id,
                timestamp=records[0].timestamp,
            )
            if records
            else None
        )
    known = context.maybe_fetch_and_get_input_asset_version_info(key)
    if known is None or known.event_type != DagsterEventType.ASSET_MATERIALIZATION:
        return None
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=known.storage_id, run_id=known.run_id, timestamp=known.timestamp
    )
