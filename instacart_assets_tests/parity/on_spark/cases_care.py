"""Tables that Spark writes are looked after, read as they stood, and brought back."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import PySparkValueError

from instacart_assets.lakehouse import spark_care
from instacart_assets.lakehouse.care import Files
from instacart_assets.lakehouse.lake import LAST_COMMITS, VersionMissingError
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


def test_maintenance_that_a_run_overtakes_forgets_nothing_of_it(
    lake: SparkLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_parts(lake, "monday")
    vacuum = spark_care._vacuum

    def publish_first(*given: Any) -> Files:
        with monkeypatch.context() as patch:  # the run is another process, whose session notes for itself
            patch.setattr(spark_care, "_vacuum", vacuum)
            publish_parts(lake, "tuesday")
        return vacuum(*given)

    monkeypatch.setattr(spark_care, "_vacuum", publish_first)
    lake.sweep(ADDRESS, datetime.now(UTC) - timedelta(days=30))
    (last, *_) = lake.list_commits(ADDRESS)
    assert (last.operation, last.notes["name"]) == ("VACUUM END", "monday")
    lake.pin(ADDRESS)  # the next run
    assert lake.read_last_note(ADDRESS, "name") == "tuesday"
    assert lake.read_notes(ADDRESS, "name", 5) == ["tuesday", "monday"]


def test_notes_are_found_behind_any_number_of_commits_without(
    lake: SparkLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_parts(lake, "monday")

    def refuse(*_: str) -> None:  # as on serverless compute
        raise PySparkValueError("CONFIG_NOT_AVAILABLE")

    monkeypatch.setattr(lake.session.conf, "set", refuse)
    lake.sweep(ADDRESS, datetime.now(UTC) - timedelta(days=30))
    for number in range(LAST_COMMITS):
        lake.session.sql(f"ALTER TABLE {lake.name_for_query(ADDRESS)} SET TBLPROPERTIES ('n' = '{number}')")
    (detail,) = lake.session.sql(f"DESCRIBE DETAIL {lake.name_for_query(ADDRESS)}").collect()
    properties = detail["properties"]
    assert properties["delta.logRetentionDuration"] == "interval 87600 hours"
    assert properties["delta.deletedFileRetentionDuration"] == "interval 720 hours"
    lake.pin(ADDRESS)
    assert lake.read_last_note(ADDRESS, "name") == "monday"


def test_what_was_published_long_ago_and_replaced_now_can_still_be_read(
    lake: SparkLake, tmp_path: Path
) -> None:
    first, second = publish_parts(lake, "monday"), publish_parts(lake, "tuesday")
    log = tmp_path / "lake" / ADDRESS.replace(".", "/") / "_delta_log"
    long_ago = (datetime.now(UTC) - timedelta(days=40)).timestamp()
    for version in range(second):
        os.utime(log / f"{version:020}.json", (long_ago, long_ago))
    # What Delta remembers of the log is not of now.
    machine = lake.session._jvm
    assert machine is not None
    machine.org.apache.spark.sql.delta.DeltaLog.clearCache()
    assert {name for _, name in read_sorted(lake, ADDRESS, version=first)} == {"monday"}
    restore_table(lake, ADDRESS, first)
    assert {name for _, name in read_sorted(lake, ADDRESS)} == {"monday"}


def test_changes_of_a_version_that_is_being_published_are_not_swept(lake: SparkLake) -> None:
    publish_parts(lake, "monday")
    changes = lake._changes_of(ADDRESS) / "changes-of-a-run" / "added"
    changes.mkdir(parents=True)
    young, old = changes / "young.parquet", changes / "old.parquet"
    for path in (young, old):
        path.write_bytes(b"")
    os.utime(old, (0, 0))
    lake.sweep(ADDRESS, datetime.now(UTC) - timedelta(days=30))
    assert (young.exists(), old.exists()) == (True, False)
