"""Maintenance as Dagster runs it."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from instacart_assets.definitions import build_defs
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.maintenance.assets import MAINTENANCE_GROUP, MAINTENANCE_JOB
from instacart_assets.maintenance.keep import OPERATIONS
from instacart_assets.runs import SelectionError, select_tables
from instacart_assets.settings import Settings
from instacart_assets_tests.maintenance.test_keep import publish_parts


def run_maintenance(lake: FolderLake, **chosen: Any) -> dg.ExecuteInProcessResult:
    defs = build_defs(Settings(lake=lake.root, **chosen))
    return defs.resolve_job_def(MAINTENANCE_JOB).execute_in_process(raise_on_error=False)


def read_metadata(run: dg.ExecuteInProcessResult, operation: str) -> dict[str, Any]:
    (made,) = run.asset_materializations_for_node(f"{MAINTENANCE_GROUP}__{operation}")
    return {name: value.value for name, value in made.metadata.items()}


def test_the_job_looks_after_every_table_and_tells_of_it(lake: FolderLake) -> None:
    publish_parts(lake)
    run = run_maintenance(lake, compact_after=1)
    assert run.success
    compacted = read_metadata(run, "compact")
    assert (compacted["tables"], compacted["tables_done"], compacted["tables_busy"]) == (1, 1, 0)
    assert compacted["files_before"] > compacted["files_after"] == 1
    assert "| silver.things | done |" in compacted["preview"]
    assert read_metadata(run, "vacuum")["files_removed"] == 0
    assert read_metadata(run, "checkpoint")["tables_done"] == 0  # after ten versions


def test_a_table_that_is_held_does_not_fail_the_job(lake: FolderLake) -> None:
    publish_parts(lake)
    with lake.hold("silver.things", "monday"):
        run = run_maintenance(lake)
    assert run.success
    assert read_metadata(run, "vacuum")["tables_busy"] == 1


def test_where_tables_are_elsewhere_the_failure_says_so(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {"target": "serverless", "lake": tmp_path, "databricks": {"staging": "/Volumes/a/b/c"}}
    )
    run = build_defs(settings).resolve_job_def(MAINTENANCE_JOB).execute_in_process(raise_on_error=False)
    (failure, *_) = run.get_step_failure_events()
    told = failure.step_failure_data.user_failure_data
    assert told is not None
    assert "keeps its tables in a Databricks workspace" in str(told.description)


def test_a_run_of_tables_has_no_maintenance_in_it() -> None:
    defs = build_defs()
    assert not [key for key in select_tables(defs, None) if key.path[0] == MAINTENANCE_GROUP]
    with pytest.raises(SelectionError):
        select_tables(defs, f"group:{MAINTENANCE_GROUP}")
    job = defs.resolve_job_def(MAINTENANCE_JOB)
    assert [node.name for node in job.nodes_in_topological_order] == [
        f"{MAINTENANCE_GROUP}__{operation}" for operation in OPERATIONS
    ]
