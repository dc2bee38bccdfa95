"""Tables staged, published and read."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from instacart_assets.contracts.model import COLUMN_TYPES
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.lake import Candidate, Change, LakePathError, Pin, TableMissingError
from instacart_assets.lakehouse.query import run_query
from instacart_assets.lakehouse.schema import ShapeError
from instacart_assets_tests.lakehouse.things import THINGS, make_named, publish, read_sorted, stage
from instacart_assets_tests.small_contracts import make_column, make_contract


def test_types_and_nullability_survive_the_way_through_the_lake(lake: FolderLake) -> None:
    typed = make_contract(
        make_column("thing_id", "int", required=True),
        *(make_column(f"a_{kind.partition('<')[0]}", kind) for kind in COLUMN_TYPES),
    )
    moment = datetime(2020, 5, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    row: tuple[Any, ...] = (1, True, -7, 2**40, 0.1, "Crème\n", date(2019, 12, 31), moment, ["x", "y"])
    publish(lake, [row, (2, *[None] * 8)], typed)
    assert lake.read("silver.things").dtypes == [(column.name, column.type) for column in typed.columns]
    fields = DeltaTable(lake.locate("silver.things")).schema().fields
    assert [field.name for field in fields if not field.nullable] == ["thing_id"]
    by_arrow = DeltaTable(lake.locate("silver.things")).to_pyarrow_table().sort_by("thing_id").to_pylist()
    assert tuple(by_arrow[0].values()) == row
    assert tuple(by_arrow[1].values()) == (2, *[None] * 8)


def test_the_engine_and_deltalake_read_the_same_rows(lake: FolderLake) -> None:
    publish(lake, [(3, "c"), (1, "a"), (2, None)])
    by_engine: pa.Table = lake.read("silver.things").orderBy("thing_id").toArrow()
    by_delta = DeltaTable(lake.locate("silver.things")).to_pyarrow_table().sort_by("thing_id")
    assert by_engine.to_pylist() == by_delta.to_pylist()
    assert by_delta.num_rows == 3


def test_a_candidate_is_seen_by_nobody_before_it_is_published(lake: FolderLake) -> None:
    candidate = stage(lake, [(1, "new")])
    assert (lake.list_tables(), lake.find_version("silver.things")) == ([], None)
    lake.publish(candidate)
    stage(lake, [(1, "newer")])
    assert read_sorted(lake) == [(1, "new")]
    assert DeltaTable(lake.locate("silver.things")).to_pyarrow_table()["name"].to_pylist() == ["new"]


def test_a_candidate_can_be_read_and_counted_before_it_is_published(lake: FolderLake) -> None:
    candidate = stage(lake, [(2, "b"), (1, "a"), (3, "c")], run_id="monday")
    assert candidate.rows == 3
    assert candidate.path.name.startswith("candidate-monday-")
    assert sorted(tuple(row) for row in lake.read_candidate(candidate).collect()) == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]


def test_each_version_replaces_all_rows_in_one_commit(lake: FolderLake) -> None:
    assert publish(lake, [(1, "a"), (2, "b")]) == 0
    assert publish(lake, [(3, "c")]) == 1
    assert read_sorted(lake) == [(3, "c")]
    assert len(DeltaTable(lake.locate("silver.things")).history()) == 2


def test_two_candidates_of_one_run_do_not_mix(lake: FolderLake) -> None:
    first, second = stage(lake, [(1, "a")]), stage(lake, [(2, "b")])
    assert first.path != second.path
    lake.publish(second)
    assert read_sorted(lake) == [(2, "b")]


def test_an_older_version_can_still_be_read(lake: FolderLake) -> None:
    publish(lake, [(1, "a")])
    publish(lake, [(1, "b")])
    assert read_sorted(lake, version=0) == [(1, "a")]


def test_rows_being_read_stay_the_same_while_a_new_version_is_published(lake: FolderLake) -> None:
    publish(lake, [(1, "before")])
    reading = lake.read("silver.things")
    publish(lake, [(1, "after")])
    assert [row["name"] for row in reading.collect()] == ["before"]
    assert read_sorted(lake) == [(1, "after")]


def test_no_rows_are_a_version_like_any_other(lake: FolderLake) -> None:
    candidate = stage(lake, [])
    assert candidate.rows == 0
    assert lake.read_candidate(candidate).collect() == []
    assert lake.publish(candidate) == 0
    assert read_sorted(lake) == []
    assert lake.read("silver.things").dtypes == [("thing_id", "int"), ("name", "string")]
    publish(lake, [(1, "a")])
    publish(lake, [])
    assert read_sorted(lake) == []


def test_a_part_can_take_all_rows_out(lake: FolderLake) -> None:
    publish(lake, [(1, "one"), (2, "two")])
    nothing = lake.compare(stage(lake, []), lake.read("silver.things"), is_part=True)
    assert (nothing.rows, nothing.change) == (0, Change(added=0, removed=2))
    assert lake.publish(nothing) == 1
    assert read_sorted(lake) == []
    assert lake.count_rows("silver.things") == 0


def test_rows_that_lack_a_column_are_not_written(lake: FolderLake) -> None:
    rows = lake.session.createDataFrame([(1,)], "thing_id int")
    with pytest.raises(ShapeError, match="returns no name"):
        lake.stage(rows, THINGS, Pin(None), "run")
    assert not list(lake.root.rglob("*.parquet"))


def test_columns_that_the_contract_does_not_name_are_left_out(lake: FolderLake) -> None:
    rows = lake.session.createDataFrame([("red", "a", 1)], "colour string, name string, thing_id int")
    lake.publish(lake.stage(rows, THINGS, Pin(None), "run"))
    assert lake.read("silver.things").columns == ["thing_id", "name"]
    assert read_sorted(lake) == [(1, "a")]


def stage_marked(lake: FolderLake, *rows: tuple[Any, ...], run_id: str = "run") -> Candidate:
    """A candidate of rows of which some are marked as refused."""
    schema = "thing_id int, name string, _source_file string, _row_number bigint, _reasons array<string>"
    frame = lake.session.createDataFrame(rows, f"{schema}, _is_refused boolean")
    return lake.stage(frame, THINGS, lake.pin("silver.things"), run_id)


GOOD = (1, "apple", None, None, None, False)
REFUSED = (None, "pear", "things.csv", 2, ["thing_id_is_filled"], True)


def test_refused_rows_lie_beside_the_others_and_are_not_published(lake: FolderLake) -> None:
    candidate = stage_marked(lake, GOOD, REFUSED)
    assert (candidate.rows, candidate.refused) == (1, 1)
    assert [tuple(row) for row in lake.read_candidate(candidate).collect()] == [(1, "apple")]
    (refused,) = lake.read_refused(candidate).collect()
    assert refused.asDict() == {
        "thing_id": None,
        "name": "pear",
        "_source_file": "things.csv",
        "_row_number": 2,
        "_reasons": ["thing_id_is_filled"],
    }
    lake.publish(candidate)
    assert read_sorted(lake) == [(1, "apple")]
    assert lake.read("silver.things").columns == ["thing_id", "name"]


@pytest.mark.parametrize(
    ("rows", "counts"),
    [((GOOD,), (1, 0)), ((REFUSED,), (0, 1)), ((), (0, 0))],
    ids=["good", "refused", "none"],
)
def test_a_candidate_of_one_kind_of_rows_has_none_of_the_other(
    lake: FolderLake, rows: tuple[tuple[Any, ...], ...], counts: tuple[int, int]
) -> None:
    candidate = stage_marked(lake, *rows)
    assert (candidate.rows, candidate.refused) == counts
    assert (lake.read_candidate(candidate).count(), lake.read_refused(candidate).count()) == counts
    assert set(lake.read_refused(candidate).columns) == {
        "thing_id",
        "name",
        "_source_file",
        "_row_number",
        "_reasons",
    }
    assert lake.publish(candidate) == 0
    assert lake.read("silver.things").count() == counts[0]


def test_what_is_published_is_no_candidate_any_more(lake: FolderLake) -> None:
    candidate = stage_marked(lake, GOOD, REFUSED, run_id="monday")
    lake.publish(candidate)
    assert lake.read_refused(candidate).count() == 1  # until it is discarded
    lake.discard(candidate)
    assert lake.list_candidates("silver.things") == []
    folders = sorted(path.name for path in lake.locate("silver.things").iterdir())
    assert [name.rpartition("-")[0] for name in folders if name != "_delta_log"] == ["data-monday"]


def test_only_candidates_from_before_a_moment_are_removed(lake: FolderLake) -> None:
    publish(lake, [(1, "published")])
    old, new = stage(lake, [(1, "old")]), stage(lake, [(1, "new")])
    week_old = (datetime.now(UTC) - timedelta(days=8)).timestamp()
    for folder in lake.locate("silver.things").glob("*-*"):
        if folder != new.path:
            os.utime(folder, (week_old, week_old))
    removed = lake.remove_candidates("silver.things", datetime.now(UTC) - timedelta(days=7))
    assert removed == [old.path]
    assert lake.list_candidates("silver.things") == [new.path]
    assert read_sorted(lake) == [(1, "published")]


def test_arrays_that_the_engine_made_can_be_read_again(lake: FolderLake) -> None:
    reasons = make_contract(
        make_column("thing_id", "int", required=True), make_column("why", "array<string>")
    )
    rows = lake.session.createDataFrame([(1, "a"), (2, None)], "thing_id int, text string")
    made = rows.withColumn("why", F.when(F.col("text").isNotNull(), F.array("text", "text")))
    lake.publish(lake.stage(made, reasons, Pin(None), "run"))
    assert read_sorted(lake) == [(1, ["a", "a"]), (2, None)]
    again = lake.read("silver.things").unionByName(lake.read("silver.things"))
    lake.publish(lake.stage(again, reasons, lake.pin("silver.things"), "run"))
    assert lake.read("silver.things").where(F.array_contains("why", "a")).count() == 2


def test_a_column_that_is_added_widens_the_table(lake: FolderLake) -> None:
    publish(lake, [(1, "apple")])
    widened = make_contract(*THINGS.columns, make_column("colour"))
    publish(lake, [(1, "apple", "red")], widened)
    assert read_sorted(lake) == [(1, "apple", "red")]
    assert DeltaTable(lake.locate("silver.things")).to_pyarrow_table().column_names == [
        "thing_id",
        "name",
        "colour",
    ]
    assert read_sorted(lake, version=0) == [(1, "apple")]


def test_notes_of_versions_are_read_the_newest_first(lake: FolderLake) -> None:
    for number in range(3):
        lake.publish(stage(lake, [(1, "a")]), {"number": str(number)})
    publish(lake, [(1, "without")])
    assert lake.read_notes("silver.things", "number", 3) == ["2", "1"]
    assert lake.read_notes("silver.things", "nothing", 3) == []
    assert lake.read_notes("gold.nothing", "number", 3) == []


def test_rows_of_a_version_are_counted(lake: FolderLake) -> None:
    publish(lake, [(1, "a"), (2, "b")])
    publish(lake, [(1, "a")])
    assert (lake.count_rows("silver.things"), lake.count_rows("silver.things", 0)) == (1, 2)
    assert lake.count_rows("gold.nothing") == 0


def test_a_table_that_was_never_published_is_told_with_the_command_that_makes_it(lake: FolderLake) -> None:
    with pytest.raises(TableMissingError) as missing:
        lake.read("gold.nothing")
    assert str(missing.value) == (
        f"gold.nothing is not in the lake {lake.root}; make it first: instacart run --select 'gold.nothing'"
    )


def test_tables_are_listed_by_layer_and_name_once_published(lake: FolderLake) -> None:
    for address in ("quarantine.b", "gold.a", "bronze.z", "bronze.b"):
        publish(lake, [(1, "a")], make_named(address))
    stage(lake, [(1, "a")], make_named("silver.staged"))
    (lake.root / "silver" / "notes").mkdir(parents=True)
    assert lake.list_tables() == ["bronze.b", "bronze.z", "gold.a", "quarantine.b"]


def test_a_lake_that_is_not_there_is_empty(tmp_path: Path, spark: SparkSession) -> None:
    assert FolderLake(tmp_path / "nowhere", lambda: spark).list_tables() == []


def test_looking_at_versions_asks_for_no_session(tmp_path: Path) -> None:
    def refuse() -> SparkSession:
        raise AssertionError("a session was opened")

    lake = FolderLake(tmp_path, refuse)
    assert (lake.find_version("silver.things"), lake.list_tables()) == (None, [])


def test_a_relative_lake_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lake = FolderLake(Path("lake"), lambda: spark)
    publish(lake, [(1, "a")])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert read_sorted(lake) == [(1, "a")]


@pytest.mark.parametrize(
    "folder",
    [
        "My Documents",
        "a#b",
        "100%",
        "Einkäufe",
        "it's",
        "a&b=c+d",
        "日本/a b",
        "lake [1]",
        "{a,b}",
        "what*",
        "what?",
    ],
)
def test_a_lake_may_lie_in_any_folder(tmp_path: Path, spark: SparkSession, folder: str) -> None:
    lake = FolderLake(tmp_path / folder / "lake", lambda: spark)
    assert publish(lake, [(1, "a")]) == 0
    candidate = stage(lake, [(2, "b")])
    assert [tuple(row) for row in lake.read_candidate(candidate).collect()] == [(2, "b")]
    assert lake.publish(candidate) == 1
    assert read_sorted(lake) == [(2, "b")]
    assert read_sorted(lake, version=0) == [(1, "a")]
    assert run_query(lake, "SELECT name FROM silver.things").to_pylist() == [{"name": "b"}]


@pytest.mark.parametrize("folder", ["a%20b", "a\\b"])
def test_a_folder_whose_name_would_be_mistaken_is_refused(
    tmp_path: Path, spark: SparkSession, folder: str
) -> None:
    with pytest.raises(LakePathError, match="give another"):
        FolderLake(tmp_path / folder / "lake", lambda: spark)
