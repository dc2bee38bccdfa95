"""Tables that Spark writes are looked after, read as they stood, and brought back."""

from datetime import UTC, datetime

import pytest

from instacart_assets.lakehouse.lake import VersionMissingError
from instacart_assets.lakehouse.query import run_query
from instacart_assets.lakehouse.spark_lake import SparkLake
from instacart_assets.lakehouse.time_travel import list_versions, restore_table
from instacart_assets_tests.lakehouse.things import make_named, read_sorted, stage

ADDRESS = "silver.aisles"
AISLES = make_named(ADDRESS)
NAMES = "SELECT DISTINCT name FROM silver.aisles"


def publish_parts(lake: SparkLake, name: str) -> int:
    """A version of several small files."""
    rows = lake.session.createDataFrame([(n, name) for n in range(20)], "thing_id int, name string")
    return lake.publish(lake.stage(rows.repartition(4), AISLES, lake.pin(ADDRESS), name), {"name": name})


def test_files_are_looked_after_and_versions_come_back(lake: SparkLake) -> None:
    first, second = publish_parts(lake, "monday"), publish_parts(lake, "tuesday")
    candidate = stage(lake, [(1, "refused")], AISLES)
    before = lake.measure_files(ADDRESS).count
    lake.compact(ADDRESS)
    assert before > lake.measure_files(ADDRESS).count == 1
    compacted = lake.find_version(ADDRESS)
    assert compacted == second + 1
    assert not lake.has_changed(ADDRESS, second, compacted)
    assert lake.has_changed(ADDRESS, first, compacted)
    assert lake.read_notes(ADDRESS, "name", 5) == ["tuesday", "monday"]

    moment = next(commit.moment for commit in lake.list_commits(ADDRESS) if commit.version == first)
    assert lake.find_version_at(ADDRESS, moment) == first
    assert run_query(lake, NAMES, as_of=moment)["name"].to_pylist() == ["monday"]

    restored = restore_table(lake, ADDRESS, first)
    assert {name for _, name in read_sorted(lake, ADDRESS)} == {"monday"}
    assert lake.read_notes(ADDRESS, "restored_from", 1) == [str(first)]
    assert lake.read_notes(ADDRESS, "name", 3) == ["monday", "tuesday", "monday"]

    assert lake.sweep(ADDRESS, datetime.now(UTC)).removed.count > 0
    assert {name for _, name in read_sorted(lake, ADDRESS)} == {"monday"}
    assert lake.read_notes(ADDRESS, "name", 1) == ["monday"]
    assert lake.read_candidate(candidate).count() == 1
    with pytest.raises(VersionMissingError, match="no longer kept; the earliest"):
        lake.check_version(ADDRESS, second)
    told = {one.version: (one.run_id, one.what) for one in list_versions(lake, ADDRESS)}
    assert told == {
        restored: ("monday", f"restored from {first}"),
        compacted: ("tuesday", "compacted"),
        second: ("tuesday", "published"),
        first: ("monday", "published"),
    }
    assert publish_parts(lake, "wednesday") > restored
