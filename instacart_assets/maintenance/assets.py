"""Maintenance as Dagster shows and runs it: an asset per operation, over all tables of the lake.

Contains the Dagster definitions of what ``keep.py`` does. When it runs is set where schedules are wired.
"""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
from pyspark.sql import SparkSession

from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.care import Files
from instacart_assets.lakehouse.sessions import open_lake
from instacart_assets.maintenance.keep import Care, Keeper, Operation, list_faults
from instacart_assets.settings import Settings

MAINTENANCE_GROUP = "maintenance"
"""The group of the assets, and the first part of their keys."""

MAINTENANCE_JOB = "maintain_lake"

MAINTENANCE_SELECTION = dg.AssetSelection.groups(MAINTENANCE_GROUP)

OWNERS = ("team:data-engineering",)

DESCRIPTIONS: dict[Operation, str] = {
    "compact": "Compacts the small files of every table. No row changes, and earlier versions stay readable.",
    "vacuum": "Vacuums files that no version within the days of time travel needs. Candidates stay, whatever their age.",
    "checkpoint": "Writes a checkpoint of each table's log, and drops commits outside the days of time travel.",
}
"""What each operation does, in the order in which they run."""

SHOWN: dict[str, Callable[[Care], Any]] = {
    "table": lambda care: care.address,
    "state": lambda care: care.state,
    "files_before": lambda care: None if care.before is None else care.before.count,
    "files_after": lambda care: None if care.after is None else care.after.count,
    "files_removed": lambda care: care.removed.count,
    "bytes_removed": lambda care: care.removed.bytes,
    "spared": lambda care: care.spared,
}
"""Columns of the preview."""


class LakeKeeper:
    """Opens the lake of the settings when maintenance runs.

    Args:
        settings: which lake, and when each operation is due.
        open_session: returns the engine's session; called by lakes that Spark writes.
    """

    def __init__(self, settings: Settings, open_session: Callable[[], SparkSession]) -> None:
        self._settings = settings
        self._open_session = open_session

    def keep(self, operation: Operation, run_id: str) -> list[Care]:
        """Do what is due of one operation; see ``Keeper``."""
        lake = open_lake(self._settings, self._open_session)
        return Keeper(lake, self._settings, run_id).keep([operation])


def build_maintenance_assets() -> list[dg.AssetsDefinition]:
    """One asset per operation, each after the previous one: what compaction leaves behind is vacuumed later."""
    operations = list(DESCRIPTIONS)
    return [
        _build_asset(operation, operations[number - 1 : number] if number else [])
        for number, operation in enumerate(operations)
    ]


def build_maintenance_job() -> Any:
    """The job of all maintenance."""
    return dg.define_asset_job(
        MAINTENANCE_JOB,
        selection=MAINTENANCE_SELECTION,
        description="Maintains the files of every table: compaction, vacuum, checkpoints.",
    )


def _build_asset(operation: Operation, after: Sequence[Operation]) -> dg.AssetsDefinition:
    @dg.asset(
        key=[MAINTENANCE_GROUP, operation],
        deps=[[MAINTENANCE_GROUP, earlier] for earlier in after],
        group_name=MAINTENANCE_GROUP,
        description=DESCRIPTIONS[operation],
        owners=list(OWNERS),
        kinds={"deltalake"},
        tags={"layer": MAINTENANCE_GROUP},
    )
    def look_after(
        context: dg.AssetExecutionContext,
        keeper: dg.ResourceParam[LakeKeeper],
        pyspark_step_launcher: dg.ResourceParam[Any],  # noqa: ARG001 - if there is one, it launches the step
    ) -> dg.MaterializeResult[Any]:
        try:
            done = keeper.keep(operation, context.run.run_id)
        except RemediableError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        if faults := list_faults(done):
            raise dg.Failure("\n".join(faults), describe_care(done), allow_retries=False)
        return dg.MaterializeResult(metadata=describe_care(done))

    return look_after


def describe_care(done: Sequence[Care]) -> dict[str, Any]:
    """What was done, as metadata: totals, and a row per table."""
    removed = [care.removed for care in done]
    return {
        "tables": len(done),
        "tables_done": sum(care.state == "done" for care in done),
        "tables_busy": sum(care.state == "busy" for care in done),
        "files_before": _count(care.before for care in done),
        "files_after": _count(care.after for care in done),
        "bytes_before": _weigh(care.before for care in done),
        "bytes_after": _weigh(care.after for care in done),
        "files_removed": _count(removed),
        "bytes_removed": _weigh(removed),
        "preview": dg.MetadataValue.md(_tabulate(done)),
    }


def _count(files: Any) -> int:
    known: list[Files] = [one for one in files if one is not None]
    return sum(one.count for one in known)


def _weigh(files: Any) -> int:
    known: list[Files] = [one for one in files if one is not None]
    return sum(one.bytes for one in known)


def _tabulate(done: Sequence[Care]) -> str:
    """A row per table, in Markdown."""
    rows = [[show(care) for show in SHOWN.values()] for care in done]
    lines = [list(SHOWN), ["---"] * len(SHOWN), *rows]
    return "\n".join(
        f"| {' | '.join('' if value is None else str(value) for value in line)} |" for line in lines
    )
