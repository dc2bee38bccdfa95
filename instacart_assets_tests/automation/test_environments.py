"""What runs by itself where: the table, and that Dagster is told the same."""

from typing import Any

import dagster as dg
import pytest

from instacart_assets.automation.environments import AUTOMATIONS
from instacart_assets.definitions import build_defs
from instacart_assets.settings import ENVIRONMENTS, Environment, load_settings


def find_running(environment: Environment) -> set[str]:
    repository: Any = build_defs(load_settings(environment=environment)).get_repository_def()
    return {
        *(one.name for one in repository.sensor_defs if one.default_status == dg.DefaultSensorStatus.RUNNING),
        *(
            one.name
            for one in repository.schedule_defs
            if one.default_status == dg.DefaultScheduleStatus.RUNNING
        ),
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_the_table_says_is_what_runs(environment: Environment) -> None:
    assert find_running(environment) == {one.name for one in AUTOMATIONS if one.is_on(environment)}


def test_on_a_laptop_nothing_runs_by_itself() -> None:
    assert load_settings().environment == "laptop"
    assert find_running("laptop") == set()


def test_in_production_everything_does() -> None:
    assert find_running("prod") == {one.name for one in AUTOMATIONS}


def test_every_sensor_and_schedule_is_in_the_table() -> None:
    repository = build_defs().get_repository_def()
    kinds = {
        **{one.name: "sensor" for one in repository.sensor_defs},
        **{one.name: "schedule" for one in repository.schedule_defs},
    }
    assert kinds == {one.name: one.kind for one in AUTOMATIONS}
