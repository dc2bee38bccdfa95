"""The daily schedules, and when they are due."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from instacart_assets.contracts.load import load_contracts
from instacart_assets.definitions import WHOLE_GRAPH_JOB, build_defs
from instacart_assets.maintenance.assets import MAINTENANCE_JOB
from instacart_assets.settings import SettingsError, load_settings


def list_times(schedule: dg.ScheduleDefinition, start: datetime, count: int) -> Iterator[datetime]:
    assert isinstance(schedule.cron_schedule, str)
    times = schedule_execution_time_iterator(
        start.timestamp(), schedule.cron_schedule, schedule.execution_timezone
    )
    for _ in range(count):
        yield next(times).astimezone(UTC)


def find_schedule(name: str, **chosen: object) -> dg.ScheduleDefinition:
    schedule = build_defs(load_settings(**chosen)).get_schedule_def(name)
    assert isinstance(schedule, dg.ScheduleDefinition)
    return schedule


@pytest.mark.parametrize(("name", "job"), [("daily", WHOLE_GRAPH_JOB), ("maintenance", MAINTENANCE_JOB)])
def test_it_asks_for_the_whole_of_its_job(name: str, job: str) -> None:
    schedule = find_schedule(name)
    with dg.build_schedule_context(scheduled_execution_time=datetime(2026, 1, 1, tzinfo=UTC)) as context:
        requests = schedule.evaluate_tick(context).run_requests
    assert requests is not None
    assert [request.asset_selection for request in requests] == [None]
    assert schedule.job_name == job


@pytest.mark.parametrize(("target", "is_on"), [("local", True), ("serverless", False)])
def test_maintenance_is_off_where_a_job_of_the_workspace_does_it(target: str, *, is_on: bool) -> None:
    volume = {"staging": "/Volumes/main/ops/staging"}
    chosen = {"target": target, "catalog": "main", "databricks": volume} if target == "serverless" else {}
    for name, expected in (("maintenance", is_on), ("daily", True)):
        schedule = find_schedule(name, environment="prod", **chosen)
        assert (schedule.default_status == dg.DefaultScheduleStatus.RUNNING) is expected


def test_it_keeps_the_time_of_day_of_its_zone_when_clocks_change() -> None:
    chosen = {"cron": "30 5 * * *", "timezone": "Europe/Zurich"}
    schedule = find_schedule("daily", schedule=chosen)
    times = list(list_times(schedule, datetime(2026, 3, 28, tzinfo=UTC), 2))
    assert [(time.hour, time.minute) for time in times] == [(4, 30), (3, 30)]


def test_no_table_is_late_before_the_next_day_has_built_it() -> None:
    chosen = {"cron": "30 2 * * *", "timezone": "Europe/Zurich"}
    times = list(list_times(find_schedule("daily", schedule=chosen), datetime(2026, 1, 1, tzinfo=UTC), 366))
    longest = max(later - earlier for earlier, later in pairwise(times))
    assert longest == timedelta(hours=25)  # when clocks go back
    an_hour_for_the_run = timedelta(hours=1)
    for contract in load_contracts().values():
        assert timedelta(hours=contract.freshness_hours) >= longest + an_hour_for_the_run, contract.address


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("INSTACART_SCHEDULE__CRON", "daily", "write minute, hour"),
        ("INSTACART_SCHEDULE__CRON", "61 5 * * *", "write minute, hour"),
        ("INSTACART_SCHEDULE__MAINTENANCE_CRON", "nightly", "write minute, hour"),
        ("INSTACART_SCHEDULE__TIMEZONE", "Mars/Olympus", "write one as Europe/Zurich"),
        ("INSTACART_SCHEDULE__TIMEZONE", "../etc", "write one as Europe/Zurich"),
        ("INSTACART_SCHEDULE__TIMEZONE", "", "write one as Europe/Zurich"),
    ],
)
def test_a_time_that_cannot_be_is_told_with_its_variable(
    variable: str, value: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"{variable}=.*{remedy}"):
        load_settings()
