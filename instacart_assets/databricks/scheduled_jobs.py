"""Databricks jobs that run on a schedule: the whole graph once a day, and maintenance of the lake's files.

Contains their descriptions; when they run is a setting's default, as for Dagster's schedules. The mode of a bundle's
target pauses them in development.
"""

import re
from typing import TYPE_CHECKING, Any

from instacart_assets.databricks.native_job import (
    JOB,
    PARAMETERS,
    RUN_SECONDS,
    WHEEL,
    describe_command,
    describe_environments,
    describe_parameters,
    describe_watch,
    hold_jobs,
)
from instacart_assets.settings import ScheduleSettings, SettingsError

if TYPE_CHECKING:
    from databricks.bundles.core import Bundle, Resources

DAILY_JOB, MAINTENANCE_JOB = "instacart_daily", "instacart_maintenance"

UNIX_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

NUMBERED_DAY = re.compile(r"(?<![/\d])\d")
"""A weekday by its number; a number after a slash is a step."""


def spell_quartz(cron: str) -> str:
    """A cron expression in Databricks' form: with seconds, and ``?`` for the kind of day that is not restricted.

    Args:
        cron: minute, hour, day, month and weekday.

    Raises:
        SettingsError: it restricts days of the month and of the week, which Quartz does not support together.
    """
    minute, hour, day, month, weekday = cron.split()
    if weekday == "*":
        return f"0 {minute} {hour} {day} {month} ?"
    if day != "*":
        raise SettingsError(
            f"the schedule {cron!r} names days of the month and of the week, which a Databricks job cannot: "
            "write * for one of them"
        )
    return f"0 {minute} {hour} ? {month} {_spell_weekdays(weekday)}"


def _spell_weekdays(weekday: str) -> str:
    """Weekdays by name: Quartz counts them from 1, Unix from 0, and Unix also accepts 7 for Sunday."""
    return NUMBERED_DAY.sub(lambda found: UNIX_DAYS[int(found[0]) % 7], weekday.upper())


def describe_schedule(cron: str, timezone: str) -> dict[str, str]:
    """When a job runs, in the Jobs API's form."""
    return {"quartz_cron_expression": spell_quartz(cron), "timezone_id": timezone}


def describe_daily_job(schedule: ScheduleSettings) -> dict[str, Any]:
    """A daily run of the whole graph: it finds what the trigger does not see, such as an overwritten file.

    It is a separate job, because Databricks allows one trigger per job.
    """
    return {
        "name": "Instacart lakehouse, daily",
        "description": "Runs the job of the whole graph once a day, whatever landed.",
        **describe_watch(RUN_SECONDS),
        "schedule": describe_schedule(schedule.cron, schedule.timezone),
        "tasks": [
            {
                "task_key": "lakehouse",
                "run_job_task": {"job_id": f"${{resources.jobs.{JOB}.id}}"},
            }
        ],
    }


def describe_maintenance_job(schedule: ScheduleSettings, wheel: str = WHEEL) -> dict[str, Any]:
    """Maintenance of all tables' files: compaction and vacuum, by the same rules as on every target."""
    return {
        "name": "Instacart maintenance",
        "description": "Writes small files together and removes those that no version needs.",
        **describe_watch(RUN_SECONDS),
        "schedule": describe_schedule(schedule.maintenance_cron, schedule.timezone),
        "parameters": describe_parameters(PARAMETERS, {}),
        "tasks": [{"task_key": "maintain", **describe_command(["--maintain"], PARAMETERS)}],
        "environments": describe_environments(wheel),
    }


def load_resources(bundle: "Bundle") -> "Resources":  # noqa: ARG001 - the bundle passes it
    """What a bundle's Python support loads: both jobs, under their own names."""
    schedule = ScheduleSettings()
    return hold_jobs(
        {DAILY_JOB: describe_daily_job(schedule), MAINTENANCE_JOB: describe_maintenance_job(schedule)}
    )
