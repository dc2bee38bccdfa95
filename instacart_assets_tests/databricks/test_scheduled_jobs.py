"""Jobs that run by the clock: when, what they run, and that Databricks' builder takes them."""

import os
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.jobs import JobSettings

from deploy.bundle_check.schedules import find_cron_fault
from instacart_assets.databricks.native_job import JOB, PARAMETERS
from instacart_assets.databricks.scheduled_jobs import (
    DAILY_JOB,
    MAINTENANCE_JOB,
    describe_daily_job,
    describe_maintenance_job,
    spell_quartz,
)
from instacart_assets.settings import ScheduleSettings, SettingsError
from instacart_assets.task import _make_parser, _read_settings
from instacart_assets_tests.databricks.test_native_job import build_bundle

SCHEDULE = ScheduleSettings(cron="15 4 * * 1-5", maintenance_cron="0 3 1 * *", timezone="Europe/Zurich")


@pytest.mark.parametrize(
    ("cron", "quartz"),
    [
        ("30 5 * * *", "0 30 5 * * ?"),
        ("0 3 1 * *", "0 0 3 1 * ?"),
        ("15 4 * * 1-5", "0 15 4 ? * MON-FRI"),
        ("0 0 * * 0,7", "0 0 0 ? * SUN,SUN"),
        ("0 0 * * mon/2", "0 0 0 ? * MON/2"),
        ("*/10 8-18 * 1,7 *", "0 */10 8-18 * 1,7 ?"),
    ],
)
def test_a_cron_expression_means_the_same_to_databricks(cron: str, quartz: str) -> None:
    assert spell_quartz(cron) == quartz
    assert find_cron_fault(quartz) is None


def test_days_of_the_month_and_of_the_week_at_once_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"'0 0 1 \* 5'.*write \* for one of them"):
        spell_quartz("0 0 1 * 5")


def test_the_daily_job_runs_the_job_of_the_whole_graph() -> None:
    job = describe_daily_job(SCHEDULE)
    assert job["schedule"] == {
        "quartz_cron_expression": "0 15 4 ? * MON-FRI",
        "timezone_id": "Europe/Zurich",
    }
    (task,) = job["tasks"]
    assert task["run_job_task"] == {"job_id": f"${{resources.jobs.{JOB}.id}}"}
    assert job["queue"] == {"enabled": True}  # a run that a file has started is waited for


def test_the_maintenance_job_looks_after_the_lake_of_its_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    job = describe_maintenance_job(SCHEDULE, "wheel.whl")
    assert JobSettings.from_dict(job).as_dict()["schedule"] == job["schedule"]
    (task,) = job["tasks"]
    words = task["python_wheel_task"]["parameters"]
    for parameter in job["parameters"]:
        value = f"/Volumes/{parameter['name']}"
        words = [word.replace(f"{{{{job.parameters.{parameter['name']}}}}}", value) for word in words]
    monkeypatch.setattr(os, "environ", {})
    said = _make_parser().parse_args(words)
    assert (said.maintain, said.select) == (True, None)
    settings = _read_settings(dict(said.set))
    assert {name: str(getattr(settings, name)) for name in PARAMETERS} == {
        name: f"/Volumes/{name}" for name in PARAMETERS
    }


def test_a_bundle_takes_both_jobs(tmp_path: Path) -> None:
    jobs: dict[str, Any] = build_bundle(
        tmp_path, "instacart_assets.databricks.scheduled_jobs:load_resources"
    )["jobs"]
    assert set(jobs) == {DAILY_JOB, MAINTENANCE_JOB}
    assert all("pause_status" not in job["schedule"] for job in jobs.values())
