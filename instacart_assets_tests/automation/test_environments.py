"""What runs by itself where: the table, and that Dagster is told the same."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from instacart_assets.automation.environments import AUTOMATIONS
from instacart_assets.cli import app
from instacart_assets.definitions import build_defs
from instacart_assets.settings import (
    ENVIRONMENTS,
    AlertSettings,
    Environment,
    ScheduleSettings,
    Settings,
    load_settings,
)

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "automation.md"


def read_page(first: str) -> list[list[str]]:
    """The cells of the page's table whose first column has this name, its header among them."""
    lines = PAGE.read_text("utf-8").split("\n\n")
    (table,) = [block for block in lines if block.startswith(f"| {first} |")]
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return [row for row in rows if row[0] != "---"]


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


def test_the_page_shows_the_same_table() -> None:
    header, *rows = read_page("name")
    assert header == ["name", "kind", *ENVIRONMENTS, "what it does"]
    assert rows == [
        [one.name, one.kind, *("on" if one.is_on(where) else "off" for where in ENVIRONMENTS), one.purpose]
        for one in AUTOMATIONS
    ]


def test_defaults_on_the_page_are_the_defaults() -> None:
    parts: dict[str, type[BaseModel]] = {"SCHEDULE": ScheduleSettings, "ALERTS": AlertSettings}
    for variable, said, _ in read_page("variable")[1:]:
        section, _, name = variable.removeprefix("INSTACART_").rpartition("__")
        field = parts.get(section, Settings).model_fields[name.lower()]
        default = field.get_default(call_default_factory=True)
        shown = "none" if default is None else f"{default:g}" if isinstance(default, float) else str(default)
        assert said == shown, variable


def test_the_command_says_where_one_is_and_what_is_on() -> None:
    said = CliRunner().invoke(app, ["automation"], env={"INSTACART_ENVIRONMENT": "staging", "COLUMNS": "160"})
    assert said.exit_code == 0
    assert "▸ staging" in said.output
    assert "▸ prod" not in said.output
    for one in AUTOMATIONS:
        (line,) = [line for line in said.output.splitlines() if line.split()[:1] == [one.name]]
        assert line.split()[2 : 2 + len(ENVIRONMENTS)] == [
            "on" if one.is_on(where) else "off" for where in ENVIRONMENTS
        ]
