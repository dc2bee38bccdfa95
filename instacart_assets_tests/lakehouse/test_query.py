"""SQL over the lake."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.query import QueryError, run_query
from instacart_assets_tests.lakehouse.things import make_named, publish, read_sorted

SOME = [(1, "a"), (2, "b"), (3, "c")]


def test_a_table_is_known_by_its_address(lake: FolderLake) -> None:
    publish(lake, SOME)
    answer = run_query(lake, "SELECT count(*) AS things, max(name) AS last FROM silver.things")
    assert answer.to_pylist() == [{"things": 3, "last": "c"}]


@pytest.mark.parametrize("name", ["SILVER.things", "silver.Things", "Silver.THINGS"])
def test_an_address_may_be_written_in_any_case(lake: FolderLake, name: str) -> None:
    publish(lake, SOME)
    sql = f"SELECT max(thing_id) AS last FROM {name}"  # noqa: S608 - names of this test
    assert run_query(lake, sql).to_pylist() == [{"last": 3}]


def test_tables_of_several_layers_can_be_joined(lake: FolderLake) -> None:
    publish(lake, SOME)
    publish(lake, [(2, "two")], make_named("gold.names"))
    sql = "SELECT t.name, n.name AS word FROM silver.things t JOIN gold.names n USING (thing_id)"
    assert run_query(lake, sql).to_pylist() == [{"name": "b", "word": "two"}]


def test_columns_may_be_named_with_their_table(lake: FolderLake) -> None:
    publish(lake, SOME)
    sql = "SELECT silver.things.name FROM silver.things WHERE silver.things.thing_id = 1"
    assert run_query(lake, sql).to_pylist() == [{"name": "a"}]


def test_a_text_that_looks_like_no_table_of_the_lake_is_left_as_it_is(lake: FolderLake) -> None:
    publish(lake, SOME)
    sql = "SELECT 'GOLD.Medal' AS prize FROM silver.things LIMIT 1"
    assert run_query(lake, sql).to_pylist() == [{"prize": "GOLD.Medal"}]


def test_a_limit_bounds_the_rows(lake: FolderLake) -> None:
    publish(lake, SOME)
    sql = "SELECT thing_id FROM silver.things ORDER BY thing_id"
    assert run_query(lake, sql, limit=2).to_pylist() == [{"thing_id": 1}, {"thing_id": 2}]
    assert run_query(lake, sql, limit=0).num_rows == 0
    assert run_query(lake, sql).num_rows == 3


def test_a_new_version_is_seen_by_the_next_query(lake: FolderLake) -> None:
    publish(lake, SOME)
    assert run_query(lake, "SELECT name FROM silver.things").num_rows == 3
    publish(lake, [(9, "z")])
    assert run_query(lake, "SELECT name FROM silver.things").to_pylist() == [{"name": "z"}]


def test_two_lakes_of_one_session_are_told_apart(tmp_path: Path, spark: SparkSession) -> None:
    first, second = (FolderLake(tmp_path / name, lambda: spark) for name in ("first", "second"))
    publish(first, [(1, "first")])
    publish(second, [(1, "second")])
    names = [run_query(lake, "SELECT name FROM silver.things").to_pylist() for lake in (first, second, first)]
    assert names == [[{"name": "first"}], [{"name": "second"}], [{"name": "first"}]]


def test_an_unknown_table_is_told_with_those_that_are_there(lake: FolderLake) -> None:
    publish(lake, SOME)
    with pytest.raises(QueryError) as refused:
        run_query(lake, "SELECT * FROM gold.nothing JOIN silver.things USING (thing_id)")
    assert str(refused.value) == f"not in the lake {lake.root}: gold.nothing; it holds silver.things"


def test_an_empty_lake_says_how_to_fill_it(lake: FolderLake) -> None:
    with pytest.raises(QueryError, match="which holds nothing yet; make its tables with: instacart run"):
        run_query(lake, "SELECT * FROM gold.nothing_at_all")


@pytest.mark.parametrize(
    "sql",
    ["SELEC 1", "SELECT nothing FROM silver.things", "SELECT assert_true(thing_id > 9) FROM silver.things"],
)
def test_a_query_that_the_engine_refuses_is_told_with_its_reason(lake: FolderLake, sql: str) -> None:
    publish(lake, SOME)
    with pytest.raises(QueryError, match=r"the query was refused: \S"):
        run_query(lake, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO silver.things VALUES (9, 'z')",
        "WITH z AS (SELECT 9 AS thing_id, 'z' AS name) INSERT INTO silver.things SELECT * FROM z",
        "FROM silver.things INSERT INTO silver.things SELECT *",
        "INSERT OVERWRITE silver.things VALUES (9, 'z')",
        "UPDATE silver.things SET name = 'z'",
        "DELETE FROM silver.things",
        "DROP TABLE silver.things",
        "CREATE TABLE more AS SELECT 1 AS thing_id",
        "SELECT 1) LIMIT 1; DELETE FROM silver.things --",
    ],
)
def test_a_command_that_would_change_the_lake_is_refused(lake: FolderLake, sql: str) -> None:
    publish(lake, SOME)
    with pytest.raises(QueryError, match="the query was refused"):
        run_query(lake, sql)
    assert (lake.find_version("silver.things"), read_sorted(lake)) == (0, SOME)
    assert run_query(lake, "SELECT count(*) AS things FROM silver.things").to_pylist() == [{"things": 3}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM silver.things WHERE thing_id = 1;",
        "-- the first\nSELECT name FROM silver.things ORDER BY thing_id LIMIT 1 -- of three",
        "WITH t AS (SELECT * FROM silver.things) SELECT name FROM t WHERE thing_id = 1 ;\n",
        "(SELECT name FROM silver.things WHERE thing_id = 1)",
        "SELECT min(name) AS name FROM silver.things HAVING count(*) = 3",
    ],
)
def test_a_query_may_be_written_as_people_write_them(lake: FolderLake, sql: str) -> None:
    publish(lake, SOME)
    assert run_query(lake, sql).to_pylist() == [{"name": "a"}]


def test_an_answer_keeps_its_order(lake: FolderLake) -> None:
    publish(lake, SOME)
    sql = "SELECT thing_id FROM silver.things ORDER BY thing_id DESC"
    assert run_query(lake, sql)["thing_id"].to_pylist() == [3, 2, 1]


def test_an_answer_may_hold_two_columns_of_one_name(lake: FolderLake) -> None:
    publish(lake, SOME)
    sql = "SELECT a.name, b.name FROM silver.things a JOIN silver.things b USING (thing_id)"
    assert run_query(lake, sql).column_names == ["name", "name"]
