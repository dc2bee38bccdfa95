"""The job of the whole graph: tasks and assets, edges and dependencies."""

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from instacart_assets.databricks.native_job import JOB, PARAMETERS, describe_job, load_resources, name_task
from instacart_assets.definitions import build_defs
from instacart_assets.graph import all_tables
from instacart_assets.runs import select_tables
from instacart_assets.tables.assets import table_address


@pytest.fixture(scope="module")
def tasks() -> dict[str, dict[str, Any]]:
    return {task["task_key"]: task for task in describe_job(all_tables(), "wheel.whl")["tasks"]}


def test_every_table_is_made_by_one_task(tasks: dict[str, dict[str, Any]]) -> None:
    defs = build_defs()
    graph = defs.resolve_asset_graph()
    made: list[str] = []
    for table in all_tables():
        parameters = tasks[name_task(table.address)]["python_wheel_task"]["parameters"]
        assert parameters[parameters.index("--select") + 1] == table.address
        key = next(key for key in graph.get_all_asset_keys() if table_address(key) == table.address)
        made += [table_address(one) for one in graph.get(key).execution_set_asset_keys or {key}]
    assert sorted(made) == sorted(map(table_address, select_tables(defs, None)))
    assert len(tasks) == len(all_tables())


def test_every_edge_is_a_dependency(tasks: dict[str, dict[str, Any]]) -> None:
    graph = build_defs().resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        address = table_address(key)
        if name_task(address) not in tasks:
            continue
        parents = {
            name_task(table_address(parent))
            for parent in graph.get(key).parent_keys
            if graph.get(parent).is_materializable
        }
        assert {edge["task_key"] for edge in tasks[name_task(address)]["depends_on"]} == parents, address


def test_a_bundle_takes_the_job(tmp_path: Path) -> None:
    """Databricks' own builder, as the command line calls it while a bundle is deployed."""
    bundle = {
        "bundle": {"name": "probe", "target": "dev", "mode": "development"},
        "variables": {name: {"value": name} for name in PARAMETERS},
        "python": {"resources": ["instacart_assets.databricks.native_job:load_resources"]},
    }
    given, made, told = (tmp_path / name for name in ("given.json", "made.json", "told.json"))
    given.write_text(json.dumps(bundle))
    built = subprocess.run(
        [
            *(sys.executable, "-m", "databricks.bundles.build"),
            *("--phase", "load_resources", "--input", str(given)),
            *("--output", str(made), "--diagnostics", str(told)),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert not told.read_text().strip(), told.read_text()
    job = json.loads(made.read_text())["resources"]["jobs"][JOB]
    assert {task["task_key"] for task in job["tasks"]} == {name_task(table.address) for table in all_tables()}
    assert [parameter["name"] for parameter in job["parameters"]] == list(PARAMETERS)


def test_the_command_that_tasks_run_is_in_the_wheel() -> None:
    (task,) = describe_job(all_tables()[:1], "wheel.whl")["tasks"]
    (command,) = entry_points(group="console_scripts", name=task["python_wheel_task"]["entry_point"])
    assert command.dist is not None
    assert command.dist.name.replace("-", "_") == task["python_wheel_task"]["package_name"]
    assert callable(command.load())


def test_resources_hold_the_job_alone() -> None:
    resources = load_resources(None)  # type: ignore[arg-type] # the bundle is not looked at
    assert list(resources.jobs) == [JOB]
