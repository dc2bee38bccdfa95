"""Code, contracts, graph and bundle say the same: parameters, names, comments, schedules, tasks, policy, wheel, versions."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from deploy.bundle_check.check import Target, choose_target, list_required
from deploy.bundle_check.files import read_files
from deploy.bundle_check.tree import Tree
from deploy.bundle_check.wheel import read_wheel
from instacart_assets.automation.environments import DAILY, LANDING, MAINTENANCE, QUALITY, Automation
from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import LAYER_DESCRIPTIONS
from instacart_assets.contracts.quarantine import quarantine_address
from instacart_assets.databricks.cluster import describe_new_cluster
from instacart_assets.databricks.native_job import (
    JOB,
    OPERATORS,
    PARAMETERS,
    RUN_PARAMETERS,
    name_mailbox,
    name_task,
)
from instacart_assets.databricks.policies import Verdict, flatten_cluster, judge_cluster
from instacart_assets.databricks.quarantine_alert import ALERT
from instacart_assets.databricks.scheduled_jobs import DAILY_JOB, MAINTENANCE_JOB, spell_quartz
from instacart_assets.graph import all_tables
from instacart_assets.lakehouse.spark_lake import CatalogNames
from instacart_assets.settings import DatabricksSettings, Environment, ScheduleSettings, Settings
from instacart_assets_tests.bundle.conftest import ROOT
from instacart_assets_tests.databricks.wheels import build_project_wheel

OPS = "ops"
"""The schema that holds no layer, but the folders that the lakehouse works in."""

ENVIRONMENT_OF: dict[str, Environment] = {"dev": "laptop", "staging": "staging", "prod": "prod"}
"""What each target is for: a developer's copy is like a laptop, where nothing starts by itself."""

PAGE = ROOT / "docs" / "how-to" / "bundle.md"


@pytest.fixture(scope="module")
def files() -> Tree:
    return read_files(ROOT).tree


@pytest.fixture(scope="module", params=["dev", "staging", "prod"])
def target(request: pytest.FixtureRequest, files: Tree) -> Target:
    return choose_target(files, request.param)


def get(target: Target, *path: str) -> Any:
    return target.resolved.get(*path)


def test_every_environment_of_the_project_that_is_shared_has_a_target(files: Tree) -> None:
    assert list(files.get_mapping("targets")) == list(ENVIRONMENT_OF)


# Parameters and settings.


def test_every_parameter_of_the_job_is_a_variable_and_a_setting(files: Tree) -> None:
    assert set(PARAMETERS) <= set(files.get_mapping("variables"))
    variables = {*PARAMETERS.values(), *(variable for variable, _ in RUN_PARAMETERS.values())}
    assert {variable.removeprefix("INSTACART_").lower() for variable in variables} <= set(
        Settings.model_fields
    )


def test_every_owner_of_a_table_has_a_mailbox(files: Tree) -> None:
    owners = {owner for contract in load_contracts().values() for owner in contract.owners} | {OPERATORS}
    boxes = {name_mailbox(owner).removeprefix("${var.").removesuffix("}") for owner in owners}
    assert boxes == {name for name in files.get_mapping("variables") if name.endswith("_email")}


@pytest.mark.parametrize("name", ENVIRONMENT_OF)
def test_the_page_says_what_each_target_has_to_be_given(files: Tree, name: str) -> None:
    (table,) = re.findall(r"(?:^\| .*\n)+", PAGE.read_text("utf-8").split("## Variables")[1], re.MULTILINE)[
        :1
    ]
    header, _, *rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table.splitlines()
    ]
    said = {row[0]: row[header.index(name)] for row in rows}
    assert set(said) == set(files.get_mapping("variables"))
    assert {variable for variable, value in said.items() if value == "**required**"} == set(
        list_required(files, name)
    )


# Names in the catalog.


def test_the_code_finds_its_tables_in_the_schemas_of_the_bundle(target: Target) -> None:
    parameters = {one["name"]: one["default"] for one in get(target, "resources", "jobs", JOB, "parameters")}
    names = CatalogNames(parameters["catalog"], parameters["schema_prefix"])
    contracts = load_contracts().values()
    addresses = [*load_contracts(), *(quarantine_address(one) for one in contracts if one.has_quarantine)]
    looked_for = {names.schema(address) for address in addresses}
    schemas = get(target, "resources", "schemas")
    made = {
        f"`{one['catalog_name']}`.`{one['name']}`"
        for key, one in schemas.items()
        if key in LAYER_DESCRIPTIONS
    }
    assert looked_for == made - {names.schema("landing.any")}
    assert parameters["schema_prefix"] == ("dev_deployer_" if target.name == "dev" else "")


def test_schemas_are_the_layers_and_say_what_the_code_says_of_them(files: Tree) -> None:
    schemas = dict(files.get_mapping("resources", "schemas"))
    assert schemas.pop(OPS)["comment"]
    assert {key: schema["comment"] for key, schema in schemas.items()} == LAYER_DESCRIPTIONS


def test_folders_of_the_job_are_volumes_of_the_bundle(target: Target) -> None:
    parameters = {one["name"]: one["default"] for one in get(target, "resources", "jobs", JOB, "parameters")}
    volumes = {
        key: "/Volumes/{catalog_name}/{schema_name}/{name}".format_map(volume)
        for key, volume in get(target, "resources", "volumes").items()
    }
    assert parameters["landing"] == volumes["landed_files"]
    assert parameters["scratch"] == volumes["scratch"]
    assert (
        get(target, "resources", "jobs", JOB, "trigger", "file_arrival", "url") == f"{parameters['landing']}/"
    )
    # What the launcher's target asks of its folder.
    Settings(target="databricks_uc", databricks=DatabricksSettings(staging=volumes["staging"]))


# Jobs.


def test_tasks_of_the_job_are_the_tables_of_the_graph(target: Target) -> None:
    tasks = {one["task_key"]: one for one in get(target, "resources", "jobs", JOB, "tasks")}
    assert set(tasks) == {name_task(table.address) for table in all_tables()}
    for table in all_tables():
        before = {edge["task_key"] for edge in tasks[name_task(table.address)].get("depends_on", [])}
        assert before == {name_task(one) for one in table.dependencies if not one.startswith("landing.")}


@pytest.mark.parametrize(
    ("automation", "job", "kind"),
    [
        (LANDING, JOB, "trigger"),
        (DAILY, DAILY_JOB, "schedule"),
        (MAINTENANCE, MAINTENANCE_JOB, "schedule"),
    ],
    ids=["landing", "daily", "maintenance"],
)
def test_a_job_starts_by_itself_where_the_automation_does(
    target: Target, automation: Automation, job: str, kind: str
) -> None:
    started = get(target, "resources", "jobs", job, kind)
    # Nothing says so by itself: in development the mode pauses, in production it does not.
    assert "pause_status" not in started
    assert get(target, "presets", "trigger_pause_status") is None
    is_started = target.stated.get("targets", target.name, "mode") == "production"
    assert is_started == automation.is_on(ENVIRONMENT_OF[target.name])


def test_the_alert_is_asked_about_where_somebody_is_told_of_checks(target: Target) -> None:
    said = get(target, "resources", "alerts", ALERT, "schedule", "pause_status")
    assert said == ("UNPAUSED" if QUALITY.is_on(ENVIRONMENT_OF[target.name]) else "PAUSED")


def test_jobs_run_when_the_settings_say(target: Target) -> None:
    schedule = ScheduleSettings()
    for job, cron in ((DAILY_JOB, schedule.cron), (MAINTENANCE_JOB, schedule.maintenance_cron)):
        assert get(target, "resources", "jobs", job, "schedule") == {
            "quartz_cron_expression": spell_quartz(cron),
            "timezone_id": schedule.timezone,
        }


# Compute.


@pytest.mark.parametrize("name", ["staging", "prod"])
@pytest.mark.parametrize(
    ("workers", "is_allowed"), [(0, True), (DatabricksSettings().workers, True), (8, True), (9, False)]
)
def test_the_policy_allows_the_clusters_that_the_launcher_asks_for(
    files: Tree, name: str, workers: int, is_allowed: bool
) -> None:
    target = choose_target(files, name)
    definition = get(target, "resources", "cluster_policies", "launched_steps", "definition")
    settings = DatabricksSettings(
        instance_pool_id=target.resolved.get(
            "resources", "cluster_policies", "launched_steps", "definition", "instance_pool_id", "value"
        ),
        policy_id="policy",
        workers=workers,
    )
    verdict: Verdict = judge_cluster(definition, flatten_cluster(describe_new_cluster(settings)))
    assert dict(verdict.wants) == {}
    assert list(verdict.contradictions) == ([] if is_allowed else ["num_workers"])
    assert verdict.effective["custom_tags.environment"] == name


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_the_pool_has_the_runtime_that_the_launcher_asks_for(files: Tree, name: str) -> None:
    nodes = get(choose_target(files, name), "resources", "instance_pools", "nodes")
    assert nodes["preloaded_spark_versions"] == [DatabricksSettings().runtime]


def test_a_developer_needs_no_administrator(files: Tree) -> None:
    kinds = set(get(choose_target(files, "dev"), "resources"))
    assert kinds == {"alerts", "dashboards", "jobs", "schemas", "secret_scopes", "volumes"}
    assert list_required(files, "dev") == ()


# The wheel and the tools.


def test_the_wheel_is_the_one_that_tasks_run_and_holds_no_tool_of_the_bundle(
    files: Tree, tmp_path: Path
) -> None:
    wheel = build_project_wheel(tmp_path)
    said = read_wheel(ROOT)
    assert wheel.name.startswith(f"{said.package}-")
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {said.package}
    assert files.get("artifacts", said.package, "build") == "make wheel"
    recipe = re.search(r"^wheel:.*\n(?:\t.*\n)+", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert recipe is not None
    assert "--directory dist" in recipe[0]


def test_the_command_line_is_as_new_as_the_library_that_checks_the_bundle(files: Tree) -> None:
    assert files.get("bundle", "databricks_cli_version") == f">={version('databricks-bundles')}"
