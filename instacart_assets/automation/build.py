"""All sensors and schedules, built with the settings of a deployment.

Contains the assembly only; what is on in which environment is in ``environments.py``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import dagster as dg

from instacart_assets.automation.alert_sensors import build_alert_sensors
from instacart_assets.automation.conditions import build_downstream_sensor
from instacart_assets.automation.environments import DAILY, DOWNSTREAM, LANDING, MAINTENANCE, Automation
from instacart_assets.automation.folders import open_folder
from instacart_assets.automation.landing import build_landing_sensor
from instacart_assets.maintenance.assets import MAINTENANCE_JOB
from instacart_assets.settings import UNREACHED_TARGETS, Settings
from instacart_assets.tables.declare import Table


@dataclass(frozen=True)
class AutomationDefinitions:
    """Sensors and schedules, as Dagster definitions."""

    sensors: tuple[dg.SensorDefinition, ...]
    schedules: tuple[dg.ScheduleDefinition, ...]


def build_automation(settings: Settings, tables: Iterable[Table], job: str) -> AutomationDefinitions:
    """The sensors and the schedule.

    Args:
        settings: the settings of the deployment.
        tables: the graph.
        job: name of the job that builds every table.
    """
    contracts = {table.address: table.contract for table in tables}
    landing = build_landing_sensor(
        job,
        [contract for contract in contracts.values() if contract.landed_columns],
        partial(open_folder, settings),
        look_seconds=settings.look_seconds,
        is_on=LANDING.is_on(settings.environment),
    )
    downstream = build_downstream_sensor(
        look_seconds=settings.look_seconds, is_on=DOWNSTREAM.is_on(settings.environment)
    )
    return AutomationDefinitions(
        (landing, downstream, *build_alert_sensors(settings, contracts)),
        (
            build_schedule(DAILY, settings, job, settings.schedule.cron),
            build_schedule(
                MAINTENANCE,
                settings,
                MAINTENANCE_JOB,
                settings.schedule.maintenance_cron,
                is_possible=settings.target not in UNREACHED_TARGETS,
            ),
        ),
    )


def build_schedule(
    automation: Automation, settings: Settings, job: str, cron: str, *, is_possible: bool = True
) -> dg.ScheduleDefinition:
    """The schedule of an automation, in the time zone of the settings; off where its job cannot succeed."""
    is_on = is_possible and automation.is_on(settings.environment)
    return dg.ScheduleDefinition(
        name=automation.name,
        job_name=job,
        cron_schedule=cron,
        execution_timezone=settings.schedule.timezone,
        description=f"{automation.purpose.capitalize()}.",
        default_status=dg.DefaultScheduleStatus.RUNNING if is_on else dg.DefaultScheduleStatus.STOPPED,
    )
