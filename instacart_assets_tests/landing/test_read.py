"""Landed files to rows."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from instacart_assets.contracts.model import Contract
from instacart_assets.landing.files import open_file, read_content
from instacart_assets.landing.read import read_files
from instacart_assets_tests.landing_files import write_file
from instacart_assets_tests.small_contracts import make_landed_contract

THINGS = make_landed_contract()
MOMENT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def read(spark: SparkSession, folder: Path, *names: str, contract: Contract = THINGS) -> DataFrame:
    paths = [folder / name for name in names or ("things.csv",)]
    files = [(open_file(path, folder, contract), read_content(path)) for path in paths]
    return read_files(spark, files, contract, {file.name: MOMENT for file, _ in files}, {})


def read_things(spark: SparkSession, folder: Path, content: str | bytes) -> list[tuple[str | None, ...]]:
    """Identifier, name and colour of each record, in the order of the file."""
    write_file(folder, "things.csv", content)
    rows = read(spark, folder).orderBy("_row_number").select("thing_id", "name", "colour")
    return [tuple(row) for row in rows.collect()]


def test_columns_are_read_by_name_whatever_their_order(spark: SparkSession, tmp_path: Path) -> None:
    assert read_things(spark, tmp_path, "colour,name,thing_id\nred,apple,1\n") == [("1", "apple", "red")]


def test_an_optional_column_that_is_absent_is_null(spark: SparkSession, tmp_path: Path) -> None:
    assert read_things(spark, tmp_path, "thing_id,name\n1,apple\n") == [("1", "apple", None)]


def test_values_are_kept_as_they_landed(spark: SparkSession, tmp_path: Path) -> None:
    content = "thing_id,name\n007,805\n 8 , two  words \n15.0,NULL\n1e3,true\n#9,Pan\u00a0\n"
    assert read_things(spark, tmp_path, content) == [
        ("007", "805", None),
        (" 8 ", " two  words ", None),
        ("15.0", "NULL", None),
        ("1e3", "true", None),
        ("#9", "Pan\u00a0", None),
    ]


def test_empty_values_are_null_quoted_or_not(spark: SparkSession, tmp_path: Path) -> None:
    content = 'thing_id,name,colour\n1,,""\n2,"",\n'
    assert read_things(spark, tmp_path, content) == [("1", None, None), ("2", None, None)]


def test_commas_doubled_quotes_and_backslashes_stay_in_a_name(spark: SparkSession, tmp_path: Path) -> None:
    content = 'thing_id,name,colour\n1,"Apple, red",a\n2,"Easy Grab 9\\""x13\\"" Glass",b\n3,C:\\x,c\n'
    assert read_things(spark, tmp_path, content) == [
        ("1", "Apple, red", "a"),
        ("2", 'Easy Grab 9\\"x13\\" Glass', "b"),
        ("3", "C:\\x", "c"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffthing_id,name\n1,é\n2,b\n",
        "thing_id,name\r\n1,é\r\n2,b\r\n",
        "thing_id,name\n1,é\n2,b",
        "thing_id,name\n\n1,é\n\n\n2,b\n\n",
        "\ufeffthing_id,name\r\n\r\n1,é\r\n\r\n2,b",
    ],
    ids=["byte order mark", "CRLF", "no final newline", "blank lines", "all of these"],
)
def test_files_saved_again_by_other_programs_give_the_same_rows(
    spark: SparkSession, tmp_path: Path, content: str
) -> None:
    assert read_things(spark, tmp_path, content) == [("1", "é", None), ("2", "b", None)]


def test_a_row_says_which_file_content_and_record_it_is_from(spark: SparkSession, tmp_path: Path) -> None:
    write_file(tmp_path, "things/day one.csv", "thing_id,name\n1,a\n\n2,b\n")
    content = read_content(tmp_path / "things" / "day one.csv")
    rows = read(spark, tmp_path, "things/day one.csv").orderBy("_row_number").collect()
    assert [(row["_source_file"], row["_row_number"]) for row in rows] == [
        ("things/day one.csv", 1),
        ("things/day one.csv", 2),
    ]
    assert {row["_source_fingerprint"] for row in rows} == {content.fingerprint}
    seconds = read(spark, tmp_path, "things/day one.csv").select(F.unix_timestamp("_ingested_at")).collect()
    assert {row[0] for row in seconds} == {int(MOMENT.timestamp())}


def test_rows_have_just_the_columns_of_the_contract(spark: SparkSession, tmp_path: Path) -> None:
    write_file(tmp_path, "things.csv", "name,thing_id\na,1\n")
    assert sorted(read(spark, tmp_path).columns) == sorted(THINGS.column_names)


def test_no_files_are_no_rows_in_the_columns_of_the_contract(spark: SparkSession) -> None:
    nothing = read_files(spark, [], THINGS, {}, {})
    assert nothing.columns == list(THINGS.column_names)
    assert nothing.count() == 0


def test_files_with_other_orders_of_columns_are_one_table(spark: SparkSession, tmp_path: Path) -> None:
    write_file(tmp_path, "things/a.csv", "thing_id,name\n1,a\n")
    write_file(tmp_path, "things/b.csv", "colour,name,thing_id\nred,b,2\n")
    rows = read(spark, tmp_path, "things/a.csv", "things/b.csv").orderBy("thing_id")
    assert [tuple(row) for row in rows.select("thing_id", "name", "colour", "_row_number").collect()] == [
        ("1", "a", None, 1),
        ("2", "b", "red", 1),
    ]


def test_record_numbers_follow_the_file_however_large_and_however_often_it_is_read(
    spark: SparkSession, tmp_path: Path
) -> None:
    sizes = {"things/a.csv": 300_000, "things/b.csv": 250_000}
    for name, size in sizes.items():
        lines = (f"{number},some name that fills the line" for number in range(1, size + 1))
        write_file(tmp_path, name, "thing_id,name\n" + "\n".join(lines) + "\n")
    for _ in range(3):
        numbered = read(spark, tmp_path, *sizes).groupBy("_source_file")
        found = numbered.agg(
            F.count("*").alias("rows"),
            F.count_if(F.col("thing_id").cast("bigint") == F.col("_row_number")).alias("right"),
        )
        assert {row["_source_file"]: (row["rows"], row["right"]) for row in found.collect()} == {
            name: (size, size) for name, size in sizes.items()
        }
