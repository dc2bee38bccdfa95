"""The landing sensor, look after look."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from instacart_assets.automation.folders import LocalFolder
from instacart_assets.automation.landing import DROP_TAG, build_landing_sensor
from instacart_assets.tables.assets import asset_key, table_address
from instacart_assets_tests.landing_files import write_file
from instacart_assets_tests.small_contracts import make_landed_contract

CONTRACTS = [
    make_landed_contract("things"),
    make_landed_contract("others"),
    make_landed_contract("extras", is_optional=True),
]
EXTRAS = {"bronze.extras", "quarantine.extras__lines"}
"""A source that need not land is built empty with the first drop."""


@dataclass
class Sensor:
    """The sensor on a folder, with the cursor that the daemon keeps."""

    landing: Path
    instance: dg.DagsterInstance
    cursor: str | None = None

    def look(self) -> list[dg.RunRequest]:
        sensor = build_landing_sensor(
            "whole", CONTRACTS, lambda sources: LocalFolder(self.landing, sources), look_seconds=1, is_on=True
        )
        with dg.build_sensor_context(self.instance, cursor=self.cursor) as context:
            result = sensor.evaluate_tick(context)
        self.cursor = result.cursor
        return list(result.run_requests or [])

    def look_until_asked(self) -> dg.RunRequest:
        for _ in range(3):
            for request in self.look():
                return request
        pytest.fail("no run was asked for in three looks")


@pytest.fixture
def sensor(tmp_path: Path) -> Iterator[Sensor]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Sensor(tmp_path, instance)


def list_asked(request: dg.RunRequest) -> set[str]:
    return {table_address(key) for key in request.asset_selection or ()}


def test_a_drop_asks_for_one_run_of_the_tables_that_changed(sensor: Sensor) -> None:
    write_file(sensor.landing, "things.csv", "a")
    assert sensor.look() == []
    (request,) = sensor.look()
    assert list_asked(request) == {"bronze.things", "quarantine.things__lines"} | EXTRAS
    assert request.tags["instacart/sources"] == "things"
    assert sensor.look() == []


def test_a_source_that_need_not_land_is_asked_for_until_it_was_built(sensor: Sensor) -> None:
    write_file(sensor.landing, "things.csv", "a")
    assert list_asked(sensor.look_until_asked()) >= EXTRAS
    sensor.instance.report_runless_asset_event(dg.AssetMaterialization(asset_key("bronze.extras")))
    write_file(sensor.landing, "others/1.csv", "b")
    assert list_asked(sensor.look_until_asked()) == {"bronze.others", "quarantine.others__lines"}


def test_nothing_is_asked_for_while_a_drop_is_taken_in_and_nothing_is_missed(sensor: Sensor) -> None:
    run = create_run_for_test(
        sensor.instance, status=dg.DagsterRunStatus.STARTED, tags={DROP_TAG: "drop"}, job_name="whole"
    )
    write_file(sensor.landing, "things.csv", "a")
    assert [sensor.look() for _ in range(4)] == [[]] * 4
    sensor.instance.delete_run(run.run_id)
    assert "bronze.things" in list_asked(sensor.look_until_asked())


def test_a_drop_that_was_just_taken_in_leaves_a_turn_to_what_follows(sensor: Sensor) -> None:
    run = create_run_for_test(sensor.instance, tags={DROP_TAG: "drop"}, job_name="whole")
    sensor.instance.report_run_failed(run)
    write_file(sensor.landing, "things.csv", "a")
    assert [sensor.look() for _ in range(3)] == [[]] * 3


def end(sensor: Sensor, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
    """Let the run that was asked for end."""
    create_run_for_test(sensor.instance, status=status, tags=dict(request.tags), job_name="whole")


@pytest.mark.parametrize(
    ("status", "sources"),
    [(dg.DagsterRunStatus.FAILURE, "others,things"), (dg.DagsterRunStatus.SUCCESS, "others")],
)
def test_what_a_failed_run_left_comes_with_the_drop_that_mends_it(
    sensor: Sensor, status: dg.DagsterRunStatus, sources: str
) -> None:
    write_file(sensor.landing, "things.csv", "a")
    write_file(sensor.landing, "others.csv", "a")
    end(sensor, sensor.look_until_asked(), status)
    write_file(sensor.landing, "others.csv", "ab")
    asked = sensor.look_until_asked()
    assert asked.tags["instacart/sources"] == sources
    assert ("bronze.things" in list_asked(asked)) is (sources == "others,things")


def test_other_drops_go_their_way_until_what_failed_is_mended(sensor: Sensor) -> None:
    write_file(sensor.landing, "things.csv", "a")
    path = write_file(sensor.landing, "others.csv", "broken")
    end(sensor, sensor.look_until_asked(), dg.DagsterRunStatus.FAILURE)
    write_file(sensor.landing, "extras.csv", "a")
    request = sensor.look_until_asked()
    assert request.tags["instacart/sources"] == "extras"
    end(sensor, request, dg.DagsterRunStatus.SUCCESS)
    path.unlink()  # what is gone is not asked for, and no more in the way
    write_file(sensor.landing, "extras.csv", "ab")
    assert sensor.look_until_asked().tags["instacart/sources"] == "extras,things"


def test_what_cannot_be_read_is_a_drop_like_any_other_and_stops_nothing(sensor: Sensor) -> None:
    (sensor.landing / "things.csv").mkdir()  # as Spark writes what it calls a file
    write_file(sensor.landing, "others.csv", "a")
    assert sensor.look_until_asked().tags["instacart/sources"] == "others,things"


def test_a_daemon_that_starts_again_goes_on_where_it_was(sensor: Sensor) -> None:
    write_file(sensor.landing, "things.csv", "a")
    sensor.look()
    again = Sensor(sensor.landing, sensor.instance, sensor.cursor)
    assert again.look_until_asked().run_key == sensor.look_until_asked().run_key


def test_a_removed_file_asks_for_nothing(sensor: Sensor) -> None:
    path = write_file(sensor.landing, "things.csv", "a")
    sensor.look_until_asked()
    path.unlink()
    assert [sensor.look(), sensor.look()] == [[], []]
