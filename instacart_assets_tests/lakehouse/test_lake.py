"""Tables staged, published and read."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from instacart_assets.contracts.model import COLUMN_TYPES
from instacart_assets.lakehouse.lake import Lakehouse, LakePathError, TableMissingError
from instacart_assets.lakehouse.query import run_query
from instacart_assets.lakehouse.schema import ShapeError
from instacart_assets_tests.lakehouse.things import THINGS, make_named, publish, read_sorted, stage
from instacart_assets_tests.small_contracts import make_column, make_contract


def test_types_and_nullability_survive_the_way_through_the_lake(lake: Lakehouse) -> None:
    typed = make_contract(
        make_column("thing_id", "int", required=True),
        *(make_column(f"a_{kind}", kind) for kind in COLUMN_TYPES),
    )
    moment = datetime(2020, 5, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    row: tuple[Any, ...] = (1, True, -7, 2**40, 0.1, "Crème\n", date(2019, 12, 31), moment)
    publish(lake, [row, (2, *[None] * 7)], typed)
    assert lake.read("silver.things").dtypes == [(column.name, column.type) for column in typed.columns]
    fields = DeltaTable(lake.locate("silver.things")).schema().fields
    assert [field.name for field in fields if not field.nullable] == ["thing_id"]
    by_arrow = DeltaTable(lake.locate("silver.things")).to_pyarrow_table().sort_by("thing_id").to_pylist()
    assert tuple(by_arrow[0].values()) == row
    assert tuple(by_arrow[1].values()) == (2, *[None] * 7)


def test_the_engine_and_deltalake_read_the_same_rows(lake: Lakehouse) -> None:
    publish(lake, [(3, "c"), (1, "a"), (2, None)])
    by_engine: pa.Table = lake.read("silver.things").orderBy("thing_id").toArrow()
    by_delta = DeltaTable(lake.locate("silver.things")).to_pyarrow_table().sort_by("thing_id")
    assert by_engine.to_pylist() == by_delta.to_pylist()
    assert by_delta.num_rows == 3


def test_a_candidate_is_seen_by_nobody_before_it_is_published(lake: Lakehouse) -> None:
    candidate = stage(lake, [(1, "new")])
    assert (lake.list_tables(), lake.find_version("silver.things")) == ([], None)
    lake.publish(candidate)
    stage(lake, [(1, "newer")])
    assert read_sorted(lake) == [(1, "new")]
    assert DeltaTable(lake.locate("silver.things")).to_pyarrow_table()["name"].to_pylist() == ["new"]


def test_a_candidate_can_be_read_and_counted_before_it_is_published(lake: Lakehouse) -> None:
    candidate = stage(lake, [(2, "b"), (1, "a"), (3, "c")], run_id="monday")
    assert candidate.rows == 3
    assert candidate.path.name.startswith("candidate-monday-")
    assert sorted(tuple(row) for row in lake.read_candidate(candidate).collect()) == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]
    assert lake.read_preview(candidate, 2).to_pylist() == [
        {"thing_id": 1, "name": "a"},
        {"thing_id": 2, "name": "b"},
    ]


def test_each_version_replaces_all_rows_in_one_commit(lake: Lakehouse) -> None:
    assert publish(lake, [(1, "a"), (2, "b")]) == 0
    assert publish(lake, [(3, "c")]) == 1
    assert read_sorted(lake) == [(3, "c")]
    assert len(DeltaTable(lake.locate("silver.things")).history()) == 2


def test_two_candidates_of_one_run_do_not_mix(lake: Lakehouse) -> None:
    first, second = stage(lake, [(1, "a")]), stage(lake, [(2, "b")])
    assert first.path != second.path
    lake.publish(second)
    assert read_sorted(lake) == [(2, "b")]


def test_an_older_version_can_still_be_read(lake: Lakehouse) -> None:
    publish(lake, [(1, "a")])
    publish(lake, [(1, "b")])
    assert read_sorted(lake, version=0) == [(1, "a")]


def test_rows_being_read_stay_the_same_while_a_new_version_is_published(lake: Lakehouse) -> None:
    publish(lake, [(1, "before")])
    reading = lake.read("silver.things")
    publish(lake, [(1, "after")])
    assert [row["name"] for row in reading.collect()] == ["before"]
    assert read_sorted(lake) == [(1, "after")]


def test_no_rows_are_a_version_like_any_other(lake: Lakehouse) -> None:
    candidate = stage(lake, [])
    assert candidate.rows == 0
    assert lake.read_candidate(candidate).collect() == []
    assert lake.publish(candidate) == 0
    assert read_sorted(lake) == []
    assert lake.read("silver.things").dtypes == [("thing_id", "int"), ("name", "string")]
    publish(lake, [(1, "a")])
    publish(lake, [])
    assert read_sorted(lake) == []


def test_rows_that_lack_a_column_are_not_written(lake: Lakehouse) -> None:
    rows = lake.session.createDataFrame([(1,)], "thing_id int")
    with pytest.raises(ShapeError, match="returns no name"):
        lake.stage(rows, THINGS, None, "run")
    assert not list(lake.root.rglob("*.parquet"))


def test_columns_that_the_contract_does_not_name_are_left_out(lake: Lakehouse) -> None:
    rows = lake.session.createDataFrame([("red", "a", 1)], "colour string, name string, thing_id int")
    lake.publish(lake.stage(rows, THINGS, None, "run"))
    assert lake.read("silver.things").columns == ["thing_id", "name"]
    assert read_sorted(lake) == [(1, "a")]


def test_a_table_that_was_never_published_is_told_with_the_command_that_makes_it(lake: Lakehouse) -> None:
    with pytest.raises(TableMissingError) as missing:
        lake.read("gold.nothing")
    assert str(missing.value) == (
        f"gold.nothing is not in the lake {lake.root}; make it first: instacart run --select 'gold.nothing'"
    )


def test_tables_are_listed_by_layer_and_name_once_published(lake: Lakehouse) -> None:
    for address in ("gold.a", "bronze.z", "bronze.b"):
        publish(lake, [(1, "a")], make_named(address))
    stage(lake, [(1, "a")], make_named("silver.staged"))
    (lake.root / "silver" / "notes").mkdir(parents=True)
    assert lake.list_tables() == ["bronze.b", "bronze.z", "gold.a"]


def test_a_lake_that_is_not_there_is_empty(tmp_path: Path, spark: SparkSession) -> None:
    assert Lakehouse(tmp_path / "nowhere", lambda: spark).list_tables() == []


def test_looking_at_versions_asks_for_no_session(tmp_path: Path) -> None:
    def refuse() -> SparkSession:
        raise AssertionError("a session was opened")

    lake = Lakehouse(tmp_path, refuse)
    assert (lake.find_version("silver.things"), lake.list_tables()) == (None, [])


def test_a_relative_lake_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lake = Lakehouse(Path("lake"), lambda: spark)
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
    lake = Lakehouse(tmp_path / folder / "lake", lambda: spark)
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
        Lakehouse(tmp_path / folder / "lake", lambda: spark)
