"""The job of the whole graph: tasks and assets, edges and dependencies."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from databricks.bundles.core import Bundle
from databricks.sdk.service.jobs import JobSettings

from instacart_assets.databricks.native_job import (
    JOB,
    OPERATORS,
    PARAMETERS,
    RUN_PARAMETERS,
    RUN_SECONDS,
    describe_job,
    load_resources,
    name_mailbox,
    name_task,
)
from instacart_assets.definitions import build_defs
from instacart_assets.graph import all_tables
from instacart_assets.runs import select_tables
from instacart_assets.tables.assets import table_address
from instacart_assets.task import _make_parser, _read_settings


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


def build_bundle(folder: Path, loader: str = "instacart_assets.databricks.native_job:load_resources") -> Any:
    """The resources that Databricks' own builder makes, as the command line calls it while a bundle is deployed."""
    bundle = {
        "bundle": {"name": "probe", "target": "dev", "mode": "development"},
        "variables": {name: {"value": name} for name in PARAMETERS},
        "python": {"resources": [loader]},
    }
    given, made, told = (folder / name for name in ("given.json", "made.json", "told.json"))
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
    return json.loads(made.read_text())["resources"]


def test_a_bundle_takes_the_job(tmp_path: Path) -> None:
    job = build_bundle(tmp_path)["jobs"][JOB]
    assert {task["task_key"] for task in job["tasks"]} == {name_task(table.address) for table in all_tables()}
    assert [parameter["name"] for parameter in job["parameters"]] == [*PARAMETERS, *RUN_PARAMETERS]
    assert (job["queue"], job["max_concurrent_runs"]) == ({"enabled": True}, 1)
    assert job["tags"] == {"project": "instacart"}
    assert job["email_notifications"]["on_failure"] == ["${var.data_engineering_email}"]


def test_the_job_starts_when_files_land_unless_its_target_pauses_it(tmp_path: Path) -> None:
    trigger = build_bundle(tmp_path)["jobs"][JOB]["trigger"]
    # Where nothing is said, the mode of the target says it: paused in development.
    assert "pause_status" not in trigger
    arrival = trigger["file_arrival"]
    assert arrival["url"] == "${var.landing}/"
    # Databricks refuses less than a minute.
    assert min(value for name, value in arrival.items() if name.endswith("_seconds")) >= 60


def test_the_api_takes_the_job() -> None:
    described = describe_job(all_tables(), "wheel.whl")
    taken = JobSettings.from_dict(described).as_dict()
    for task in described["tasks"]:
        if not task["depends_on"]:
            del task["depends_on"]  # the SDK says nothing of what is empty
    assert taken == described


def test_who_owns_a_table_is_told_when_its_task_fails(tasks: dict[str, dict[str, Any]]) -> None:
    for table in all_tables():
        told = tasks[name_task(table.address)].get("email_notifications", {}).get("on_failure", [])
        # The operators hear of every run that fails, and need not hear of it twice.
        assert told == [name_mailbox(one) for one in table.contract.owners if one != OPERATORS]
    assert name_mailbox("team:data-engineering") == "${var.data_engineering_email}"
    assert name_mailbox("ada@example.org") == "ada@example.org"


def test_no_task_runs_for_ever_or_over_and_over(tasks: dict[str, dict[str, Any]]) -> None:
    for task in tasks.values():
        assert 0 < task["timeout_seconds"] <= RUN_SECONDS
        assert (task["max_retries"], task["retry_on_timeout"]) == (1, False)
        assert task["disable_auto_optimization"] is True


@pytest.mark.parametrize(
    ("started_with", "full", "as_of"),
    [
        ({}, False, None),
        ({"full": "true"}, True, None),
        ({"as_of": "2026-11-23T18:30:00+01:00"}, False, datetime(2026, 11, 23, 17, 30, tzinfo=UTC)),
    ],
)
def test_a_single_run_may_be_another_than_usual(
    tasks: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    started_with: dict[str, str],
    full: bool,
    as_of: datetime | None,
) -> None:
    usual = {name: default for name, (_, default) in RUN_PARAMETERS.items()}
    values = {**{name: f"/Volumes/{name}" for name in PARAMETERS}, **usual, **started_with}
    words = tasks["silver__orders"]["python_wheel_task"]["parameters"]
    for name, value in values.items():
        words = [word.replace(f"{{{{job.parameters.{name}}}}}", value) for word in words]
    monkeypatch.setattr(os, "environ", {})
    settings = _read_settings(dict(_make_parser().parse_args(words).set))
    assert (settings.full, settings.as_of, settings.target) == (full, as_of, "databricks_remote")


def test_the_command_that_tasks_run_is_in_the_wheel() -> None:
    (task,) = describe_job(all_tables()[:1], "wheel.whl")["tasks"]
    (command,) = entry_points(group="console_scripts", name=task["python_wheel_task"]["entry_point"])
    assert command.dist is not None
    assert command.dist.name.replace("-", "_") == task["python_wheel_task"]["package_name"]
    assert callable(command.load())


def test_resources_hold_the_job_alone() -> None:
    resources: Any = load_resources(Bundle(target="dev"))
    assert list(resources.jobs) == [JOB]
