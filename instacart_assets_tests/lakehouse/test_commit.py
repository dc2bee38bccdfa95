"""What a commit says of the files it adds."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F

from instacart_assets.contracts.model import COLUMN_TYPES, Contract
from instacart_assets.lakehouse.commit import commit_files
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.lake import PublishConflictError
from instacart_assets.lakehouse.schema import arrow_schema
from instacart_assets_tests.lakehouse.things import THINGS, publish, stage
from instacart_assets_tests.small_contracts import make_column, make_contract

TYPED = make_contract(
    make_column("thing_id", "int", required=True),
    *(make_column(f"a_{kind.partition('<')[0]}", kind) for kind in COLUMN_TYPES),
)
MOMENT = datetime(2020, 5, 1, 12, 0, 0, 123_456, tzinfo=UTC)
ROWS: list[tuple[Any, ...]] = [
    (1, True, 3, 2**40, 1.5, "pear", date(2020, 3, 1), MOMENT, ["x"]),
    (2, False, -7, None, -2.25, "Äpfel", date(2019, 12, 31), MOMENT, []),
    (3, None, 5, 8, None, None, None, None, None),
]


def write_parquet(folder: Path, *tables: pa.Table) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"part-{number}.parquet" for number in range(len(tables))]
    for file, table in zip(files, tables, strict=True):
        pq.write_table(table, file)
    return files


def make_things(contract: Contract, rows: list[tuple[Any, ...]]) -> pa.Table:
    schema = arrow_schema(contract)
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


def read_actions(root: Path) -> list[dict[str, Any]]:
    """What the log says of each file, by ``min.column``, ``max.column`` and ``null_count.column``."""
    actions: list[dict[str, Any]] = pa.table(DeltaTable(root).get_add_actions(flatten=True)).to_pylist()
    return sorted(actions, key=lambda action: str(action["path"]))


def read_bounds(action: dict[str, Any], column: str) -> tuple[Any, Any, int]:
    """Least and greatest value and nulls of a column."""
    return action.get(f"min.{column}"), action.get(f"max.{column}"), action[f"null_count.{column}"]


def test_statistics_are_the_least_and_greatest_values_and_the_nulls(lake: FolderLake) -> None:
    publish(lake, ROWS, TYPED)
    (action,) = read_actions(lake.locate("silver.things"))
    assert action["num_records"] == 3
    assert read_bounds(action, "thing_id") == (1, 3, 0)
    assert read_bounds(action, "a_int") == (-7, 5, 0)
    assert read_bounds(action, "a_bigint") == (8, 2**40, 1)
    assert read_bounds(action, "a_double") == (-2.25, 1.5, 1)
    assert read_bounds(action, "a_string") == ("pear", "Äpfel", 1)  # by their bytes
    assert read_bounds(action, "a_date") == (date(2019, 12, 31), date(2020, 3, 1), 1)
    assert action["null_count.a_boolean"] == 1
    assert read_bounds(action, "a_boolean")[:2] in {(False, True), (None, None)}
    assert not [name for name in action if name.startswith(("min.a_array", "max.a_array"))]


def test_moments_have_nulls_but_no_bounds(lake: FolderLake) -> None:
    publish(lake, ROWS, TYPED)
    (action,) = read_actions(lake.locate("silver.things"))
    assert read_bounds(action, "a_timestamp") == (None, None, 1)


def test_a_column_of_nulls_has_no_bounds(lake: FolderLake) -> None:
    publish(lake, [(1, None), (2, None)])
    (action,) = read_actions(lake.locate("silver.things"))
    assert read_bounds(action, "name") == (None, None, 2)


def test_statistics_span_the_row_groups_of_a_file(tmp_path: Path) -> None:
    table = make_things(THINGS, [(5, "e"), (1, None), (9, "a"), (3, None)])
    pq.write_table(table, tmp_path / "part.parquet", row_group_size=1)
    commit_files(tmp_path, None, THINGS, [tmp_path / "part.parquet"], {"run_id": "run"})
    (action,) = read_actions(tmp_path)
    assert read_bounds(action, "thing_id") == (1, 9, 0)
    assert read_bounds(action, "name") == ("a", "e", 2)


def test_long_texts_are_within_their_bounds(lake: FolderLake) -> None:
    least, greatest = "a" * 300, "z" * 300
    publish(lake, [(1, least), (2, greatest)])
    (action,) = read_actions(lake.locate("silver.things"))
    low, high, _ = read_bounds(action, "name")
    assert low is None or low <= least
    assert high is None or high >= greatest


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_numbers_without_a_place_in_json_leave_the_table_readable(lake: FolderLake, odd: float) -> None:
    priced = make_contract(make_column("thing_id", "int", required=True), make_column("price", "double"))
    publish(lake, [(1, odd), (2, 1.0), (3, 2.0)], priced)
    rows = lake.read("silver.things").where(F.col("price") == F.lit(2.0)).collect()
    assert [row["thing_id"] for row in rows] == [3]
    assert str(odd) in {str(row["price"]) for row in lake.read("silver.things").collect()}
    assert DeltaTable(lake.locate("silver.things")).to_pyarrow_table().num_rows == 3


def test_each_file_has_its_own_statistics(tmp_path: Path) -> None:
    files = write_parquet(
        tmp_path / "candidate", make_things(THINGS, [(1, "a")]), make_things(THINGS, [(2, "b"), (3, "c")])
    )
    assert commit_files(tmp_path, None, THINGS, files, {"run_id": "run"}) == 0
    first, second = read_actions(tmp_path)
    assert (first["path"], first["num_records"], first["max.thing_id"]) == (
        "candidate/part-0.parquet",
        1,
        1,
    )
    assert (second["num_records"], second["min.thing_id"]) == (2, 2)
    assert first["size_bytes"] == files[0].stat().st_size


def test_files_without_statistics_can_be_published(tmp_path: Path) -> None:
    file = tmp_path / "part.parquet"
    pq.write_table(make_things(THINGS, [(1, "a")]), file, write_statistics=False)
    commit_files(tmp_path, None, THINGS, [file], {"run_id": "run"})
    assert DeltaTable(tmp_path).to_pyarrow_table().to_pylist() == [{"thing_id": 1, "name": "a"}]


def test_the_run_stands_in_the_commit(lake: FolderLake) -> None:
    publish(lake, [(1, "a")], run_id="monday")
    publish(lake, [(1, "b")], run_id="tuesday")
    history = DeltaTable(lake.locate("silver.things")).history()
    assert [json.loads(commit["userMetadata"])["run_id"] for commit in history] == ["tuesday", "monday"]


def test_notes_stand_in_the_commit_beside_the_run(lake: FolderLake) -> None:
    candidate = stage(lake, [(1, "a")], run_id="monday")
    lake.publish(candidate, {"landed_files": "{}"})
    (commit,) = DeltaTable(lake.locate("silver.things")).history()
    assert json.loads(commit["userMetadata"]) == {
        "run_id": "monday",
        "candidate": candidate.path.name,
        "landed_files": "{}",
    }


def test_name_description_and_comments_stand_in_the_table(lake: FolderLake) -> None:
    publish(lake, [(1, "a")])
    table = DeltaTable(lake.locate("silver.things"))
    assert (table.metadata().name, table.metadata().description) == (
        "silver.things",
        "Every thing there is.",
    )
    assert [field.metadata["comment"] for field in table.schema().fields] == ["The thing_id.", "The name."]


def test_a_version_published_since_the_work_began_is_not_overwritten(lake: FolderLake) -> None:
    publish(lake, [(1, "first")])
    late = stage(lake, [(1, "late")])
    publish(lake, [(1, "meanwhile")])
    with pytest.raises(PublishConflictError):
        lake.publish(late)
    assert DeltaTable(lake.locate("silver.things")).to_pyarrow_table()["name"].to_pylist() == ["meanwhile"]


def test_what_lost_against_another_run_is_a_candidate_again(lake: FolderLake) -> None:
    late = stage(lake, [(1, "late")])
    publish(lake, [(1, "meanwhile")])
    with pytest.raises(PublishConflictError):
        lake.publish(late)
    assert lake.list_candidates("silver.things") == [late.path]
    assert [tuple(row) for row in lake.read_candidate(late).collect()] == [(1, "late")]


def test_a_first_version_published_meanwhile_is_not_overwritten(lake: FolderLake) -> None:
    late = stage(lake, [(1, "late")])
    publish(lake, [(1, "first")])
    with pytest.raises(PublishConflictError, match=r"silver\.things: another run published"):
        lake.publish(late)
    assert DeltaTable(lake.locate("silver.things")).to_pyarrow_table()["name"].to_pylist() == ["first"]
