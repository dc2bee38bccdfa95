"""What maintenance does to the tables of a lake, and what it leaves alone."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F

from instacart_assets.lakehouse import folder_care
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.lake import VersionMissingError
from instacart_assets.maintenance.keep import Care, Keeper, Operation, list_faults
from instacart_assets.settings import Settings
from instacart_assets_tests.lakehouse.things import THINGS, make_named, publish, read_sorted, stage
from instacart_assets_tests.small_contracts import make_column, make_contract

ADDRESS = "silver.things"
PARTS = 5


def publish_parts(lake: FolderLake, name: str = "a", **notes: str) -> int:
    """A version of several small files."""
    rows = lake.session.createDataFrame([(n, name) for n in range(40)], "thing_id int, name string")
    return lake.publish(
        lake.stage(rows.repartition(PARTS), THINGS, lake.pin(ADDRESS), "run"), {"name": name, **notes}
    )


def keep(
    lake: FolderLake,
    *operations: Operation,
    since: int | None = None,
    is_rehearsal: bool = False,
    **chosen: Any,
) -> list[Care]:
    """Maintenance at the moment at which the days of time travel begin with a version, by default at once."""
    settings = Settings(**{"compact_after": 1, "checkpoint_after": 1, "time_travel_days": 1, **chosen})
    now = None if since is None else read_moment(lake, since) + timedelta(days=1)
    keeper = Keeper(lake, settings, "maintenance", now=now, is_rehearsal=is_rehearsal)
    return keeper.keep(operations or ("compact", "vacuum", "checkpoint"))


def read_moment(lake: FolderLake, version: int) -> datetime:
    return next(commit.moment for commit in lake.list_commits(ADDRESS) if commit.version == version)


def list_files(lake: FolderLake, address: str = ADDRESS) -> set[Path]:
    return {path for path in lake.locate(address).rglob("*") if path.is_file()}


def read_names(lake: FolderLake, version: int) -> set[str]:
    return {name for _, name in read_sorted(lake, version=version)}


def test_small_files_become_one_and_no_row_changes(lake: FolderLake) -> None:
    publish_parts(lake)
    before = read_sorted(lake)
    (care,) = keep(lake, "compact")
    assert care.before is not None
    assert care.after is not None
    assert (care.state, care.before.count > 1, care.after.count) == ("done", True, 1)
    assert len(DeltaTable(lake.locate(ADDRESS)).file_uris()) == 1
    assert read_sorted(lake) == before == read_sorted(lake, version=0)
    assert [care.state for care in keep(lake, "compact")] == ["not due"]


def test_a_table_is_compacted_after_so_many_published_versions(lake: FolderLake) -> None:
    states = []
    for _ in range(5):
        publish_parts(lake)
        states += [care.state for care in keep(lake, "compact", compact_after=2)]
    assert states == ["not due", "done", "not due", "done", "not due"]


def test_compaction_states_no_bounds_that_it_would_cut(lake: FolderLake) -> None:
    timed = make_contract(
        make_column("thing_id", "int", required=True),
        make_column("at", "timestamp"),
        make_column("price", "double"),
        make_column("why", "array<string>"),
    )
    moment = datetime(2020, 5, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    rows = [(1, moment, 1.5, ["x", "y"]), (2, moment, float("nan"), None), (3, None, 2.5, [])]
    frame = lake.session.createDataFrame(rows, "thing_id int, at timestamp, price double, why array<string>")
    lake.publish(lake.stage(frame.repartition(3), timed, lake.pin(ADDRESS), "run"))
    (care,) = keep(lake, "compact")
    assert care.state == "done"
    actions = DeltaTable(lake.locate(ADDRESS)).get_add_actions(flatten=True)
    assert not {"max.at", "max.price"} & {
        name for name in actions.schema.names if actions[name].to_pylist() != [None]
    }
    read = lake.read(ADDRESS)
    assert read.where(F.col("at") == F.lit(moment)).count() == 2
    assert [row["thing_id"] for row in read.where(F.isnan("price")).collect()] == [2]
    assert [row["thing_id"] for row in read.where(F.array_contains("why", "x")).collect()] == [1]


def test_versions_within_the_days_of_time_travel_stay_and_those_before_go(lake: FolderLake) -> None:
    for name in ("a", "b", "c", "d"):
        publish_parts(lake, name)
    cares = keep(lake, since=2)
    assert [care.state for care in cares] == ["done", "done", "done"]
    swept = cares[1]
    assert swept.before is not None
    assert swept.after is not None
    assert swept.removed.count > 0
    assert swept.after.count == swept.before.count - swept.removed.count
    assert swept.after.count == len([path for path in list_files(lake) if path.suffix == ".parquet"]) - 1
    assert [read_names(lake, version) for version in (2, 3, 4)] == [{"c"}, {"d"}, {"d"}]
    assert not any(lake.is_readable(ADDRESS, version, lake.list_commits(ADDRESS)) for version in (0, 1))
    with pytest.raises(VersionMissingError, match="the earliest that can be had is version 2"):
        lake.check_version(ADDRESS, 1)
    assert len(list(lake.locate(ADDRESS).glob("data-*/"))) == 2  # empty folders are gone


def test_a_version_that_was_replaced_within_those_days_stays_however_old_it_is(lake: FolderLake) -> None:
    publish_parts(lake, "a")
    publish_parts(lake, "b")
    half_way = read_moment(lake, 0) + (read_moment(lake, 1) - read_moment(lake, 0)) / 2
    Keeper(lake, Settings(time_travel_days=1), "run", now=half_way + timedelta(days=1)).keep(["vacuum"])
    assert read_names(lake, 0) == {"a"}


def test_candidates_stay_whatever_their_age_and_what_a_killed_run_left_goes(lake: FolderLake) -> None:
    publish_parts(lake)
    refused = stage(lake, [(1, "refused")])
    killed = stage(lake, [(1, "moved")])
    moved = killed.path.rename(killed.path.with_name("data-run-killed"))
    year_ago = (datetime.now(UTC) - timedelta(days=365)).timestamp()
    for path in list_files(lake):
        os.utime(path, (year_ago, year_ago))
    (care,) = keep(lake, "vacuum")
    assert lake.list_candidates(ADDRESS) == [refused.path]
    assert list(lake.read_candidate(refused).collect()) == [(1, "refused")]
    assert (care.removed.count, "1 refused candidate" in care.spared) == (1, True)
    assert not moved.exists()
    assert len(read_sorted(lake)) == 40


def test_changes_go_with_the_version_that_names_them(lake: FolderLake) -> None:
    for number in range(3):
        folder = lake.locate(ADDRESS) / f"changes-run-{number}"
        folder.mkdir(parents=True)
        (folder / "part.parquet").write_bytes(b"rows")
        publish_parts(lake, changes=f'["{folder.name}"]')
    (lake.locate(ADDRESS) / "changes-run-killed").mkdir()
    (lake.locate(ADDRESS) / "changes-run-killed" / "part.parquet").write_bytes(b"rows")
    keep(lake, "compact", "vacuum", since=1)
    assert sorted(path.name for path in lake.locate(ADDRESS).glob("changes-*")) == [
        "changes-run-1",
        "changes-run-2",
    ]


def test_a_long_log_is_summed_up_and_forgets_what_nobody_can_go_back_to(
    lake: FolderLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_care, "LEAST_PUBLICATIONS", 3)
    for number in range(24):
        lake.publish(stage(lake, [(1, str(number))]), {"number": str(number)})
        if number % 8 == 7:
            keep(lake, "checkpoint", checkpoint_after=5)
    assert lake.find_checkpoint(ADDRESS) == 23
    publish(lake, [(1, "last")])
    (care,) = keep(lake, "checkpoint", since=18)
    assert care.state == "done"
    log = lake.locate(ADDRESS) / "_delta_log"
    assert min(path.name for path in log.glob("[0-9]*.json")) == f"{15:020}.json"
    assert [read_sorted(lake, version=version) for version in (18, 23, 24)] == [
        [(1, "18")],
        [(1, "23")],
        [(1, "last")],
    ]
    assert lake.find_version_at(ADDRESS, read_moment(lake, 18)) == 18
    assert lake.read_notes(ADDRESS, "number", 2) == ["23"]
    with pytest.raises(VersionMissingError, match="its log no longer says what it held"):
        lake.find_version_at(ADDRESS, read_moment(lake, 15) - timedelta(seconds=1))
    keep(lake, "vacuum", since=18)
    assert read_sorted(lake, version=18) == [(1, "18")]
    assert publish(lake, [(1, "next")]) == 25


def test_notes_stay_in_the_log_however_old_they_are(lake: FolderLake) -> None:
    for number in range(4):
        lake.publish(stage(lake, [(1, "a")]), {"number": str(number)})
        keep(lake, "checkpoint")
    keep(lake, since=3)
    assert lake.read_notes(ADDRESS, "number", 9) == ["3", "2", "1", "0"]


def test_a_table_that_a_run_works_on_is_passed_over_with_what_it_refuses(lake: FolderLake) -> None:
    tables = ("bronze.aisles", "quarantine.aisles__lines", "silver.aisles")
    for address in tables:
        publish(lake, [(1, "a")], make_named(address))
    with lake.hold("bronze.aisles", "monday"):
        states = {care.address: care for care in keep(lake, "checkpoint")}
    assert {address: care.state for address, care in states.items()} == {
        "bronze.aisles": "busy",
        "quarantine.aisles__lines": "busy",
        "silver.aisles": "done",
    }
    assert "run monday" in states["bronze.aisles"].spared
    assert [care.state for care in keep(lake, "checkpoint")] == ["done", "not due", "done"]


def test_a_rehearsal_says_what_would_be_done_and_does_nothing(lake: FolderLake) -> None:
    publish_parts(lake, "a")
    publish_parts(lake, "b")
    before = list_files(lake)
    rehearsed = keep(lake, since=1, is_rehearsal=True)
    assert [care.state for care in rehearsed] == ["due", "due", "due"]
    assert list_files(lake) == before
    done = keep(lake, "vacuum", since=1)
    assert done[0].removed == rehearsed[1].removed


@pytest.mark.parametrize("damage", ["files", "log"])
def test_a_damaged_table_is_told_and_the_others_are_looked_after(lake: FolderLake, damage: str) -> None:
    publish_parts(lake)
    lake.publish(stage(lake, [(1, "a")], make_named("silver.aisles")))
    rows = lake.session.createDataFrame([(n, "b") for n in range(40)], "thing_id int, name string")
    aisles = make_named("silver.aisles")
    lake.publish(lake.stage(rows.repartition(PARTS), aisles, lake.pin("silver.aisles"), "run"))
    for path in lake.locate("silver.aisles").rglob("*.parquet" if damage == "files" else "*.json"):
        path.write_text("damaged")
    done = keep(lake, "compact")
    assert {care.address: care.state for care in done} == {ADDRESS: "done", "silver.aisles": "failed"}
    (fault,) = list_faults(done)
    assert fault.startswith("silver.aisles: compact failed: ")
    assert "instacart restore" in fault
