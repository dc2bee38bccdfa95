"""The way of the data through one table."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN, SchemaDrift
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.lakehouse import retry
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.lake import PublishConflictError, TableMissingError
from instacart_assets.lakehouse.schema import ShapeError
from instacart_assets.landing.files import LandingError, read_content
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.quality.outcomes import write_outcome
from instacart_assets.quality.split import OriginError
from instacart_assets.settings import Settings
from instacart_assets.tables import landed_draft
from instacart_assets.tables.build import build_table
from instacart_assets.tables.declare import Table
from instacart_assets.tables.result import BuildResult
from instacart_assets_tests.small_contracts import make_rule
from instacart_assets_tests.tables.things import (
    BRONZE,
    LANDED,
    SILVER,
    land,
    make_landed_table,
    make_silver_table,
)


def build_both(lake: FolderLake, settings: Settings, content: str, table: Table = SILVER) -> BuildResult:
    """The silver table after the bronze one, from a landed file."""
    land(settings, content)
    return build_again(lake, settings, table)


def build_again(lake: FolderLake, settings: Settings, table: Table = SILVER) -> BuildResult:
    """The silver table after the bronze one, from what has landed."""
    assert build_table(BRONZE, lake, settings, "run").version is not None
    return build_table(table, lake, settings, "run")


def read_names(lake: FolderLake) -> list[str]:
    """Names in the published silver table."""
    rows = DeltaTable(lake.locate("silver.things")).to_pyarrow_table()
    return sorted(rows["name"].to_pylist())


def read_quarantine(lake: FolderLake, address: str = "quarantine.things") -> list[dict[str, Any]]:
    """Rows of a quarantine table by file and number."""
    rows: list[dict[str, Any]] = DeltaTable(lake.locate(address)).to_pyarrow_table().to_pylist()
    number = "_row_number" if address == "quarantine.things" else "line_number"
    return sorted(rows, key=lambda row: (row["_source_file"], row[number]))


def list_refused(lake: FolderLake) -> list[tuple[str, list[str], str, str | None]]:
    """Landed name, reasons, status and resolution of each refused row."""
    return [(row["name"], row["reasons"], row["status"], row["resolution"]) for row in read_quarantine(lake)]


def list_failed(result: BuildResult) -> list[tuple[str, bool]]:
    """Rules that are not kept, and whether they block."""
    return [(outcome.rule.id, outcome.blocks) for outcome in result.outcomes if not outcome.passed]


def observe(result: BuildResult, rule: str) -> Mapping[str, Any]:
    """What was observed of a rule."""
    (observed,) = [outcome.observed for outcome in result.outcomes if outcome.rule.id == rule]
    return observed


def account(result: BuildResult) -> dict[str, int]:
    """What became of the rows read, without what is nothing."""
    counts = observe(result, "every_row_is_accounted_for")
    return {name: count for name, count in counts.items() if name != "threshold" and count}


def test_a_landed_file_becomes_a_bronze_table(lake: FolderLake, settings: Settings) -> None:
    path = land(settings)
    result = build_table(BRONZE, lake, settings, "run")
    assert (result.version, result.rows) == (0, 2)
    rows = lake.read("bronze.things").orderBy("_row_number").collect()
    assert [(row["thing_id"], row["name"], row["colour"], row["_source_file"]) for row in rows] == [
        ("1", "apple", None, "things.csv"),
        ("2", "pear", None, "things.csv"),
    ]
    assert {row["_source_fingerprint"] for row in rows} == {read_content(path).fingerprint}
    assert result.notes == {
        "made": "it had no version",
        "landed_files": ["things.csv"],
        "ingested_files": ["things.csv"],
    }


def test_a_result_tells_rows_version_seconds_and_an_outcome_for_each_rule(
    lake: FolderLake, settings: Settings
) -> None:
    result = build_both(lake, settings, "thing_id,name\n1,apple\n2,pear\n")
    assert (result.contract, result.version, result.rows) == (SILVER.contract, 0, 2)
    assert [outcome.rule for outcome in result.outcomes] == list(compile_rules(SILVER.contract))
    assert list_failed(result) == []
    assert 0 < result.seconds < 60
    assert result.notes == {"made": "it had no version"}
    assert read_names(lake) == ["apple", "pear"]


def test_a_landed_table_has_an_outcome_for_each_rule(lake: FolderLake, settings: Settings) -> None:
    land(settings)
    result = build_table(BRONZE, lake, settings, "run")
    assert [outcome.rule for outcome in result.outcomes] == list(compile_rules(BRONZE.contract))
    assert observe(result, "every_landed_record_is_read")["landed_records"] == 2


def test_building_again_from_the_same_does_nothing_and_tells_the_same(
    lake: FolderLake, settings: Settings
) -> None:
    first = build_both(lake, settings, "thing_id,name\n1,apple\n")
    again = build_both(lake, settings, "thing_id,name\n1,apple\n")
    assert (first.version, again.version) == (0, 0)
    assert (again.rows, again.notes["made"]) == (1, "nothing has changed")
    assert [write_outcome(outcome) for outcome in again.outcomes] == [
        {**write_outcome(outcome), "observed": dict(outcome.observed)} for outcome in first.outcomes
    ]


def test_what_is_asked_for_is_made_whatever_has_changed(lake: FolderLake, settings: Settings) -> None:
    first = build_both(lake, settings, "thing_id,name\n1,apple\n")
    again = build_again(lake, settings.model_copy(update={"full": True}))
    assert (first.version, again.version) == (0, 1)
    assert read_names(lake) == ["apple"]


def test_a_blocked_build_leaves_readers_their_version_and_keeps_the_candidate(
    lake: FolderLake, settings: Settings
) -> None:
    build_both(lake, settings, "thing_id,name\n1,apple\n")
    blocked = build_both(lake, settings, "thing_id,name\n1,pear\n2,pear\n")
    assert blocked.version is None
    assert blocked.candidate is not None
    assert list_failed(blocked) == [("no_name_twice", True)]
    assert (lake.find_version("silver.things"), read_names(lake)) == (0, ["apple"])
    candidate = lake.session.read.parquet(str(blocked.candidate / "_is_refused=false"))
    rows = candidate.select("thing_id", "name").orderBy("thing_id").collect()
    assert [tuple(row) for row in rows] == [(1, "pear"), (2, "pear")]


def test_a_blocked_first_build_publishes_nothing(lake: FolderLake, settings: Settings) -> None:
    assert build_both(lake, settings, "thing_id,name\n1,pear\n2,pear\n").version is None
    assert lake.find_version("silver.things") is None
    with pytest.raises(TableMissingError):
        lake.read("silver.things")


def test_candidates_older_than_the_days_of_inspection_are_removed(
    lake: FolderLake, settings: Settings
) -> None:
    old = build_both(lake, settings, "thing_id,name\n1,pear\n2,pear\n").candidate
    assert old is not None
    week_old = (datetime.now(UTC) - timedelta(days=settings.inspection_days, hours=1)).timestamp()
    os.utime(old, (week_old, week_old))
    new = build_again(lake, settings).candidate
    assert lake.list_candidates("silver.things") == [new]


def test_a_rule_that_warns_fails_and_the_table_is_published(lake: FolderLake, settings: Settings) -> None:
    result = build_both(lake, settings, "thing_id,name\n1,a\n2,b\n3,c\n")
    assert list_failed(result) == [("few_things", False)]
    assert result.version == 0


def test_a_refused_row_goes_to_quarantine_as_it_landed_and_the_rest_is_published(
    lake: FolderLake, settings: Settings
) -> None:
    result = build_both(lake, settings, "thing_id,name\n1,apple\nx,banana\n 3,pear\n")
    assert (result.version, read_names(lake)) == (0, ["apple", "pear"])
    assert list_failed(result) == [("thing_id_is_filled", False), ("name_is_short", False)]
    assert account(result) == {"rows_read": 3, "written": 2, "quarantined": 1}
    (row,) = read_quarantine(lake)
    assert (
        row["row_id"] == hashlib.sha256(f"things.csv\n{row['_source_fingerprint']}\n2".encode()).hexdigest()
    )
    assert (row["thing_id"], row["name"], row["colour"], row["_row_number"]) == ("x", "banana", None, 2)
    assert row["reasons"] == ["thing_id_is_filled", "name_is_short"]
    assert row["reasons_text"] == "thing_id_is_filled, name_is_short"
    assert (row["status"], row["run_id"]) == ("open", "run")
    assert result.quarantine is not None
    assert (result.quarantine.rows, result.quarantine.open, result.quarantine.added) == (1, 1, 1)
    assert {name: note for name, note in result.notes.items() if name != "made"} == {
        "refused": "1 row refused, see: instacart quarantine show silver.things"
    }


def test_a_table_that_refuses_nothing_has_an_empty_quarantine(lake: FolderLake, settings: Settings) -> None:
    result = build_both(lake, settings, "thing_id,name\n1,apple\n")
    assert result.quarantine is not None
    assert (result.quarantine.version, result.quarantine.rows) == (0, 0)
    assert read_quarantine(lake) == []


def test_building_again_makes_no_version_of_the_quarantine(lake: FolderLake, settings: Settings) -> None:
    first = build_both(lake, settings, "thing_id,name\n1,apple\nx,pear\n3\n")
    before = [lake.find_version(f"quarantine.{name}") for name in ("things", "things__lines")]
    again = build_again(lake, settings)
    assert [lake.find_version(f"quarantine.{name}") for name in ("things", "things__lines")] == before
    assert (account(first), list_failed(first)) == (account(again), list_failed(again))
    assert again.quarantine is not None
    assert (again.quarantine.open, again.quarantine.added) == (1, 0)


def test_more_refused_rows_than_the_budget_block_and_are_kept(lake: FolderLake, settings: Settings) -> None:
    build_both(lake, settings, "thing_id,name\n1,apple\n")
    blocked = build_both(lake, settings, "thing_id,name\n1,pear\nx,a\ny,b\n")
    assert blocked.version is None
    assert list_failed(blocked) == [("thing_id_is_filled", False), ("refused_share_is_within_budget", True)]
    assert read_names(lake) == ["apple"]
    assert list_refused(lake) == [
        ("a", ["thing_id_is_filled"], "open", None),
        ("b", ["thing_id_is_filled"], "open", None),
    ]


def test_a_blocked_build_resolves_nothing(lake: FolderLake, settings: Settings) -> None:
    build_both(lake, settings, "thing_id,name\n1,apple\nx,plum\n")
    assert build_both(lake, settings, "thing_id,name\n1,pear\n2,pear\n").version is None
    assert list_refused(lake) == [("plum", ["thing_id_is_filled"], "open", None)]


def test_a_row_that_passes_by_now_is_accepted(lake: FolderLake, settings: Settings) -> None:
    build_both(lake, settings, "thing_id,name\n1,apple\n2,banana\n")
    assert list_refused(lake) == [("banana", ["name_is_short"], "open", None)]
    result = build_again(lake, settings, make_silver_table())
    assert account(result) == {"rows_read": 2, "written": 2}
    assert list_refused(lake) == [("banana", ["name_is_short"], "resolved", "accepted")]
    assert read_names(lake) == ["apple", "banana"]


def test_a_row_that_was_mended_in_its_file_is_withdrawn(lake: FolderLake, settings: Settings) -> None:
    build_both(lake, settings, "thing_id,name\n1,apple\nx,pear\n")
    build_both(lake, settings, "thing_id,name\n1,apple\n2,pear\n")
    assert list_refused(lake) == [("pear", ["thing_id_is_filled"], "resolved", "withdrawn")]


def test_a_row_that_breaks_another_rule_by_now_says_so(lake: FolderLake, settings: Settings) -> None:
    build_both(lake, settings, "thing_id,name\n1,apple\n2,banana\n")
    named = make_silver_table(make_rule("is_no_banana", "name <> 'banana'", severity="reject"))
    build_again(lake, settings, named)
    assert list_refused(lake) == [("banana", ["is_no_banana"], "open", None)]


def test_a_row_that_a_later_file_corrects_is_superseded(lake: FolderLake, settings: Settings) -> None:
    land(settings, "thing_id,name\n1,apple\n2,banana\n", "things/z.csv")
    build_again(lake, settings)
    land(settings, "thing_id,name\n2,pear\n", "things/a.csv")
    result = build_again(lake, settings)
    assert read_names(lake) == ["apple", "pear"]
    assert list_refused(lake) == [("banana", ["name_is_short"], "resolved", "superseded")]
    assert account(result) == {"rows_read": 3, "written": 2, "quarantined": 1}


def test_a_later_file_replaces_rows_of_an_earlier_one(lake: FolderLake, settings: Settings) -> None:
    land(settings, "thing_id,name\n1,apple\n2,pear\n", "things/z.csv")
    build_again(lake, settings)
    land(settings, "thing_id,name\n1,apple\n2,plum\n", "things/a.csv")
    result = build_again(lake, settings)
    assert read_names(lake) == ["apple", "plum"]
    assert account(result) == {"rows_read": 4, "written": 2, "duplicates": 1, "superseded": 1}
    assert list_refused(lake) == []


def test_a_row_that_landed_twice_is_published_once(lake: FolderLake, settings: Settings) -> None:
    result = build_both(lake, settings, "thing_id,name\n1,apple\n1,apple\n2,pear\n")
    assert read_names(lake) == ["apple", "pear"]
    assert account(result) == {"rows_read": 3, "written": 2, "duplicates": 1}
    assert list_failed(result) == []


def test_rows_that_contradict_each_other_are_refused_until_a_later_file_settles_it(
    lake: FolderLake, settings: Settings
) -> None:
    land(settings, "thing_id,name\n1,apple\n1,pear\n2,plum\n3,fig\n", "things/a.csv")
    result = build_again(lake, settings)
    assert (result.version, read_names(lake)) == (0, ["fig", "plum"])
    assert ("key_is_unique", False) in list_failed(result)
    assert list_refused(lake) == [
        ("apple", ["key_is_unique"], "open", None),
        ("pear", ["key_is_unique"], "open", None),
    ]
    land(settings, "thing_id,name\n1,pear\n", "things/b.csv")
    settled = build_again(lake, settings)
    assert read_names(lake) == ["fig", "pear", "plum"]
    assert account(settled)["written"] == 3
    assert {(status, how) for _, _, status, how in list_refused(lake)} <= {
        ("resolved", "superseded"),
        ("resolved", "accepted"),
    }


def test_values_are_compared_with_those_of_the_versions_before(lake: FolderLake, settings: Settings) -> None:
    as_before = make_rule(
        "as_before", "SELECT count(*) FROM {batch}", scope="history", severity="warn", between=(0.5, 2)
    )
    table = make_silver_table(as_before)
    land(settings, "thing_id,name\n1,a\n2,b\n3,c\n4,d\n")
    build_table(BRONZE, lake, settings, "run")
    for versions in range(3):
        result = build_table(table, lake, settings.model_copy(update={"full": True}), "run")
        assert observe(result, "as_before")["applies"] == f"no: {versions} of 3 versions to compare with"
    shrunk = build_both(lake, settings, "thing_id,name\n1,a\n", table)
    assert (shrunk.version, list_failed(shrunk)) == (3, [("as_before", False)])
    assert observe(shrunk, "as_before")["threshold"] == "between 2 and 8"


def test_rules_of_the_published_files_hold_for_tables_made_of_them_alone(
    lake: FolderLake, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = make_rule("are_three", "count(*) = 3", scope="table", is_for_public_files=True)
    assert build_both(lake, settings, LANDED, make_silver_table(rule)).version == 0
    monkeypatch.setattr(landed_draft, "is_public_file", lambda *_: True)
    assert list_failed(
        build_both(lake, settings, "thing_id,name\n1,apple\n2,plum\n", make_silver_table(rule))
    ) == [("are_three", True)]


def test_a_malformed_line_is_set_apart_and_the_rest_is_read(lake: FolderLake, settings: Settings) -> None:
    land(settings, "thing_id,name\n1,apple\n2\n3,pear,more\n4,plum\n")
    result = build_table(BRONZE, lake, settings, "run")
    assert (result.version, result.rows) == (0, 2)
    assert list_failed(result) == [("lines_are_well_formed", False)]
    rows = lake.read("bronze.things").orderBy("_row_number").collect()
    assert [(row["_row_number"], row["name"]) for row in rows] == [(1, "apple"), (4, "plum")]
    assert [
        (row["line_number"], row["text"], row["reason"], row["status"])
        for row in read_quarantine(lake, "quarantine.things__lines")
    ] == [
        (3, "2", "has 1 fields where the header has 2", "open"),
        (4, "3,pear,more", "has 3 fields where the header has 2", "open"),
    ]
    assert result.notes["refused"] == "2 lines refused, see: instacart quarantine show bronze.things"


def test_a_line_that_was_mended_in_its_file_is_withdrawn(lake: FolderLake, settings: Settings) -> None:
    land(settings, "thing_id,name\n1,apple\n2\n")
    build_table(BRONZE, lake, settings, "run")
    land(settings, "thing_id,name\n1,apple\n2,pear\n")
    assert list_failed(build_table(BRONZE, lake, settings, "run")) == []
    (line,) = read_quarantine(lake, "quarantine.things__lines")
    assert (line["status"], line["resolution"]) == ("resolved", "withdrawn")


def test_more_malformed_lines_than_the_budget_block(lake: FolderLake, settings: Settings) -> None:
    land(settings, "thing_id,name\n1,apple\n2\n")
    strict = replace(BRONZE, contract=replace(BRONZE.contract, error_budget=0.4))
    result = build_table(strict, lake, settings, "run")
    assert result.version is None
    assert ("refused_share_is_within_budget", True) in list_failed(result)
    assert len(read_quarantine(lake, "quarantine.things__lines")) == 1


@pytest.mark.parametrize(
    ("content", "names", "lines"),
    [
        ('thing_id,name\n1,a\n2,"b\n3,c\n4,d\n', ["a", "c", "d"], ['2,"b']),
        ('thing_id,name\n1,a\n2,"b\n3,c"\n4,d\n', ["a", 'c"', "d"], ['2,"b']),
        ('thing_id,name\n1,a\n2,"b\n3,"c\n4,d\n', ["a", "d"], ['2,"b', '3,"c']),
        ('thing_id,name\n1,"a"b\n2,c\n', ["c"], ['1,"a"b']),
    ],
    ids=["to the end", "one line", "until the next quote", "text after a quote"],
)
def test_an_open_quote_swallows_no_other_line(
    lake: FolderLake, settings: Settings, content: str, names: list[str], lines: list[str]
) -> None:
    land(settings, content)
    assert build_table(BRONZE, lake, settings, "run").version == 0
    rows = lake.read("bronze.things").orderBy("_row_number").collect()
    assert [row["name"] for row in rows] == names
    assert [row["text"] for row in read_quarantine(lake, "quarantine.things__lines")] == lines


def test_lines_of_an_old_line_end_never_get_published_uncounted(lake: FolderLake, settings: Settings) -> None:
    land(settings, "thing_id,name\r1,a\r2,b\r")
    with pytest.raises(LandingError, match="carriage return alone"):
        build_table(BRONZE, lake, settings, "run")
    assert lake.find_version("bronze.things") is None


def test_an_unknown_column_is_added_where_the_contract_lets_it(lake: FolderLake, settings: Settings) -> None:
    open_to_more = make_landed_table(drift=SchemaDrift(unknown_column="add"))
    land(settings)
    build_table(open_to_more, lake, settings, "run")
    land(settings, "thing_id,name,size\n3,plum,small\n", "things/more.csv")
    result = build_table(open_to_more, lake, settings, "run")
    assert result.version == 1
    assert list_failed(result) == [("landed_columns_are_the_contracts", False)]
    assert result.contract.column_names[-1] == "size"
    assert sorted(row["size"] or "" for row in lake.read("bronze.things").collect()) == ["", "", "small"]


def test_a_landed_column_of_another_type_blocks(lake: FolderLake, settings: Settings) -> None:
    records = "".join(f"{'x' if number % 3 else ''}{number},thing\n" for number in range(30))
    land(settings, f"thing_id,name\n{records}")
    result = build_table(BRONZE, lake, settings, "run")
    assert (result.version, list_failed(result)) == (None, [("landed_types_are_kept", True)])
    (outcome,) = [outcome for outcome in result.outcomes if outcome.blocks]
    assert outcome.sample == (
        {"_source_file": "things.csv", "column": "thing_id", "type": "bigint", "filled": 30, "misspelt": 20},
    )


def read_moments(lake: FolderLake) -> dict[str, Any]:
    """When each file was ingested."""
    rows = lake.read("bronze.things").select("_source_file", "_ingested_at").distinct().collect()
    return {row["_source_file"]: row["_ingested_at"] for row in rows}


def test_a_file_keeps_the_moment_it_was_first_ingested(lake: FolderLake, settings: Settings) -> None:
    land(settings)
    build_table(BRONZE, lake, settings, "run")
    first = read_moments(lake)
    land(settings, "thing_id,name\n3,plum\n", "things/more.csv")
    build_table(BRONZE, lake, settings, "run")
    second = read_moments(lake)
    assert second["things.csv"] == first["things.csv"] < second["things/more.csv"]
    land(settings, "thing_id,name\n1,fig\n")
    build_table(BRONZE, lake, settings, "run")
    third = read_moments(lake)
    assert third["things/more.csv"] == second["things/more.csv"] < third["things.csv"]


def test_a_version_notes_the_files_it_holds(lake: FolderLake, settings: Settings) -> None:
    path = land(settings)
    build_table(BRONZE, lake, settings, "run")
    (note,) = lake.read_notes("bronze.things", "landed_files", 1)
    ((name, file),) = json.loads(note).items()
    assert (name, file["fingerprint"]) == ("things.csv", read_content(path).fingerprint)
    assert datetime.fromisoformat(file["moment"]) <= datetime.now(UTC)
    assert (file["records"], file["malformed"]) == (2, 0)


@pytest.mark.parametrize("folder", ["landed [1]", "{a,b}", "what*", "what?", "a b", "a#b", "a%20b", "Äpfel"])
def test_files_may_land_in_any_folder(lake: FolderLake, settings: Settings, folder: str) -> None:
    elsewhere = settings.model_copy(update={"landing": settings.landing / folder})
    land(elsewhere)
    assert build_table(BRONZE, lake, elsewhere, "run").version == 0


def test_a_broken_file_is_refused_before_anything_is_written(lake: FolderLake, settings: Settings) -> None:
    land(settings, "wrong\n1\n")
    with pytest.raises(LandingError, match="wrong header"):
        build_table(BRONZE, lake, settings, "run")
    assert [path.name for path in settings.lake_folder.iterdir()] == ["_locks"]


def test_an_absent_optional_source_makes_an_empty_table_and_a_note(
    lake: FolderLake, settings: Settings
) -> None:
    result = build_table(make_landed_table(is_optional=True), lake, settings, "run")
    assert (result.version, result.rows) == (0, 0)
    assert "no file landed for things" in result.notes["absent"]
    assert lake.read("bronze.things").columns == list(BRONZE.contract.column_names)


def test_content_that_landed_twice_is_read_once_and_noted(lake: FolderLake, settings: Settings) -> None:
    land(settings)
    land(settings, name="things/again.csv")
    result = build_table(BRONZE, lake, settings, "run")
    assert (result.version, result.rows) == (0, 2)
    assert result.notes == {
        "made": "it had no version",
        "landed_files": ["things.csv"],
        "ingested_files": ["things.csv"],
        "same_content_again": "not read again, as the content is the same: things/again.csv (as things.csv)",
    }


def test_a_missing_source_table_is_named(lake: FolderLake, settings: Settings) -> None:
    with pytest.raises(TableMissingError, match=r"bronze\.things is not in the lake"):
        build_table(SILVER, lake, settings, "run")


def test_a_transform_that_forgets_a_column_is_told(lake: FolderLake, settings: Settings) -> None:
    land(settings)
    build_table(BRONZE, lake, settings, "run")

    def forget(bronze_things: DataFrame) -> DataFrame:
        return bronze_things.select(*ORIGIN, "name")

    with pytest.raises(ShapeError, match=r"silver\.things: the transform returns no thing_id"):
        build_table(replace(SILVER, transform=forget), lake, settings, "run")
    assert lake.find_version("silver.things") is None


def test_a_transform_that_forgets_where_rows_are_from_is_told(lake: FolderLake, settings: Settings) -> None:
    land(settings)
    build_table(BRONZE, lake, settings, "run")

    def forget(bronze_things: DataFrame) -> DataFrame:
        return bronze_things.select("thing_id", "name")

    with pytest.raises(OriginError, match="returns no _source_file, _row_number"):
        build_table(replace(SILVER, transform=forget), lake, settings, "run")


def test_a_transform_gets_the_settings_it_asks_for(lake: FolderLake, settings: Settings) -> None:
    land(settings)
    build_table(BRONZE, lake, settings, "run")
    chosen = settings.model_copy(update={"calendar": OrderCalendar(as_of_date=date(2016, 6, 30))})

    def stamp(bronze_things: DataFrame, calendar: OrderCalendar) -> DataFrame:
        return bronze_things.select(
            *ORIGIN,
            F.col("thing_id").cast("int").alias("thing_id"),
            F.lit(str(calendar.as_of_date)).alias("name"),
        )

    asking = replace(make_silver_table(), transform=stamp, settings={"calendar": OrderCalendar})
    build_table(asking, lake, chosen, "run")
    assert read_names(lake) == ["2016-06-30", "2016-06-30"]


def make_overtaken(lake: FolderLake, times: int) -> Table:
    """The silver table, which a writer that knows of no lock publishes while it is built, so many times."""
    left = iter(range(times))

    def be_overtaken(bronze_things: DataFrame) -> DataFrame:
        if next(left, None) is not None:
            row = [(2, "later")]
            rows = lake.session.createDataFrame(row, "thing_id int, name string")
            lake.publish(
                lake.stage(rows, SILVER.contract, lake.pin("silver.things"), "meanwhile"),
            )
        return SILVER.transform(bronze_things)

    return replace(SILVER, transform=be_overtaken)


@pytest.fixture
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSE_SECONDS", 0)


@pytest.mark.usefixtures("_no_pause")
def test_a_version_published_while_a_table_is_built_is_not_lost(lake: FolderLake, settings: Settings) -> None:
    build_both(lake, settings, "thing_id,name\n1,old\n")
    with pytest.raises(PublishConflictError):
        build_table(make_overtaken(lake, 100), lake, settings, "slow")
    assert read_names(lake) == ["later"]


@pytest.mark.usefixtures("_no_pause")
def test_a_run_that_was_overtaken_begins_anew(lake: FolderLake, settings: Settings) -> None:
    build_both(lake, settings, "thing_id,name\n1,old\n")
    assert build_table(make_overtaken(lake, 2), lake, settings, "slow").version == 3
    assert read_names(lake) == ["old"]
    assert lake.read_notes("silver.things", "run_id", 3) == ["slow", "meanwhile", "meanwhile"]
