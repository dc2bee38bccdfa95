"""Tables as they stood before, and brought back."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from deltalake import DeltaTable

from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.lake import TableMissingError, VersionMissingError
from instacart_assets.lakehouse.query import QueryError, run_query
from instacart_assets.lakehouse.time_travel import (
    MomentError,
    RestoreError,
    list_versions,
    parse_moment,
    parse_versions,
    restore_table,
)
from instacart_assets_tests.lakehouse.things import THINGS, make_named, publish, read_sorted, stage
from instacart_assets_tests.small_contracts import make_column, make_contract

NAMES = "SELECT name FROM silver.things ORDER BY name"


def publish_noted(lake: FolderLake, name: str, **notes: str) -> int:
    return lake.publish(stage(lake, [(1, name)], run_id=name), notes)


def ask(lake: FolderLake, **when: Any) -> list[str]:
    names: list[str] = run_query(lake, NAMES, **when)["name"].to_pylist()
    return names


def remove_files(lake: FolderLake, version: int) -> None:
    """What a vacuum does to a version that nobody is promised any more."""
    root = lake.locate("silver.things")
    for name in DeltaTable(root, version=version).get_add_actions(flatten=True)["path"].to_pylist():
        (root / name).unlink()


def test_a_query_reads_versions_that_it_names(lake: FolderLake) -> None:
    for name in ("a", "b", "c"):
        publish(lake, [(1, name)])
    publish(lake, [(1, "other")], make_named("gold.things"))
    assert ask(lake, versions={"silver.things": 1}) == ["b"]
    assert ask(lake) == ["c"]
    both = "SELECT s.name AS s, g.name AS g FROM Silver.Things s JOIN gold.things g USING (thing_id)"
    assert run_query(lake, both, versions={"silver.things": 0}).to_pylist() == [{"s": "a", "g": "other"}]


def test_a_query_reads_every_table_as_it_stood(lake: FolderLake) -> None:
    publish(lake, [(1, "a")])
    publish(lake, [(1, "b")])
    moments = [commit.moment for commit in lake.list_commits("silver.things")]
    assert ask(lake, as_of=moments[1]) == ["a"]
    assert ask(lake, as_of=moments[0]) == ["b"]
    assert ask(lake, as_of=moments[1], versions={"silver.things": 1}) == ["b"]
    with pytest.raises(VersionMissingError, match=r"not published yet at .* earliest .* is version 0"):
        ask(lake, as_of=moments[1] - timedelta(seconds=1))


def test_versions_that_cannot_be_had_are_told_with_the_earliest_that_can(lake: FolderLake) -> None:
    for name in ("a", "b", "c"):
        publish(lake, [(1, name)])
    remove_files(lake, 0)
    moment = lake.list_commits("silver.things")[-1].moment
    with pytest.raises(VersionMissingError, match=r"version 0 are no longer kept; the earliest .* version 1"):
        ask(lake, versions={"silver.things": 0})
    with pytest.raises(VersionMissingError, match=r"version 0 are no longer kept; the earliest .* version 1"):
        lake.find_version_at("silver.things", moment)
    with pytest.raises(VersionMissingError, match=r"there is no version 7; the earliest .* version 1"):
        restore_table(lake, "silver.things", 7)
    with pytest.raises(QueryError, match=r"gold\.things, which the query does not name"):
        ask(lake, versions={"gold.things": 1})


def test_the_version_at_a_moment_is_found(lake: FolderLake) -> None:
    assert lake.find_version_at("silver.things", datetime.now(UTC)) is None
    publish(lake, [(1, "a")])
    first = lake.list_commits("silver.things")[0].moment
    publish(lake, [(1, "b")])
    assert lake.find_version_at("silver.things", first) == 0
    assert lake.find_version_at("silver.things", datetime.now(UTC)) == 1
    assert lake.find_version_at("silver.things", first - timedelta(days=1)) is None


def test_versions_before_a_checkpoint_of_another_writer_can_be_read(lake: FolderLake) -> None:
    for name in ("a", "b", "c"):
        publish(lake, [(1, name)])
    DeltaTable(lake.locate("silver.things")).create_checkpoint()
    publish(lake, [(1, "d")])
    assert [read_sorted(lake, version=version) for version in range(4)] == [[(1, name)] for name in "abcd"]


def test_compaction_is_no_change_and_hides_no_notes(lake: FolderLake) -> None:
    publish_noted(lake, "a", number="1")
    rows = lake.session.createDataFrame([(n, "b") for n in range(20)], "thing_id int, name string")
    many = lake.stage(rows.repartition(5), THINGS, lake.pin("silver.things"), "run")
    lake.publish(many, {"number": "2"})
    lake.compact("silver.things")
    assert lake.find_version("silver.things") == 2
    assert not lake.has_changed("silver.things", 1, 2)
    assert lake.has_changed("silver.things", 0, 2)
    assert not lake.has_changed("silver.things", 2, 2)
    assert lake.read_notes("silver.things", "number", 1) == ["2"]
    assert lake.read_notes("silver.things", "number", 5) == ["2", "1"]


def test_a_restored_version_carries_its_notes_in_one_commit(lake: FolderLake) -> None:
    publish_noted(lake, "monday", landed_files="{}")
    publish_noted(lake, "tuesday", landed_files="more")
    assert restore_table(lake, "silver.things", 0) == 2
    assert read_sorted(lake) == [(1, "monday")]
    (commit, *_) = DeltaTable(lake.locate("silver.things")).history()
    notes = json.loads(commit["userMetadata"])
    assert (notes["run_id"], notes["landed_files"], notes["restored_from"]) == ("monday", "{}", "0")
    assert lake.has_changed("silver.things", 1, 2)
    assert publish_noted(lake, "wednesday") == 3
    assert read_sorted(lake, version=2) == [(1, "monday")]


def test_a_restored_version_has_the_columns_it_had(lake: FolderLake) -> None:
    publish(lake, [(1, "a")])
    publish(lake, [(1, "a", "red")], make_contract(*THINGS.columns, make_column("colour")))
    restore_table(lake, "silver.things", 0)
    assert lake.read("silver.things").columns == ["thing_id", "name"]
    restore_table(lake, "silver.things", 1)
    assert read_sorted(lake) == [(1, "a", "red")]


def test_a_maintenance_version_stands_for_what_it_holds(lake: FolderLake) -> None:
    rows = lake.session.createDataFrame([(n, "a") for n in range(20)], "thing_id int, name string")
    lake.publish(lake.stage(rows.repartition(5), THINGS, lake.pin("silver.things"), "monday"))
    lake.compact("silver.things")
    with pytest.raises(RestoreError, match="no earlier published version"):
        restore_table(lake, "silver.things", 0)  # it stands already
    publish(lake, [(1, "b")])
    assert restore_table(lake, "silver.things", 1) == 3
    assert lake.count_rows("silver.things") == 20
    assert lake.read_notes("silver.things", "restored_from", 1) == ["0"]


def test_what_cannot_be_restored_is_said(lake: FolderLake) -> None:
    with pytest.raises(TableMissingError, match="is not in the lake"):
        restore_table(lake, "silver.things", 0)
    with pytest.raises(RestoreError, match=r"--version quarantine.things=0"):
        restore_table(lake, "quarantine.things", 0)


def test_versions_are_listed_with_what_happened(lake: FolderLake) -> None:
    rows = lake.session.createDataFrame([(n, "a") for n in range(20)], "thing_id int, name string")
    lake.publish(lake.stage(rows.repartition(5), THINGS, lake.pin("silver.things"), "monday"))
    lake.compact("silver.things")
    publish(lake, [(1, "b")], run_id="tuesday")
    restore_table(lake, "silver.things", 1)
    remove_files(lake, 0)
    told = [
        (one.version, one.run_id, one.rows, one.what, one.is_readable)
        for one in list_versions(lake, "silver.things")
    ]
    assert told == [
        (3, "monday", 20, "restored from 0", True),
        (2, "tuesday", 1, "published", True),
        (1, "monday", 20, "compacted", True),
        (0, "monday", None, "published", False),
    ]
    with pytest.raises(TableMissingError):
        list_versions(lake, "gold.nothing")


def test_moments_and_versions_are_written_as_people_write_them() -> None:
    assert parse_moment("2026-11-23") == datetime(2026, 11, 23, tzinfo=UTC)
    assert parse_moment("2026-11-23T18:30") == datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
    there = timezone(timedelta(hours=1))
    assert parse_moment("2026-11-23 18:30+01:00") == datetime(2026, 11, 23, 18, 30, tzinfo=there)
    assert parse_versions(["gold.Dim_product=3", "silver.orders=0"]) == {
        "gold.dim_product": 3,
        "silver.orders": 0,
    }
    with pytest.raises(MomentError, match="last week is no moment"):
        parse_moment("last week")
    for wrong in ("gold.dim_product", "=3", "gold.dim_product=-1", "gold.dim_product=x"):
        with pytest.raises(MomentError, match="is no version of a table"):
            parse_versions([wrong])
