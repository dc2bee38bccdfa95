"""Tables that Spark writes follow what has changed: a part is appended or merged in one commit, by one run only."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from instacart_assets.lakehouse.lake import Candidate, Change, PublishConflictError
from instacart_assets.lakehouse.spark_lake import SparkLake
from instacart_assets.lakehouse.time_travel import list_versions, restore_table
from instacart_assets.settings import Settings
from instacart_assets.tables.build import build_table
from instacart_assets_tests.lakehouse.things import THINGS, publish, read_sorted, stage
from instacart_assets_tests.parity.on_spark.conftest import open_folder
from instacart_assets_tests.tables.things import BRONZE, SILVER, land

THINGS_ADDRESS = THINGS.address
BEGUN = [(1, "apple"), (2, "pear"), (3, "fig")]
MERGED = [(1, "apple"), (2, "quince"), (4, "plum")]

Rows = Sequence[tuple[Any, ...]]
Prepare = Callable[[SparkLake, int], Candidate]


def stage_part(lake: SparkLake, rows: Rows, ids: Sequence[int]) -> Candidate:
    """A candidate of those things alone: what they are now."""
    published = lake.read(THINGS_ADDRESS).where(F.col("thing_id").isin(list(ids)))
    return lake.compare(stage(lake, rows), published if ids else None, is_part=True)


def merge(lake: SparkLake, number: int = 0) -> Candidate:
    """One thing changed, one gone, one new."""
    return stage_part(lake, [(2, f"quince{number or ''}"), (4, "plum")], [2, 3, 4])


def append(lake: SparkLake, number: int = 0) -> Candidate:
    """One thing is new."""
    return stage_part(lake, [(10 + number, "plum")], [])


def read_changed(lake: SparkLake, since: int, until: int) -> list[Any] | None:
    rows = lake.read_changes(THINGS_ADDRESS, since, until)
    return None if rows is None else sorted(tuple(row) for row in rows.collect())


def tell_operations(lake: SparkLake) -> list[tuple[str, bool]]:
    """What each commit did and whether it notes something, the newest first."""
    return [(commit.operation, bool(commit.notes)) for commit in lake.list_commits(THINGS_ADDRESS)]


def test_a_part_that_only_adds_is_appended(any_lake: SparkLake) -> None:
    first = publish(any_lake, BEGUN)
    candidate = append(any_lake)
    assert (candidate.rows, candidate.change, candidate.is_part) == (4, Change(1, 0), True)
    assert sorted(tuple(row) for row in any_lake.read_candidate(candidate).collect()) == [
        *BEGUN,
        (10, "plum"),
    ]
    assert read_sorted(any_lake) == BEGUN
    second = any_lake.publish(candidate, {"number": "two"})
    any_lake.discard(candidate)
    assert second == first + 1
    assert read_sorted(any_lake) == [*BEGUN, (10, "plum")]
    assert read_sorted(any_lake, version=first) == BEGUN
    assert any_lake.read_last_note(THINGS_ADDRESS, "number") == "two"
    assert any_lake.list_commits(THINGS_ADDRESS)[0].parameters["mode"] == "Append"
    assert read_changed(any_lake, first, second) == [(10, "plum")]


def test_a_part_that_adds_changes_and_removes_is_merged_in_one_commit(any_lake: SparkLake) -> None:
    first = publish(any_lake, BEGUN)
    candidate = merge(any_lake)
    assert (candidate.rows, candidate.change, candidate.is_part) == (3, Change(2, 2), True)
    assert sorted(tuple(row) for row in any_lake.read_candidate(candidate).collect()) == MERGED
    second = any_lake.publish(candidate, {"number": "two"})
    any_lake.discard(candidate)
    assert second == first + 1
    assert read_sorted(any_lake) == MERGED
    assert read_sorted(any_lake, version=first) == BEGUN
    assert tell_operations(any_lake)[0] == ("MERGE", True)
    assert any_lake.read_last_note(THINGS_ADDRESS, "number") == "two"
    assert read_changed(any_lake, first, second) == [(2, "pear"), (2, "quince"), (3, "fig"), (4, "plum")]
    schema = any_lake.read(THINGS_ADDRESS).schema
    assert [field.metadata["comment"] for field in schema] == [
        column.description for column in THINGS.columns
    ]
    # What the statement was told is not told the next one.
    publish(any_lake, BEGUN)
    assert any_lake.read_last_note(THINGS_ADDRESS, "number") is None
    assert any_lake.session.sql("SHOW VIEWS LIKE 'changes_*'").count() == 0


def test_a_part_that_only_removes_is_merged(lake: SparkLake) -> None:
    first = publish(lake, BEGUN)
    candidate = stage_part(lake, [], [2, 3])
    second = lake.publish(candidate)
    assert (candidate.rows, candidate.change) == (1, Change(0, 2))
    assert read_sorted(lake) == BEGUN[:1]
    assert read_changed(lake, first, second) == BEGUN[1:]


@pytest.mark.parametrize("prepare", [append, merge])
@pytest.mark.parametrize("soon", [append, merge, None], ids=["after-append", "after-merge", "after-whole"])
def test_a_part_of_an_older_version_is_not_published(
    lake: SparkLake, prepare: Prepare, soon: Prepare | None
) -> None:
    publish(lake, BEGUN)
    late = prepare(lake, 1)
    version = lake.publish(stage(lake, MERGED) if soon is None else soon(lake, 2))
    held = read_sorted(lake)
    with pytest.raises(PublishConflictError, match="another run published it meanwhile"):
        lake.publish(late)
    assert read_sorted(lake) == held
    assert lake.find_version(THINGS_ADDRESS) == version
    assert lake.session.sql("SHOW VIEWS LIKE 'changes_*'").count() == 0


@pytest.mark.parametrize("prepare", [append, merge])
def test_of_two_runs_that_publish_parts_at_the_same_time_one_does(
    tmp_path: Path, spark: SparkSession, prepare: Prepare
) -> None:
    # Each run has a session of its own, as it has in a process of its own: statements are told by configuration.
    lakes = [open_folder(tmp_path / "lake", session) for session in (spark.newSession(), spark.newSession())]
    begun = publish(lakes[0], BEGUN)
    candidates = [prepare(lake, number) for number, lake in enumerate(lakes, start=1)]
    wanted = [
        sorted(tuple(row) for row in lake.read_candidate(one).collect())
        for lake, one in zip(lakes, candidates, strict=True)
    ]
    barrier = Barrier(2)

    def race(lake: SparkLake, candidate: Candidate) -> int | None:
        barrier.wait(60)
        try:
            return lake.publish(candidate)
        except PublishConflictError:
            return None

    with ThreadPoolExecutor(2) as pool:
        versions = list(pool.map(race, lakes, candidates))
    assert sorted(versions, key=repr) == [begun + 1, None]
    winner = versions.index(begun + 1)
    assert read_sorted(lakes[0]) == wanted[winner]


def test_maintenance_between_pin_and_publishing_is_no_other_run(lake: SparkLake) -> None:
    publish(lake, BEGUN)
    lake.publish(append(lake))
    candidate = merge(lake)
    lake.compact(THINGS_ADDRESS)
    assert lake.publish(candidate) == (candidate.pin.version or 0) + 2
    assert read_sorted(lake) == [*MERGED, (10, "plum")]


@pytest.mark.parametrize("prepare", [append, merge])
def test_maintenance_between_two_pins_lets_one_of_the_runs_publish(lake: SparkLake, prepare: Prepare) -> None:
    publish(lake, BEGUN)
    late = prepare(lake, 1)
    lake.compact(THINGS_ADDRESS)
    lake.session.sql(f"COMMENT ON TABLE {lake.name_for_query(THINGS_ADDRESS)} IS 'things'")
    later = prepare(lake, 2)
    lake.publish(late)
    held = read_sorted(lake)
    with pytest.raises(PublishConflictError, match="another run published it meanwhile"):
        lake.publish(later)
    assert read_sorted(lake) == held


def test_changes_are_followed_over_parts_and_maintenance_and_not_over_what_is_not_known(
    lake: SparkLake,
) -> None:
    first = publish(lake, BEGUN)
    appended = lake.publish(append(lake))
    merged = lake.publish(merge(lake))
    lake.compact(THINGS_ADDRESS)
    compacted = merged + 1
    assert lake.find_version(THINGS_ADDRESS) == compacted
    assert read_changed(lake, merged, compacted) == []
    assert read_changed(lake, appended, compacted) == [(2, "pear"), (2, "quince"), (3, "fig"), (4, "plum")]
    assert read_changed(lake, first, compacted) == [
        (2, "pear"), (2, "quince"), (3, "fig"), (4, "plum"), (10, "plum")
    ]  # fmt: skip
    assert read_changed(lake, compacted, first) is None
    same = lake.publish(lake.compare(stage(lake, [(1, "fig")]), lake.read(THINGS_ADDRESS), is_part=False))
    assert read_changed(lake, compacted, same) == [
        (1, "apple"),
        (1, "fig"),
        (2, "quince"),
        (4, "plum"),
        (10, "plum"),
    ]
    whole = publish(lake, BEGUN)
    assert read_changed(lake, same, whole) is None
    restored = restore_table(lake, THINGS_ADDRESS, merged)
    assert read_changed(lake, whole, restored) is None
    after = lake.publish(stage_part(lake, [(2, "lime")], [2]))
    assert read_sorted(lake) == [(1, "apple"), (2, "lime"), (4, "plum"), (10, "plum")]
    assert read_changed(lake, restored, after) == [(2, "lime"), (2, "quince")]
    again = restore_table(lake, THINGS_ADDRESS, merged)
    assert again == after + 1
    by_hand = lake.session.createDataFrame([(7, "by hand")], lake.read(THINGS_ADDRESS).schema)
    by_hand.writeTo(lake.name_for_query(THINGS_ADDRESS)).append()
    assert read_changed(lake, again, again + 1) is None


def test_changes_that_were_swept_are_not_known(lake: SparkLake) -> None:
    first = publish(lake, BEGUN)
    second = lake.publish(append(lake))
    third = lake.publish(merge(lake))
    candidate = append(lake, 1)
    lake.sweep(THINGS_ADDRESS, datetime.now(UTC))
    assert read_changed(lake, first, second) is None
    swept = lake.find_version(THINGS_ADDRESS)
    assert swept is not None
    assert read_changed(lake, third, swept) == []
    assert read_changed(lake, third, lake.publish(candidate)) == [(11, "plum")]


def test_the_rows_of_a_version_are_counted_whatever_its_commit_wrote(lake: SparkLake) -> None:
    publish(lake, BEGUN)
    for prepare in (append, merge):
        lake.publish(prepare(lake))
    assert [one.rows for one in list_versions(lake, THINGS_ADDRESS)] == [4, 4, 3]


def test_a_session_that_takes_no_configuration_publishes_the_same(
    any_lake: SparkLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(any_lake, BEGUN)
    candidate, late = merge(any_lake), merge(any_lake, 1)

    def refuse(key: str, _: str) -> None:
        raise PySparkException(f"[CONFIG_NOT_AVAILABLE] Configuration {key} is not available.")

    with monkeypatch.context() as serverless:
        serverless.setattr(any_lake.session.conf, "set", refuse)
        second = any_lake.publish(candidate, {"number": "two"})
        with pytest.raises(PublishConflictError):
            any_lake.publish(late)
    assert read_sorted(any_lake) == MERGED
    assert any_lake.read_last_note(THINGS_ADDRESS, "number") == "two"
    assert read_changed(any_lake, first, second) == [(2, "pear"), (2, "quince"), (3, "fig"), (4, "plum")]


def test_landed_files_are_taken_in_once(lake: SparkLake, tmp_path: Path) -> None:
    settings = Settings(landing=tmp_path / "landing", lake=tmp_path / "lake", target="spark")

    def build() -> tuple[Any, Any]:
        made = build_table(BRONZE, lake, settings, "run"), build_table(SILVER, lake, settings, "run")
        assert all(result.version is not None for result in made)
        return made

    land(settings, "thing_id,name\n1,apple\n2,pear\n")
    first = build()
    again = build()
    assert [one.version for one in again] == [one.version for one in first]
    assert {one.notes["made"] for one in again} == {"nothing has changed"}
    more = land(settings, "thing_id,name\n3,fig\n", "things/more.csv")
    bronze, _ = build()
    assert (bronze.notes["ingested_files"], bronze.notes["rows_added"]) == (["things/more.csv"], 1)
    assert lake.list_commits("bronze.things")[0].parameters["mode"] == "Append"
    more.write_text("thing_id,name\n3,plum\n4,lime\n")
    bronze, _ = build()
    assert (bronze.notes["rows_added"], bronze.notes["rows_removed"]) == (2, 1)
    assert lake.list_commits("bronze.things")[0].operation == "MERGE"
    assert read_sorted(lake) == [(1, "apple"), (2, "pear"), (3, "plum"), (4, "lime")]
