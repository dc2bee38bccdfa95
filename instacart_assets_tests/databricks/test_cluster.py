"""What a cluster is, and what it is told."""

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from databricks.sdk.service.jobs import SubmitTask

from instacart_assets.databricks.cluster import (
    describe_library,
    describe_new_cluster,
    describe_remote,
    describe_run,
    describe_secrets,
)
from instacart_assets.settings import DatabricksSettings, Settings, SettingsError, load_settings

ELSEWHERE: dict[str, Any] = {
    "landing": "/Volumes/main/landing/files",
    "lake": "dbfs:/lake",
    "catalog": "main",
    "schema_prefix": "dev_",
    "scratch": "/Volumes/main/ops/scratch",
    "inspection_days": 3,
    "full": True,
    "as_of": datetime(2026, 11, 23, 18, 30, 0, 123_456, timezone(timedelta(hours=1))),
    "calendar": {"first_weekday": "Sunday", "window_weeks": 52, "as_of_date": "2017-01-01"},
}


@pytest.mark.parametrize(
    "settings", [Settings(target="databricks"), Settings(target="databricks", **ELSEWHERE)]
)
def test_the_cluster_loads_the_settings_of_the_host(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in describe_remote(settings).items():
        monkeypatch.setenv(name, value)
    loaded = load_settings()
    assert loaded.target == "databricks_remote"
    aside = {"target", "databricks"}
    assert loaded.model_dump(exclude=aside) == settings.model_dump(exclude=aside)


def test_every_part_of_the_calendar_has_its_variable() -> None:
    told = describe_remote(Settings(target="databricks", **ELSEWHERE))
    assert told["INSTACART_CALENDAR__AS_OF_DATE"] == date(2017, 1, 1).isoformat()
    assert told["INSTACART_INSPECTION_DAYS"] == "3"
    assert told["INSTACART_FULL"] == "True"
    assert told["INSTACART_AS_OF"] == "2026-11-23T18:30:00.123456+01:00"


def test_nothing_of_the_workspace_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "a-token")
    databricks = DatabricksSettings(cluster_id="c", secrets={"PASSWORD": "vault/password"})
    told = describe_remote(Settings(target="databricks", databricks=databricks))
    assert not [name for name in told if "DATABRICKS" in name or "PASSWORD" in name]
    assert "a-token" not in told.values()


def test_nothing_of_what_is_run_when_is_told() -> None:
    alerts = {"url": "https://hooks.example/hush"}
    told = describe_remote(load_settings(target="databricks", environment="prod", alerts=alerts))
    assert not [name for name in told if "ALERTS" in name or "SCHEDULE" in name or "ENVIRONMENT" in name]


def test_an_existing_cluster_is_used_as_it_is() -> None:
    run = describe_run(DatabricksSettings(cluster_id="0101-abc", timeout_seconds=60))
    assert run["cluster"] == {"existing": "0101-abc"}
    assert run["install_default_libraries"] is False
    assert run["timeout_seconds"] == 60


@pytest.mark.parametrize(
    ("given", "nodes"),
    [
        ({"node_type_id": "m5"}, {"node_types": {"node_type_id": "m5"}}),
        ({"node_type_id": "m5", "instance_pool_id": "pool"}, {"instance_pool_id": "pool"}),
        ({"policy_id": "small"}, {"node_types": {"node_type_id": None}}),
    ],
)
def test_a_new_cluster_takes_its_nodes_from_what_is_set(given: dict[str, str], nodes: dict[str, Any]) -> None:
    cluster = describe_new_cluster(DatabricksSettings(**given))
    assert cluster["nodes"] == nodes
    assert cluster["data_security_mode"] == "SINGLE_USER"
    assert cluster.get("policy_id") == given.get("policy_id")
    assert cluster.get("apply_policy_default_values", False) is ("policy_id" in given)


def test_a_cluster_without_workers_is_a_single_node() -> None:
    cluster = describe_new_cluster(DatabricksSettings(node_type_id="m5", workers=0))
    assert cluster["size"] == {"num_workers": 0}
    assert cluster["spark_conf"]["spark.databricks.cluster.profile"] == "singleNode"


def test_without_any_word_on_nodes_the_settings_are_named() -> None:
    with pytest.raises(SettingsError, match="INSTACART_DATABRICKS__CLUSTER_ID"):
        describe_run(DatabricksSettings())


@pytest.mark.parametrize(
    "library", ["/Volumes/main/ops/wheels/a-1-py3-none-any.whl", "dagster==1.13.27", "/Workspace/needs.txt"]
)
def test_the_jobs_api_knows_every_kind_of_library(library: str) -> None:
    described = describe_library(library)
    task = SubmitTask.from_dict({"task_key": "t", "libraries": [described]})
    assert task.as_dict()["libraries"] == [described]
    assert library in str(described)


def test_secrets_are_told_by_scope_and_key() -> None:
    databricks = DatabricksSettings(secrets={"PASSWORD": "vault/team/password"})
    assert describe_secrets(databricks) == {"PASSWORD": ("vault", "team/password")}


@pytest.mark.parametrize("place", ["hunter2", "/key", "scope/"])
def test_a_secret_that_names_no_scope_is_refused_without_being_shown(place: str) -> None:
    with pytest.raises(SettingsError, match="SCOPE/KEY") as refused:
        describe_secrets(DatabricksSettings(secrets={"PASSWORD": place}))
    assert place not in str(refused.value).replace("SCOPE/KEY", "")
