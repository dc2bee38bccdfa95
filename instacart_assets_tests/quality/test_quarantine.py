"""What becomes of refused rows over runs."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.quality.quarantine import (
    REPLAYED,
    add_found,
    describe_lines,
    describe_rows,
    find_gone,
    resolve_by_hand,
    resolve_gone,
)

MONDAY, TUESDAY, FRIDAY = (datetime(2020, 6, day, tzinfo=UTC) for day in (1, 2, 5))
FILES = [("a.csv", "f1")]
KNOWN = (
    "row_id string, reason string, _source_file string, _source_fingerprint string, _row_number bigint, "
    "status string, resolution string, quarantined_at timestamp, resolved_at timestamp, run_id string"
)
FOUND = "row_id string, reason string, _source_file string, _source_fingerprint string, _row_number bigint"


def know(spark: SparkSession, **resolutions: str | None) -> DataFrame:
    """Rows refused on Monday, open or resolved on Tuesday; a row's identifier ends with its number."""
    rows = [
        (
            row_id,
            "old",
            "a.csv",
            "f1",
            int(row_id[1:]),
            "resolved" if how else "open",
            how,
            MONDAY,
            TUESDAY if how else None,
            "monday",
        )
        for row_id, how in resolutions.items()
    ]
    return spark.createDataFrame(rows, KNOWN)


def meet(spark: SparkSession, *row_ids: str) -> DataFrame:
    """Rows refused on Friday."""
    rows = [(row_id, "new", "a.csv", "f1", int(row_id[1:])) for row_id in row_ids]
    return spark.createDataFrame(rows, FOUND)


def tell(rows: DataFrame) -> dict[str, tuple[Any, ...]]:
    """State, resolution, and whether the moments are there, by row."""
    return {
        row["row_id"]: (row["status"], row["resolution"], row["quarantined_at"], row["resolved_at"])
        for row in rows.collect()
    }


def moment(day: datetime) -> datetime:
    return day.replace(tzinfo=None)  # sessions give naive moments in UTC


def test_what_is_refused_for_the_first_time_is_open(spark: SparkSession) -> None:
    (row,) = add_found(know(spark), meet(spark, "r1"), "friday", FRIDAY).collect()
    assert (row["row_id"], row["status"], row["resolution"], row["resolved_at"]) == ("r1", "open", None, None)
    assert (row["quarantined_at"], row["run_id"], row["reason"]) == (moment(FRIDAY), "friday", "new")


def test_what_is_refused_again_keeps_its_history(spark: SparkSession) -> None:
    kept = add_found(know(spark, r1=None), meet(spark, "r1"), "friday", FRIDAY)
    (row,) = kept.collect()
    assert tell(kept) == {"r1": ("open", None, moment(MONDAY), None)}
    assert row["run_id"] == "monday"


def test_what_is_refused_again_takes_its_reasons_of_now(spark: SparkSession) -> None:
    (row,) = add_found(know(spark, r1=None), meet(spark, "r1"), "friday", FRIDAY).collect()
    assert row["reason"] == "new"


@pytest.mark.parametrize("how", ["accepted", "superseded", "withdrawn"])
def test_what_was_resolved_and_is_refused_again_is_open_again(spark: SparkSession, how: str) -> None:
    kept = add_found(know(spark, r1=how), meet(spark, "r1"), "friday", FRIDAY)
    assert tell(kept) == {"r1": ("open", None, moment(MONDAY), None)}


def test_what_was_replayed_stays_so_though_it_is_still_refused(spark: SparkSession) -> None:
    kept = add_found(know(spark, r1="replayed"), meet(spark, "r1"), "friday", FRIDAY)
    assert tell(kept) == {"r1": ("resolved", "replayed", moment(MONDAY), moment(TUESDAY))}


def test_what_is_not_refused_now_is_left_as_it_is(spark: SparkSession) -> None:
    known = know(spark, r1=None, r2="accepted")
    kept = add_found(known, meet(spark, "r3"), "friday", FRIDAY)
    assert {row_id: told[:2] for row_id, told in tell(kept).items()} == {
        "r1": ("open", None),
        "r2": ("resolved", "accepted"),
        "r3": ("open", None),
    }


def test_only_what_is_open_can_be_gone(spark: SparkSession) -> None:
    known = know(spark, r1=None, r2=None, r3="accepted")
    assert [row["row_id"] for row in find_gone(known, meet(spark, "r1")).collect()] == ["r2"]


def settle(
    known: DataFrame,
    found: DataFrame,
    superseded: list[int] | None = None,
    files: list[tuple[str, str]] | None = None,
) -> dict[str, tuple[Any, ...]]:
    """What the quarantine tells after a run on Friday, without when a row was refused."""
    origins = [("a.csv", number) for number in superseded or []]
    frame = known.sparkSession.createDataFrame(origins, "_source_file string, _row_number bigint")
    rows = resolve_gone(
        known, found, frame if superseded else None, FILES if files is None else files, FRIDAY
    )
    assert rows.columns == known.columns
    return {row_id: (told[0], told[1], told[3]) for row_id, told in tell(rows).items()}


def test_a_row_that_passes_now_is_accepted(spark: SparkSession) -> None:
    assert settle(know(spark, r1=None, r2=None), meet(spark, "r2")) == {
        "r1": ("resolved", "accepted", moment(FRIDAY)),
        "r2": ("open", None, None),
    }


def test_a_row_that_a_later_file_has_another_for_is_superseded(spark: SparkSession) -> None:
    assert settle(know(spark, r1=None, r2=None), meet(spark), superseded=[1]) == {
        "r1": ("resolved", "superseded", moment(FRIDAY)),
        "r2": ("resolved", "accepted", moment(FRIDAY)),
    }


@pytest.mark.parametrize("files", [[], [("a.csv", "f2")], [("b.csv", "f1")]], ids=["none", "other", "moved"])
def test_a_row_whose_file_no_longer_holds_it_is_withdrawn(
    spark: SparkSession, files: list[tuple[str, str]]
) -> None:
    assert settle(know(spark, r1=None), meet(spark), files=files) == {
        "r1": ("resolved", "withdrawn", moment(FRIDAY))
    }


def test_what_is_resolved_keeps_how_and_when(spark: SparkSession) -> None:
    known = know(spark, r1="replayed", r2="accepted")
    assert settle(known, meet(spark), superseded=[1, 2], files=[]) == {
        "r1": ("resolved", "replayed", moment(TUESDAY)),
        "r2": ("resolved", "accepted", moment(TUESDAY)),
    }


def test_only_the_named_rows_are_replayed(spark: SparkSession) -> None:
    told = tell(resolve_by_hand(know(spark, r1=None, r2=None), ["r2"], REPLAYED, FRIDAY))
    assert told == {
        "r1": ("open", None, moment(MONDAY), None),
        "r2": ("resolved", "replayed", moment(MONDAY), moment(FRIDAY)),
    }


LANDED = (
    "thing_id string, name string, _source_file string, _source_fingerprint string, _row_number bigint, "
    "_ingested_at timestamp"
)


def describe(spark: SparkSession, fingerprint: str = "f1") -> list[dict[str, Any]]:
    landed = spark.createDataFrame(
        [("1", "apple", "a.csv", fingerprint, 1, MONDAY), ("x", "pear", "a.csv", fingerprint, 2, MONDAY)],
        LANDED,
    )
    other = spark.createDataFrame([("y", "plum", "b.csv", "f9", 2, MONDAY)], LANDED)
    refused = spark.createDataFrame(
        [(None, "a.csv", 2, ["thing_id_is_filled", "name_is_short"])],
        "thing_id int, _source_file string, _row_number bigint, _reasons array<string>",
    )
    described = describe_rows(refused, {"bronze.old": landed, "bronze.new": other})
    return [row.asDict() for row in described.collect()]


def test_a_refused_row_is_described_as_it_landed_with_its_reasons(spark: SparkSession) -> None:
    (row,) = describe(spark)
    assert len(row.pop("row_id")) == 64
    assert row == {
        "thing_id": "x",
        "name": "pear",
        "_source_file": "a.csv",
        "_source_fingerprint": "f1",
        "_row_number": 2,
        "reasons": ["thing_id_is_filled", "name_is_short"],
        "reasons_text": "thing_id_is_filled, name_is_short",
    }


def test_a_row_is_the_same_one_while_its_file_stays_the_same(spark: SparkSession) -> None:
    (row,), (again,), (changed,) = describe(spark), describe(spark), describe(spark, "f2")
    assert row["row_id"] == again["row_id"] != changed["row_id"]


def test_lines_are_identified_by_their_place_in_the_file(spark: SparkSession) -> None:
    lines = spark.createDataFrame(
        [("a.csv", "f1", 2), ("a.csv", "f1", 3)],
        "_source_file string, _source_fingerprint string, line_number bigint",
    )
    assert len({row["row_id"] for row in describe_lines(lines).collect()}) == 2
