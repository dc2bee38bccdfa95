"""Which of the landed rows that share a key count."""

from datetime import UTC, datetime

from pyspark.sql import DataFrame, SparkSession

from instacart_assets.quality.repeats import Repeats, find_repeats
from instacart_assets_tests.small_contracts import make_column, make_contract

THINGS = make_contract(
    make_column("thing_id", "int", required=True, sources=("bronze.things.thing_id",)),
    make_column("name", required=True, sources=("bronze.things.name",)),
    error_budget=0.5,
)
INGESTED = {
    "a.csv": datetime(2020, 1, 3, tzinfo=UTC),  # ingested last, whatever its name
    "b.csv": datetime(2020, 1, 1, tzinfo=UTC),
    "c.csv": datetime(2020, 1, 2, tzinfo=UTC),
}
Landed = tuple[str, int, str, str]
"""File, number of the record, thing_id and name."""


def land(spark: SparkSession, *rows: Landed) -> DataFrame:
    return spark.createDataFrame(
        [(thing_id, name, file, number, INGESTED[file]) for file, number, thing_id, name in rows],
        "thing_id string, name string, _source_file string, _row_number bigint, _ingested_at timestamp",
    )


def find(spark: SparkSession, *rows: Landed) -> Repeats | None:
    return find_repeats({"bronze.things": land(spark, *rows)}, THINGS)


def fate(spark: SparkSession, *rows: Landed) -> dict[tuple[str, int], str]:
    """What becomes of each row that does not simply count, by file and number."""
    repeats = find(spark, *rows)
    assert repeats is not None
    fates = {(row["_source_file"], row["_row_number"]): row["fate"] for row in repeats.rows.collect()}
    assert repeats.counts == {name: list(fates.values()).count(name) for name in fates.values()}
    return fates


def test_different_keys_do_not_repeat(spark: SparkSession) -> None:
    assert find(spark, ("b.csv", 1, "1", "apple"), ("b.csv", 2, "2", "apple")) is None


def test_no_rows_do_not_repeat(spark: SparkSession) -> None:
    assert find(spark) is None


def test_of_exact_duplicates_in_a_file_the_first_counts(spark: SparkSession) -> None:
    assert fate(
        spark,
        ("b.csv", 1, "1", "apple"),
        ("b.csv", 2, "2", "pear"),
        ("b.csv", 3, "1", "apple"),
        ("b.csv", 4, "1", "apple"),
    ) == {("b.csv", 3): "duplicate", ("b.csv", 4): "duplicate"}


def test_of_different_rows_for_a_key_in_a_file_none_counts(spark: SparkSession) -> None:
    assert fate(spark, ("b.csv", 1, "1", "apple"), ("b.csv", 2, "1", "pear")) == {
        ("b.csv", 1): "conflicting",
        ("b.csv", 2): "conflicting",
    }


def test_a_key_is_the_value_and_not_its_spelling(spark: SparkSession) -> None:
    assert fate(spark, ("b.csv", 1, "8", "apple"), ("b.csv", 2, "08", "apple")) == {
        ("b.csv", 1): "conflicting",
        ("b.csv", 2): "conflicting",
    }


def test_a_duplicate_of_a_conflicting_row_is_a_duplicate(spark: SparkSession) -> None:
    assert fate(spark, ("b.csv", 1, "1", "apple"), ("b.csv", 2, "1", "pear"), ("b.csv", 3, "1", "apple")) == {
        ("b.csv", 1): "conflicting",
        ("b.csv", 2): "conflicting",
        ("b.csv", 3): "duplicate",
    }


def test_of_two_files_the_one_ingested_later_counts(spark: SparkSession) -> None:
    assert fate(spark, ("a.csv", 1, "1", "new"), ("b.csv", 1, "1", "old")) == {("b.csv", 1): "superseded"}


def test_the_same_row_in_a_later_file_makes_the_earlier_one_a_duplicate(spark: SparkSession) -> None:
    assert fate(spark, ("a.csv", 1, "1", "apple"), ("b.csv", 1, "1", "apple")) == {("b.csv", 1): "duplicate"}


def test_of_three_files_the_last_counts(spark: SparkSession) -> None:
    assert fate(
        spark,
        ("a.csv", 1, "1", "apple"),
        ("b.csv", 1, "1", "apple"),
        ("c.csv", 1, "1", "pear"),
    ) == {("b.csv", 1): "duplicate", ("c.csv", 1): "superseded"}


def test_a_later_file_settles_a_conflict(spark: SparkSession) -> None:
    assert fate(
        spark,
        ("b.csv", 1, "1", "apple"),
        ("b.csv", 2, "1", "pear"),
        ("c.csv", 1, "1", "plum"),
    ) == {("b.csv", 1): "superseded", ("b.csv", 2): "superseded"}


def test_a_later_conflict_leaves_the_earlier_row_standing(spark: SparkSession) -> None:
    assert fate(
        spark,
        ("b.csv", 1, "1", "plum"),
        ("c.csv", 1, "1", "apple"),
        ("c.csv", 2, "1", "pear"),
    ) == {("c.csv", 1): "conflicting", ("c.csv", 2): "conflicting"}


def test_a_key_that_cannot_be_read_is_no_key(spark: SparkSession) -> None:
    assert find(spark, ("b.csv", 1, "x", "apple"), ("b.csv", 2, "x", "pear")) is None


def test_rows_of_two_tables_share_their_keys(spark: SparkSession) -> None:
    both = make_contract(
        make_column("thing_id", "int", required=True, sources=("bronze.old.thing_id", "bronze.new.thing_id")),
        error_budget=0.5,
    )
    landed = {
        "bronze.old": land(spark, ("b.csv", 1, "1", "apple")),
        "bronze.new": land(spark, ("c.csv", 1, "1", "pear")),
    }
    repeats = find_repeats(landed, both)
    assert repeats is not None
    assert repeats.counts == {"superseded": 1}


def test_what_counts_is_left_with_what_conflicts(spark: SparkSession) -> None:
    landed = land(
        spark,
        ("b.csv", 1, "1", "old"),
        ("b.csv", 2, "2", "apple"),
        ("b.csv", 3, "2", "pear"),
        ("b.csv", 4, "3", "plum"),
        ("b.csv", 5, "3", "plum"),
        ("c.csv", 1, "1", "new"),
    )
    repeats = find_repeats({"bronze.things": landed}, THINGS)
    assert repeats is not None
    kept = repeats.drop_from(landed).orderBy("_source_file", "_row_number").collect()
    assert [(row["_source_file"], row["name"]) for row in kept] == [
        ("b.csv", "apple"),
        ("b.csv", "pear"),
        ("b.csv", "plum"),
        ("c.csv", "new"),
    ]
    assert [row["_row_number"] for row in repeats.conflicting.orderBy("_row_number").collect()] == [2, 3]
