"""A landed source as a whole."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from instacart_assets.landing.files import LandingError
from instacart_assets.landing.source import open_source
from instacart_assets_tests.landing_files import write_file
from instacart_assets_tests.small_contracts import make_landed_contract

THINGS = make_landed_contract()
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_source_holds_the_records_of_all_its_files(spark: SparkSession, tmp_path: Path) -> None:
    write_file(tmp_path, "things.csv", "thing_id,name\n1,a\n2,b\n")
    write_file(tmp_path, "things/more.csv", "name,thing_id\nc,3\n")
    source = open_source(tmp_path, THINGS)
    assert source.records == 3
    assert source.repeated == ()
    rows = source.read(spark, MOMENT).select("_source_file", "thing_id").collect()
    assert {tuple(row) for row in rows} == {
        ("things.csv", "1"),
        ("things.csv", "2"),
        ("things/more.csv", "3"),
    }


def test_the_same_content_again_is_left_out_and_told(spark: SparkSession, tmp_path: Path) -> None:
    for name in ("things/day1.csv", "things/day2.csv", "things/day3.csv"):
        write_file(tmp_path, name, "thing_id,name\n1,a\n")
    write_file(tmp_path, "things/day2.csv", "thing_id,name\n2,b\n")
    source = open_source(tmp_path, THINGS)
    assert source.records == 2
    assert source.repeated == ("things/day3.csv (as things/day1.csv)",)
    assert {row["thing_id"] for row in source.read(spark, MOMENT).collect()} == {"1", "2"}


def test_an_absent_optional_source_is_empty(spark: SparkSession, tmp_path: Path) -> None:
    source = open_source(tmp_path, make_landed_contract(is_optional=True))
    assert (source.files, source.records, source.find_broken_record()) == ((), 0, None)
    assert source.read(spark, MOMENT).count() == 0


def test_an_absent_required_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"things\.csv: no such file"):
        open_source(tmp_path, THINGS)


def test_a_file_that_ends_within_a_letter_is_refused(tmp_path: Path) -> None:
    write_file(tmp_path, "things.csv", b"thing_id,name\n1,\xc3")
    with pytest.raises(LandingError, match="line 2: is not UTF-8"):
        open_source(tmp_path, THINGS)


def test_a_broken_record_is_found_in_whichever_file_it_stands(tmp_path: Path) -> None:
    write_file(tmp_path, "things/a.csv", "thing_id,name\n1,a\n")
    write_file(tmp_path, "things/b.csv", "thing_id,name,colour\n2,b,red\n3,c\n")
    told = open_source(tmp_path, THINGS).find_broken_record()
    assert told is not None
    assert told.startswith(f"{tmp_path}/things/b.csv: line 3: has 2 fields where the header has 3")
