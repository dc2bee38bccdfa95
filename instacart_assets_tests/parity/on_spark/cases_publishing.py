"""What is published on Spark is the whole of an audited candidate, at once, and by one run only."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from instacart_assets.contracts.model import COLUMN_TYPES, LAYER_DESCRIPTIONS
from instacart_assets.lakehouse.lake import (
    Candidate,
    LakePathError,
    Pin,
    PublishConflictError,
    TableMissingError,
)
from instacart_assets.lakehouse.schema import ShapeError
from instacart_assets.lakehouse.spark_lake import SparkLake
from instacart_assets.settings import Settings
from instacart_assets.tables.build import build_table
from instacart_assets_tests.lakehouse.things import THINGS, publish, read_sorted, stage
from instacart_assets_tests.parity.on_spark.conftest import CATALOG, PREFIX, open_folder
from instacart_assets_tests.small_contracts import make_column, make_contract
from instacart_assets_tests.tables.things import BRONZE, SILVER, land

WIDENED = make_contract(*THINGS.columns, make_column("colour"))
MARKED = "thing_id int, name string, _source_file string, _row_number bigint, _reasons array<string>, _is_refused boolean"
GOOD = (1, "apple", None, None, None, False)
REFUSED = (None, "pear", "things.csv", 2, ["thing_id_is_filled"], True)


def describe(lake: SparkLake) -> list[tuple[str, str, str]]:
    """Name, type and comment of each column, as Spark tells them."""
    rows = lake.session.sql(f"DESCRIBE TABLE {lake.name_for_query('silver.things')}").collect()
    return [(row["col_name"], row["data_type"], row["comment"]) for row in rows if row["comment"]]


def test_nothing_is_seen_of_a_version_before_it_is_published(any_lake: SparkLake) -> None:
    candidate = stage(any_lake, [(1, "new"), (2, "old")])
    assert (candidate.rows, candidate.refused) == (2, 0)
    assert any_lake.find_version("silver.things") is None
    with pytest.raises(TableMissingError, match=r"instacart run --select 'silver\.things'"):
        any_lake.read("silver.things")
    first = any_lake.publish(candidate)
    newer = stage(any_lake, [(1, "newer")])
    assert read_sorted(any_lake) == [(1, "new"), (2, "old")]
    second = any_lake.publish(newer)
    assert read_sorted(any_lake) == [(1, "newer")]
    assert read_sorted(any_lake, version=first) == [(1, "new"), (2, "old")]
    assert second == first + 1 == any_lake.find_version("silver.things")
    assert (any_lake.count_rows("silver.things"), any_lake.count_rows("silver.things", first)) == (1, 2)


def test_a_table_that_was_made_and_never_published_is_none_yet(lake: SparkLake, tmp_path: Path) -> None:
    lake._make_table(THINGS)  # what a run does that dies before its first commit
    assert lake.find_version("silver.things") is None
    assert lake.count_rows("silver.things") == 0
    publish(open_folder(tmp_path / "lake", lake.session), [(1, "a")])
    assert read_sorted(lake) == [(1, "a")]


def test_types_nulls_comments_and_required_columns_are_those_of_the_contract(any_lake: SparkLake) -> None:
    typed = make_contract(
        make_column("thing_id", "int", required=True),
        *(make_column(f"a_{kind.partition('<')[0]}", kind) for kind in COLUMN_TYPES),
    )
    moment = datetime(2020, 5, 1, 12, 0, 0, 123_456)  # noqa: DTZ001 - the session's zone is UTC
    row: tuple[Any, ...] = (1, True, -7, 2**40, 0.1, "Crème\n", date(2019, 12, 31), moment, ["x", None])
    for _ in range(2):  # the first version and one that follows
        publish(any_lake, [row, (2, *[None] * 8)], typed)
        assert any_lake.read("silver.things").dtypes == [
            (column.name, column.type) for column in typed.columns
        ]
        assert describe(any_lake) == [
            (column.name, column.type, column.description) for column in typed.columns
        ]
    with pytest.raises((PySparkException, Py4JJavaError), match="NOT NULL"):
        publish(any_lake, [(None, *row[1:])], typed)
    assert any_lake.read("silver.things").count() == 2


def test_comments_of_table_and_schema_are_there_after_every_kind_of_publishing(any_lake: SparkLake) -> None:
    def tell() -> str:
        name = any_lake.name_for_query("silver.things")
        return str(any_lake.session.sql(f"DESCRIBE DETAIL {name}").collect()[0]["description"])

    for rows, contract in (([(1, "a")], THINGS), ([(1, "a", "red")], WIDENED), ([(2, "b")], THINGS)):
        publish(any_lake, rows, contract)
        assert tell() == THINGS.description
    if any_lake.name_for_query("silver.things").startswith("delta."):
        return  # a folder has no schema
    schema = f"`{CATALOG}`.`{PREFIX}silver`"
    told = {row[0]: row[1] for row in any_lake.session.sql(f"DESCRIBE SCHEMA {schema}").collect()}
    assert told["Comment"] == LAYER_DESCRIPTIONS["silver"]


def test_comments_follow_a_contract_that_says_something_else(any_lake: SparkLake) -> None:
    first = publish(any_lake, [(1, "a"), (2, "b")])
    columns = (replace(column, description=f"It's {column.name}.") for column in THINGS.columns)
    changed = replace(THINGS, description="Things, said otherwise.", columns=tuple(columns))
    second = publish(any_lake, [(1, "a"), (3, "c")], changed)
    assert describe(any_lake) == [(one.name, one.type, one.description) for one in changed.columns]
    detail = any_lake.session.sql(f"DESCRIBE DETAIL {any_lake.name_for_query('silver.things')}").collect()
    assert detail[0]["description"] == changed.description
    # Who follows the table sees two versions of rows and nothing between them.
    seen = [one.version for one in any_lake.list_publications("silver.things", 5)]
    assert seen == [second, first]
    assert not any_lake.has_changed("silver.things", first, second - 1)
    assert read_sorted(any_lake) == [(1, "a"), (3, "c")]
    publish(any_lake, [(4, "d")], changed)
    assert any_lake.find_version("silver.things") == second + 1


def test_a_column_that_is_added_stays_until_the_contract_has_it_no_more(any_lake: SparkLake) -> None:
    plain = publish(any_lake, [(1, "apple")])
    wide = publish(any_lake, [(1, "apple", "red")], WIDENED)
    assert describe(any_lake) == [
        (column.name, column.type, column.description) for column in WIDENED.columns
    ]
    publish(any_lake, [(1, "apple")])
    assert any_lake.read("silver.things").columns == ["thing_id", "name"]
    assert describe(any_lake) == [(column.name, column.type, column.description) for column in THINGS.columns]
    assert read_sorted(any_lake, version=wide) == [(1, "apple", "red")]
    assert read_sorted(any_lake, version=plain) == [(1, "apple")]


def test_no_rows_are_a_version_like_any_other(lake: SparkLake) -> None:
    publish(lake, [])
    assert lake.find_version("silver.things") is not None
    assert read_sorted(lake) == []
    publish(lake, [(1, "a")])
    publish(lake, [])
    assert read_sorted(lake) == []


@pytest.mark.parametrize("before", [False, True], ids=["first", "later"])
def test_a_run_that_comes_too_late_publishes_nothing(any_lake: SparkLake, *, before: bool) -> None:
    if before:
        publish(any_lake, [(0, "before")])
    late, soon = stage(any_lake, [(1, "late")]), stage(any_lake, [(2, "soon")])
    version = any_lake.publish(soon)
    with pytest.raises(PublishConflictError, match="another run published it meanwhile"):
        any_lake.publish(late)
    assert read_sorted(any_lake) == [(2, "soon")]
    assert any_lake.find_version("silver.things") == version
    assert late.path in any_lake.list_candidates("silver.things")
    publish(any_lake, [(3, "again")])
    assert read_sorted(any_lake) == [(3, "again")]


@pytest.mark.parametrize("before", [False, True], ids=["first", "later"])
def test_of_two_runs_that_publish_at_the_same_time_one_does(
    tmp_path: Path, spark: SparkSession, *, before: bool
) -> None:
    lakes = [open_folder(tmp_path / "lake", spark) for _ in range(2)]
    if before:
        publish(lakes[0], [(0, "before")])
    candidates = [stage(lake, [(number, "mine")]) for number, lake in enumerate(lakes)]
    barrier = Barrier(2)

    def race(lake: SparkLake, candidate: Candidate) -> int | None:
        barrier.wait(60)
        try:
            return lake.publish(candidate)
        except PublishConflictError:
            return None

    with ThreadPoolExecutor(2) as pool:
        versions = list(pool.map(race, lakes, candidates))
    (winner,) = [number for number, version in enumerate(versions) if version is not None]
    assert read_sorted(lakes[0]) == [(winner, "mine")]
    assert lakes[0].find_version("silver.things") == versions[winner]


def test_notes_of_versions_are_read_the_newest_first(lake: SparkLake, tmp_path: Path) -> None:
    for number in range(3):
        lake.publish(stage(lake, [(1, "a")]), {"number": str(number)})
    publish(lake, [(1, "without")], run_id="monday")
    for reader in (lake, open_folder(tmp_path / "lake", lake.session)):
        assert reader.read_notes("silver.things", "number", 3) == ["2", "1"]
        assert reader.read_notes("silver.things", "run_id", 1) == ["monday"]
        assert reader.read_notes("silver.things", "nothing", 3) == []
        assert reader.read_notes("gold.nothing", "number", 3) == []


@pytest.mark.parametrize(
    ("rows", "counts"),
    [((GOOD, REFUSED), (1, 1)), ((GOOD,), (1, 0)), ((REFUSED,), (0, 1)), ((), (0, 0))],
    ids=["both", "good", "refused", "none"],
)
def test_refused_rows_lie_beside_the_others_and_are_not_published(
    lake: SparkLake, rows: tuple[tuple[Any, ...], ...], counts: tuple[int, int]
) -> None:
    marked = lake.session.createDataFrame(list(rows), MARKED)
    candidate = lake.stage(marked, THINGS, Pin(None), "run")
    assert (candidate.rows, candidate.refused) == counts
    assert lake.read_candidate(candidate).count() == counts[0]
    refused = [tuple(row) for row in lake.read_refused(candidate).collect()]
    assert refused == [REFUSED[:-1]] * counts[1]
    lake.publish(candidate)
    assert read_sorted(lake) == [(1, "apple")] * counts[0]
    assert lake.read("silver.things").columns == ["thing_id", "name"]


def test_candidates_are_listed_and_the_old_ones_removed(lake: SparkLake) -> None:
    first, second = stage(lake, [(1, "a")], run_id="monday"), stage(lake, [(2, "b")])
    assert first.path.name.startswith("candidate-monday-")
    assert {first.path, second.path} == set(lake.list_candidates("silver.things"))
    lake.publish(second)
    lake.discard(second)
    now = datetime.now(UTC)
    assert lake.remove_candidates("silver.things", now - timedelta(days=1)) == []
    assert lake.remove_candidates("silver.things", now + timedelta(days=1)) == [first.path]
    assert lake.list_candidates("silver.things") == []
    assert read_sorted(lake) == [(2, "b")]


def test_what_cannot_be_written_leaves_no_candidate(lake: SparkLake) -> None:
    with pytest.raises(ShapeError, match="returns no name"):
        lake.stage(lake.session.createDataFrame([(1,)], "thing_id int"), THINGS, Pin(None), "run")
    broken = lake.session.sql("SELECT 1 AS thing_id, raise_error('broken') AS name")
    with pytest.raises(Exception, match="broken"):
        lake.stage(broken, THINGS, Pin(None), "run")
    assert lake.list_candidates("silver.things") == []


def test_a_version_that_a_rule_blocks_is_never_seen(lake: SparkLake, tmp_path: Path) -> None:
    settings = Settings(landing=tmp_path / "landing", lake=tmp_path / "lake", target="spark")

    def build(content: str) -> Any:
        land(settings, content)
        build_table(BRONZE, lake, settings, "run")
        return build_table(SILVER, lake, settings, "run")

    blocked = build("thing_id,name\n1,apple\n2,apple\n")
    assert (blocked.version, blocked.kept) == (None, None)
    assert lake.find_version("silver.things") is None
    good = build("thing_id,name\n1,apple\n2,pear\n")
    blocked = build("thing_id,name\n3,fig\n4,fig\n5,strawberry\n")
    assert (blocked.version, blocked.kept) == (None, good.version)
    assert read_sorted(lake) == [(1, "apple"), (2, "pear")]
    assert blocked.candidate in lake.list_candidates("silver.things")
    assert [row["name"] for row in lake.read("quarantine.things").collect()] == ["strawberry"]


@pytest.mark.parametrize("folder", ["My Documents", "Einkäufe #1", "it's 100%20"])
def test_a_lake_may_lie_in_most_folders(tmp_path: Path, spark: SparkSession, folder: str) -> None:
    lake = open_folder(tmp_path / folder / "lake", spark)
    first = publish(lake, [(1, "a")])
    publish(lake, [(2, "b")])
    assert read_sorted(lake) == [(2, "b")]
    assert read_sorted(lake, version=first) == [(1, "a")]
    assert [path.name for path in (tmp_path / folder / "lake").iterdir() if path.name != "_scratch"] == [
        "silver"
    ]


@pytest.mark.parametrize("folder", ["lake [1]", "{a,b}", "what*", "what?", "a`b", "a\\b"])
def test_a_folder_whose_name_spark_mistakes_is_refused(
    tmp_path: Path, spark: SparkSession, folder: str
) -> None:
    with pytest.raises(LakePathError, match="give another"):
        open_folder(tmp_path / folder, spark)
