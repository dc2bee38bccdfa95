"""The way of the data through one table."""

from dataclasses import replace
from datetime import date

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.lakehouse.lake import Lakehouse, PublishConflictError, TableMissingError
from instacart_assets.lakehouse.schema import ShapeError
from instacart_assets.landing.files import LandingError, read_content
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.quality.checks import checks_of
from instacart_assets.settings import Settings
from instacart_assets.tables.build import BuildResult, build_table
from instacart_assets.tables.declare import Table
from instacart_assets_tests.tables.things import BRONZE, SILVER, land, make_landed_table


def build_both(lake: Lakehouse, settings: Settings, content: str) -> BuildResult:
    """The silver table after the bronze one, from a landed file."""
    land(settings, content)
    assert build_table(BRONZE, lake, settings, "run").version is not None
    return build_table(SILVER, lake, settings, "run")


def read_names(lake: Lakehouse) -> list[str]:
    """Names in the published silver table."""
    rows = DeltaTable(lake.locate("silver.things")).to_pyarrow_table()
    return sorted(rows["name"].to_pylist())


def test_a_landed_file_becomes_a_bronze_table(lake: Lakehouse, settings: Settings) -> None:
    path = land(settings)
    result = build_table(BRONZE, lake, settings, "run")
    assert (result.version, result.candidate.rows) == (0, 2)
    rows = lake.read("bronze.things").orderBy("_row_number").collect()
    assert [(row["thing_id"], row["name"], row["colour"], row["_source_file"]) for row in rows] == [
        ("1", "apple", None, "things.csv"),
        ("2", "pear", None, "things.csv"),
    ]
    assert {row["_source_fingerprint"] for row in rows} == {read_content(path).fingerprint}
    assert result.notes == {"landed_files": ["things.csv"]}


def test_a_result_tells_rows_version_seconds_and_an_outcome_for_each_check(
    lake: Lakehouse, settings: Settings
) -> None:
    result = build_both(lake, settings, "thing_id,name\n1,apple\n2,pear\n")
    assert (result.contract, result.version, result.candidate.rows) == (SILVER.contract, 0, 2)
    assert [outcome.check for outcome in result.outcomes] == list(checks_of(SILVER.contract))
    assert all(outcome.passed for outcome in result.outcomes)
    assert 0 < result.seconds < 60
    assert result.notes == {}
    assert read_names(lake) == ["apple", "pear"]


def test_outcomes_of_a_landed_table_end_with_its_records(lake: Lakehouse, settings: Settings) -> None:
    land(settings)
    outcomes = build_table(BRONZE, lake, settings, "run").outcomes
    assert [outcome.check for outcome in outcomes] == list(checks_of(BRONZE.contract))
    assert outcomes[-1].observed == {"rows": 2, "landed_records": 2}


def test_building_again_makes_the_next_version_of_the_same_rows(lake: Lakehouse, settings: Settings) -> None:
    first = build_both(lake, settings, "thing_id,name\n1,apple\n")
    again = build_both(lake, settings, "thing_id,name\n1,apple\n")
    assert (first.version, again.version) == (0, 1)
    assert read_names(lake) == ["apple"]


def test_a_blocked_build_leaves_readers_their_version_and_keeps_the_candidate(
    lake: Lakehouse, settings: Settings
) -> None:
    build_both(lake, settings, "thing_id,name\n1,apple\n")
    blocked = build_both(lake, settings, "thing_id,name\nx,pear\n")
    assert blocked.version is None
    assert [outcome.check.id for outcome in blocked.outcomes if outcome.blocks] == [
        "required_columns_are_filled"
    ]
    assert (lake.find_version("silver.things"), read_names(lake)) == (0, ["apple"])
    (file,) = blocked.candidate.path.glob("*.parquet")
    assert pq.read_table(file).to_pylist() == [{"thing_id": None, "name": "pear"}]


def test_a_blocked_first_build_publishes_nothing(lake: Lakehouse, settings: Settings) -> None:
    assert build_both(lake, settings, "thing_id,name\n1,apple\n1,pear\n").version is None
    assert lake.find_version("silver.things") is None
    with pytest.raises(TableMissingError):
        lake.read("silver.things")


def test_a_rule_that_warns_fails_and_the_table_is_published(lake: Lakehouse, settings: Settings) -> None:
    result = build_both(lake, settings, "thing_id,name\n1,a\n2,b\n3,c\n")
    assert [outcome.check.id for outcome in result.outcomes if not outcome.passed] == ["few_things"]
    assert result.version == 0


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("3", "has 1 fields where the header has 2: 3"),
        ("3,c,more", "has 3 fields where the header has 2: 3,c,more"),
    ],
)
def test_a_ragged_line_is_named_with_its_file(
    lake: Lakehouse, settings: Settings, line: str, fault: str
) -> None:
    land(settings)
    path = land(settings, f"thing_id,name\n4,d\n{line}\n5,e\n", "things/more.csv")
    with pytest.raises(LandingError) as refused:
        build_table(BRONZE, lake, settings, "run")
    assert str(refused.value) == f"{path}: line 3: {fault}; mend the line and land the file again"
    assert lake.find_version("bronze.things") is None


@pytest.mark.parametrize(
    "content",
    [
        'thing_id,name\n1,a\n2,"b\n3,c\n4,d\n',
        'thing_id,name\n1,a\n2,"b\n3,c"\n4,d\n',
        'thing_id,name\n1,a\n2,"b\n3,"c\n4,d\n',
    ],
    ids=["to the end", "one line", "until the next quote"],
)
def test_an_open_quote_that_swallows_lines_never_gets_published(
    lake: Lakehouse, settings: Settings, content: str
) -> None:
    path = land(settings, content)
    try:
        result = build_table(BRONZE, lake, settings, "run")
    except LandingError as refused:
        told = str(refused)
    else:
        assert result.outcomes[-1].blocks
        told = str(result.outcomes[-1].observed["first_broken_record"])
    assert told.startswith(f"{path}: line 3: unexpected end of data")
    assert lake.find_version("bronze.things") is None


def test_text_after_a_closing_quote_is_not_changed_in_silence(lake: Lakehouse, settings: Settings) -> None:
    land(settings, 'thing_id,name\n1,"a"b\n')
    with pytest.raises(LandingError, match="line 2"):
        build_table(BRONZE, lake, settings, "run")


def test_lines_of_an_old_line_end_never_get_published_uncounted(lake: Lakehouse, settings: Settings) -> None:
    land(settings, "thing_id,name\r1,a\r2,b\r")
    with pytest.raises(LandingError, match="carriage return alone"):
        build_table(BRONZE, lake, settings, "run")
    assert lake.find_version("bronze.things") is None


@pytest.mark.parametrize("folder", ["landed [1]", "{a,b}", "what*", "what?", "a b", "a#b", "a%20b", "Äpfel"])
def test_files_may_land_in_any_folder(lake: Lakehouse, settings: Settings, folder: str) -> None:
    elsewhere = settings.model_copy(update={"landing": settings.landing / folder})
    land(elsewhere)
    assert build_table(BRONZE, lake, elsewhere, "run").version == 0


def test_a_broken_file_is_refused_before_anything_is_written(lake: Lakehouse, settings: Settings) -> None:
    land(settings, "wrong\n1\n")
    with pytest.raises(LandingError, match="wrong header"):
        build_table(BRONZE, lake, settings, "run")
    assert not settings.lake.exists()


def test_an_absent_optional_source_makes_an_empty_table_and_a_note(
    lake: Lakehouse, settings: Settings
) -> None:
    result = build_table(make_landed_table(is_optional=True), lake, settings, "run")
    assert (result.version, result.candidate.rows) == (0, 0)
    assert "no file landed for things" in result.notes["absent"]
    assert lake.read("bronze.things").columns == list(BRONZE.contract.column_names)


def test_content_that_landed_twice_is_read_once_and_noted(lake: Lakehouse, settings: Settings) -> None:
    land(settings)
    land(settings, name="things/again.csv")
    result = build_table(BRONZE, lake, settings, "run")
    assert (result.version, result.candidate.rows) == (0, 2)
    assert result.notes == {
        "landed_files": ["things.csv"],
        "same_content_again": "not read again, as the content is the same: things/again.csv (as things.csv)",
    }


def test_a_missing_source_table_is_named(lake: Lakehouse, settings: Settings) -> None:
    with pytest.raises(TableMissingError, match=r"bronze\.things is not in the lake"):
        build_table(SILVER, lake, settings, "run")


def test_a_transform_that_forgets_a_column_is_told(lake: Lakehouse, settings: Settings) -> None:
    land(settings)
    build_table(BRONZE, lake, settings, "run")

    def forget(bronze_things: DataFrame) -> DataFrame:
        return bronze_things.select("name")

    with pytest.raises(ShapeError, match=r"silver\.things: the transform returns no thing_id"):
        build_table(replace(SILVER, transform=forget), lake, settings, "run")
    assert lake.find_version("silver.things") is None


def test_a_transform_gets_the_settings_it_asks_for(lake: Lakehouse, settings: Settings) -> None:
    land(settings)
    build_table(BRONZE, lake, settings, "run")
    chosen = settings.model_copy(update={"calendar": OrderCalendar(as_of_date=date(2016, 6, 30))})

    def stamp(bronze_things: DataFrame, calendar: OrderCalendar) -> DataFrame:
        return bronze_things.select(
            F.col("thing_id").cast("int").alias("thing_id"),
            F.lit(str(calendar.as_of_date)).alias("name"),
        )

    asking = Table(SILVER.contract, stamp, SILVER.sources, {"calendar": OrderCalendar})
    build_table(asking, lake, chosen, "run")
    assert read_names(lake) == ["2016-06-30", "2016-06-30"]


def test_a_version_published_while_a_table_is_built_is_not_lost(lake: Lakehouse, settings: Settings) -> None:
    build_both(lake, settings, "thing_id,name\n1,first\n")

    def be_overtaken(bronze_things: DataFrame) -> DataFrame:
        build_both(lake, settings, "thing_id,name\n2,meanwhile\n")
        return SILVER.transform(bronze_things)

    with pytest.raises(PublishConflictError):
        build_table(replace(SILVER, transform=be_overtaken), lake, settings, "slow")
    assert read_names(lake) == ["meanwhile"]
