"""Runs that work on one lake at the same time, each in a process of its own: nothing is lost, doubled or in the way."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.lock import TableHeldError
from instacart_assets.runs import run_graph
from instacart_assets.settings import Settings
from instacart_assets.tables.build import build_table
from instacart_assets.tables.desk import discard_rows
from instacart_assets_tests.faults.accounts import read_all, read_version
from instacart_assets_tests.faults.proof import scale
from instacart_assets_tests.lake_reading import read_rows
from instacart_assets_tests.landing_files import write_landing
from instacart_assets_tests.tables.things import BRONZE, SILVER, land

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = scale(240, 1_200)
TIMES = scale(3, 20)
WITH_REFUSED = "thing_id,name\n1,apple\n2,pear\n3,strawberry\n4\n"
AISLES = "aisle_id,aisle\n" + "".join(f"{number},aisle {number}\n" for number in range(1, 200)) + "x,odd\n7\n"
RUN_COLUMNS = ("quarantined_at", "resolved_at", "run_id", "_ingested_at")


def start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("INSTACART_", "DAGSTER_"))
    }
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=clean | {"PYTHONPATH": str(ROOT)} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(processes: "list[subprocess.Popen[str]]") -> list[str]:
    """Complaints of processes, all of which must end well; none outlives the test."""
    try:
        said = [process.communicate(timeout=TIMEOUT_SECONDS) for process in processes]
        return [
            f"{out}{err}" for process, (out, err) in zip(processes, said, strict=True) if process.returncode
        ]
    finally:
        for process in processes:
            process.kill()


@pytest.mark.slow
def test_builders_of_one_table_that_race_leave_what_one_leaves(
    tmp_path: Path, settings: Settings, lake: FolderLake
) -> None:
    land(settings, WITH_REFUSED)
    (settings.landing / "things").mkdir()
    numbers = {name: range(first, first + TIMES) for name, first in (("one", 100), ("two", 200))}
    racers = [
        start(
            "instacart_assets_tests.tables.race",
            str(settings.landing),
            str(settings.lake_folder),
            name,
            str(chosen.start),
            str(TIMES),
        )
        for name, chosen in numbers.items()
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    assert finish(racers) == []
    alone = Settings(landing=settings.landing, lake=tmp_path / "alone")
    other = FolderLake(alone.lake_folder, lambda: lake.session)
    for table in (BRONZE, SILVER):
        build_table(table, other, alone, "alone")
    rows = read_all(settings.lake_folder, RUN_COLUMNS)
    assert rows == read_all(alone.lake_folder, RUN_COLUMNS)
    files = 2 * TIMES
    assert {address: len(held) for address, held in rows.items()} == {
        "bronze.things": 3 + 2 * files,
        "silver.things": 2 + files,
        "quarantine.things": 1 + files,
        "quarantine.things__lines": 1 + files,
    }
    assert {row["status"] for row in read_rows(settings.lake_folder, "quarantine.things")} == {"open"}
    assert sorted(list_taken_in(lake, settings)) == sorted(
        ["things.csv", *(f"things/{number}.csv" for chosen in numbers.values() for number in chosen)]
    )
    runs = {f"{name}-{number}" for name, chosen in numbers.items() for number in chosen}
    assert set(lake.read_notes("silver.things", "run_id", 100)) == runs
    for address in ("bronze.things", "silver.things"):
        assert lake.list_candidates(address) == []  # nobody was overtaken


def list_taken_in(lake: FolderLake, settings: Settings) -> list[str]:
    """Files whose rows each version of bronze added, as often as one did."""
    held: list[set[str]] = [set()]
    for version in range(read_version(settings.lake_folder, "bronze.things") + 1):
        rows = lake.read("bronze.things", version).select("_source_file").distinct().collect()
        held.append({row["_source_file"] for row in rows})
    return [name for before, after in pairwise(held) for name in after - before]


DOORS = {
    "the command line": ("instacart_assets.cli", "run", "--select", "+silver.aisles"),
    "Dagster": (
        *("dagster", "asset", "materialize", "--module-name", "instacart_assets.definitions"),
        "--select",
        " or ".join(f'key:"{key}/aisles"' for key in ("bronze", "silver", "quarantine"))
        + ' or key:"quarantine/aisles__lines"',
    ),
}
"""By what a run may be begun."""


@pytest.mark.slow
@pytest.mark.parametrize("other", DOORS)
def test_two_runs_by_whatever_door_leave_what_one_leaves(tmp_path: Path, other: str) -> None:
    landing = tmp_path / "landing"
    write_landing(landing, aisles=AISLES)
    environment = {
        "INSTACART_LANDING": str(landing),
        "INSTACART_LAKE": str(tmp_path / "both"),
        "INSTACART_FULL": "true",  # else the later one would find nothing to do in silver
    }
    runs = [
        start(*DOORS[door], **environment, DAGSTER_HOME=str(make_home(tmp_path / str(number))))
        for number, door in enumerate(("the command line", other))
    ]
    assert finish(runs) == []
    assert run_graph(Settings(landing=landing, lake=tmp_path / "alone"), "+silver.aisles").is_success
    both = read_all(tmp_path / "both", RUN_COLUMNS)
    assert both == read_all(tmp_path / "alone", RUN_COLUMNS)
    assert {address: len(rows) for address, rows in both.items()} == {
        "bronze.aisles": 200,
        "silver.aisles": 199,
        "quarantine.aisles": 1,
        "quarantine.aisles__lines": 1,
    }
    lake = FolderLake(tmp_path / "both", _open_none)
    assert len(lake.read_notes("bronze.aisles", "run_id", 9)) == 1
    assert len(set(lake.read_notes("silver.aisles", "run_id", 9))) == 2


def make_home(folder: Path) -> Path:
    """A history of its own for each: it is the lake that is shared."""
    folder.mkdir()
    (folder / "dagster.yaml").touch()
    return folder


def test_the_desk_waits_for_a_run(settings: Settings, spark: SparkSession) -> None:
    lake = FolderLake(settings.lake_folder, lambda: spark, lock_seconds=0.1)
    land(settings, WITH_REFUSED)
    for table in (BRONZE, SILVER):
        build_table(table, lake, settings, "run")
    (refused,) = read_rows(settings.lake_folder, "quarantine.things")
    with lake.hold("silver.things", "monday"), pytest.raises(TableHeldError, match="run monday"):
        discard_rows(SILVER, [refused["row_id"]], lake)
    assert discard_rows(SILVER, [refused["row_id"]], lake) == 1


def _open_none() -> SparkSession:
    raise AssertionError("notes are read without an engine")
