"""A landed source as a whole."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from instacart_assets.contracts.model import Policy, SchemaDrift
from instacart_assets.landing.files import LandingError
from instacart_assets.landing.lines import find_fault, read_lines, split_fields
from instacart_assets.landing.source import LandedSource, open_source
from instacart_assets_tests.landing_files import write_file
from instacart_assets_tests.small_contracts import make_landed_contract

THINGS = make_landed_contract()
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


def mark(source: LandedSource) -> dict[str, datetime]:
    return {file.name: MOMENT for file, _ in source.files}


def list_drift(source: LandedSource) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns of any file that are unknown, and those that are missing."""
    files = [file for file, _ in source.files]
    unknown = dict.fromkeys(name for file in files for name in source.list_unknown(file))
    missing = dict.fromkeys(name for file in files for name in source.list_missing(file))
    return tuple(unknown), tuple(missing)


def test_a_source_holds_the_records_of_all_its_files(spark: SparkSession, tmp_path: Path) -> None:
    write_file(tmp_path, "things.csv", "thing_id,name\n1,a\n2,b\n")
    write_file(tmp_path, "things/more.csv", "name,thing_id\nc,3\n")
    source = open_source(tmp_path, THINGS)
    assert source.records == 3
    assert source.repeated == {}
    rows = (
        source.read(spark, source.widen_contract(), mark(source)).select("_source_file", "thing_id").collect()
    )
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
    assert source.repeated == {"things/day3.csv": "things/day1.csv"}
    assert {
        row["thing_id"] for row in source.read(spark, source.widen_contract(), mark(source)).collect()
    } == {"1", "2"}


def test_an_absent_optional_source_is_empty(spark: SparkSession, tmp_path: Path) -> None:
    source = open_source(tmp_path, make_landed_contract(is_optional=True))
    assert (source.files, source.records, source.malformed) == ((), 0, 0)
    assert source.read(spark, source.widen_contract(), mark(source)).count() == 0


def test_an_absent_required_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"things\.csv: no such file"):
        open_source(tmp_path, THINGS)


def test_each_file_has_its_own_moment(spark: SparkSession, tmp_path: Path) -> None:
    write_file(tmp_path, "things/a.csv", "thing_id,name\n1,a\n")
    write_file(tmp_path, "things/b.csv", "thing_id,name\n2,b\n")
    moments = {"things/a.csv": MOMENT, "things/b.csv": MOMENT + timedelta(days=1)}
    rows = (
        open_source(tmp_path, THINGS).read(spark, THINGS, moments).select("thing_id", F.day("_ingested_at"))
    )
    assert {tuple(row) for row in rows.collect()} == {("1", 1), ("2", 2)}


def read_rows(spark: SparkSession, source: LandedSource) -> list[tuple[object, ...]]:
    """File, number, identifier and name of each row, in order."""
    rows = source.read(spark, source.widen_contract(), mark(source)).select(
        "_source_file", "_row_number", "thing_id", "name"
    )
    return [tuple(row) for row in rows.orderBy("_source_file", "_row_number").collect()]


def read_reasons(spark: SparkSession, source: LandedSource) -> list[tuple[str, int, str, str]]:
    lines = source.read_lines(spark)
    assert lines.columns == ["_source_file", "_source_fingerprint", "line_number", "text", "reason"]
    named = lines.select("_source_file", "line_number", "text", "reason")
    return sorted((row[0], row[1], row[2], row[3]) for row in named.collect())


def test_files_without_a_fault_are_read_as_they_landed(spark: SparkSession, tmp_path: Path) -> None:
    write_file(tmp_path, "things.csv", '\ufeffthing_id,name\r\n\r\n1,"a ""b"""\r\n2,é')
    source = open_source(tmp_path, THINGS)
    assert (source.salvaged, source.malformed) == ({}, 0)
    assert read_rows(spark, source) == [("things.csv", 1, "1", 'a "b"'), ("things.csv", 2, "2", "é")]
    assert read_reasons(spark, source) == []


def test_an_untrusted_file_is_salvaged_when_it_is_opened_and_no_other_is(
    spark: SparkSession, tmp_path: Path
) -> None:
    write_file(tmp_path, "things/a.csv", "thing_id,name\n1,a\n")
    write_file(tmp_path, "things/b.csv", b"name,thing_id\nb,2\ncaf\xe9,3\nd,4\n")
    source = open_source(tmp_path, THINGS)
    assert list(source.salvaged) == ["things/b.csv"]
    assert (source.records, source.malformed) == (4, 1)
    assert read_rows(spark, source) == [
        ("things/a.csv", 1, "1", "a"),
        ("things/b.csv", 1, "2", "b"),
        ("things/b.csv", 3, "4", "d"),
    ]
    assert read_reasons(spark, source) == [("things/b.csv", 3, "caf\\xe9,3", "is not UTF-8")]
    fingerprints = {row[0] for row in source.read_lines(spark).select("_source_fingerprint").collect()}
    assert fingerprints == {
        content.fingerprint for file, content in source.files if file.name.endswith("b.csv")
    }


def test_ragged_lines_are_isolated_when_the_source_is_salvaged(spark: SparkSession, tmp_path: Path) -> None:
    write_file(tmp_path, "things.csv", "thing_id,name\n1,a\n2\n3,c,more\n4,d\n")
    source = open_source(tmp_path, THINGS)
    assert source.salvaged == {}
    with pytest.raises(PySparkException):
        read_rows(spark, source)
    salvaged = source.salvage()
    assert (salvaged.records, salvaged.malformed) == (4, 2)
    assert read_rows(spark, salvaged) == [("things.csv", 1, "1", "a"), ("things.csv", 4, "4", "d")]
    assert read_reasons(spark, salvaged) == [
        ("things.csv", 3, "2", "has 1 fields where the header has 2"),
        ("things.csv", 4, "3,c,more", "has 3 fields where the header has 2"),
    ]


def test_salvaging_again_costs_nothing(tmp_path: Path) -> None:
    write_file(tmp_path, "things.csv", "thing_id,name\n1,a\n2\n")
    source = open_source(tmp_path, THINGS).salvage()
    again = source.salvage()
    assert again == source
    assert again.salvaged["things.csv"] is source.salvaged["things.csv"]


def test_a_file_of_malformed_lines_alone_gives_no_rows(spark: SparkSession, tmp_path: Path) -> None:
    write_file(tmp_path, "things/a.csv", b"thing_id,name\n\xff,a\n")
    write_file(tmp_path, "things/b.csv", "thing_id,name\n2,b\n")
    source = open_source(tmp_path, THINGS)
    assert (source.records, source.malformed) == (2, 1)
    assert read_rows(spark, source) == [("things/b.csv", 1, "2", "b")]
    (tmp_path / "things" / "b.csv").unlink()
    assert read_rows(spark, open_source(tmp_path, THINGS)) == []


def test_the_same_malformed_content_again_is_isolated_once(spark: SparkSession, tmp_path: Path) -> None:
    for name in ("things/a.csv", "things/b.csv"):
        write_file(tmp_path, name, b"thing_id,name\n1,a\n\xff\n")
    source = open_source(tmp_path, THINGS).salvage()
    assert source.repeated == {"things/b.csv": "things/a.csv"}
    assert (source.records, source.malformed, len(read_reasons(spark, source))) == (2, 1, 1)


def test_a_fault_in_a_file_whose_name_is_a_pattern_is_isolated(spark: SparkSession, tmp_path: Path) -> None:
    write_file(tmp_path, "things/a [1] %20*.csv", b"thing_id,name\n1,a\n\xff\n")
    source = open_source(tmp_path, THINGS)
    assert read_rows(spark, source) == [("things/a [1] %20*.csv", 1, "1", "a")]
    assert source.malformed == 1


def land_drifted(folder: Path, **policies: Policy) -> LandedSource:
    """Two files: one with a column too many, one with the same and another, and without a name."""
    write_file(folder, "things/a.csv", "thing_id,price,name\n1,9.5,a\n")
    write_file(folder, "things/b.csv", b"weight,thing_id,price\n3,2,7\n\xff\n")
    return open_source(folder, replace(THINGS, drift=SchemaDrift(**policies)))


def test_columns_that_are_ignored_are_left_out_and_reported(spark: SparkSession, tmp_path: Path) -> None:
    source = land_drifted(tmp_path, unknown_column="ignore", missing_column="ignore")
    assert list_drift(source) == (("price", "weight"), ("name",))
    assert source.widen_contract() == source.contract
    assert sorted(source.read(spark, source.widen_contract(), mark(source)).columns) == sorted(
        THINGS.column_names
    )
    assert read_rows(spark, source) == [("things/a.csv", 1, "1", "a"), ("things/b.csv", 1, "2", None)]


def test_columns_that_are_added_are_text_and_null_where_a_file_has_none(
    spark: SparkSession, tmp_path: Path
) -> None:
    source = land_drifted(tmp_path, unknown_column="add", missing_column="ignore")
    assert list_drift(source)[0] == ("price", "weight")
    assert source.widen_contract().column_names == (*THINGS.column_names, "price", "weight")
    added = source.widen_contract().columns[-2:]
    assert {(column.type, column.required, column.tags) for column in added} == {
        ("string", False, ("added",))
    }
    rows = (
        source.read(spark, source.widen_contract(), mark(source))
        .select("thing_id", "name", "price", "weight")
        .collect()
    )
    assert {tuple(row) for row in rows} == {("1", "a", "9.5", None), ("2", None, "7", "3")}


def test_columns_as_the_contract_names_them_are_no_drift(tmp_path: Path) -> None:
    write_file(tmp_path, "things.csv", "name,thing_id\na,1\n")
    drift = SchemaDrift(unknown_column="add", missing_column="ignore")
    source = open_source(tmp_path, replace(THINGS, drift=drift))
    assert list_drift(source) == ((), ())
    assert source.widen_contract() == source.contract


def test_a_column_that_two_files_spell_in_another_case_is_refused(tmp_path: Path) -> None:
    write_file(tmp_path, "things/a.csv", "thing_id,name,price\n1,a,2\n")
    write_file(tmp_path, "things/b.csv", "thing_id,name,Price\n1,a,2\n")
    with pytest.raises(LandingError, match=r"b\.csv: names a column 'Price' that .*a\.csv names 'price'"):
        open_source(tmp_path, replace(THINGS, drift=SchemaDrift(unknown_column="add")))


def test_a_column_that_a_file_before_spells_in_another_case_is_refused(tmp_path: Path) -> None:
    write_file(tmp_path, "things/b.csv", "thing_id,name,Price\n1,a,2\n")
    source = open_source(tmp_path, replace(THINGS, drift=SchemaDrift(unknown_column="add")))
    with pytest.raises(LandingError, match="a column 'Price' that files ingested before name 'price'"):
        source.widen_contract(["price"])


def test_a_part_may_have_its_ending_in_capitals(tmp_path: Path) -> None:
    write_file(tmp_path, "things/TUESDAY.CSV", "thing_id,name\n1,a\n")
    assert open_source(tmp_path, THINGS).landed == {"things/TUESDAY.CSV"}


PIECES = (b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"\x00", b"\xff", b"\xc3", b"\xa9", b"\\", b" ", b"x")
BODY = '1,"Apple, red"\n2,Pear\r\n3,"9\\"" Pan é"\n\n4,\n5,"Say ""hi"""\n6,"z"\n'.encode()


@st.composite
def corrupted_bodies(draw: st.DrawFn) -> bytes:
    """The lines of a good file after a few accidents: bytes put in, put over others, lost, or cut off."""
    body = BODY
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(body)))
        put = draw(st.sampled_from((b"", *PIECES)))
        lost = draw(st.sampled_from((0, 0, 1, 2, len(body))))
        body = body[:place] + put + body[place + lost :]
    return body


@given(corrupted_bodies())
def test_whatever_befalls_a_file_every_line_is_a_row_or_isolated_and_rows_are_what_the_lines_say(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, body: bytes
) -> None:
    folder = tmp_path_factory.mktemp("corrupted")
    path = write_file(folder, "things.csv", b"thing_id,name\n" + body)
    source = open_source(folder, make_landed_contract(is_optional=True))
    try:
        rows = read_rows(spark, source)
    except PySparkException:
        rows = []
    if len(rows) + source.malformed != source.records:
        source = source.salvage()
        rows = read_rows(spark, source)
    lines = [line for _, line in read_lines(path)][1:]
    records = [(number, line) for number, line in enumerate(lines, start=1) if find_fault(line, 2) is None]
    assert len(rows) + source.malformed == source.records == len(lines)
    assert rows == [
        ("things.csv", number, *(value or None for value in split_fields(line))) for number, line in records
    ]
