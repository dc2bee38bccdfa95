"""The quarantine of a table while the table is built."""

from typing import Any

from pyspark.sql import DataFrame

from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.quality.quarantine import DISCARDED, REPLAYED
from instacart_assets.tables.refusals import Quarantine, QuarantineState
from instacart_assets_tests.small_contracts import make_column, make_contract, make_landed_contract

THINGS = make_contract(make_column("thing_id", "int", required=True), error_budget=0.5)
FILES = [("a.csv", "f1")]


def open_quarantine(lake: FolderLake, run_id: str = "run") -> Quarantine:
    """The quarantine as a run finds it."""
    return Quarantine(THINGS, {"bronze.things": make_landed_contract()}, lake, run_id)


def find(lake: FolderLake, *numbers: int, why: str = "bad") -> DataFrame:
    """Rows of a.csv that are refused now."""
    rows = [(f"r{number}", None, None, None, "a.csv", "f1", number, [why], why) for number in numbers]
    return lake.session.createDataFrame(
        rows,
        "row_id string, thing_id string, name string, colour string, _source_file string, "
        "_source_fingerprint string, _row_number bigint, reasons array<string>, reasons_text string",
    )


def tell(quarantine: Quarantine) -> dict[str, str]:
    """How each row is resolved, or that it is open."""
    known = quarantine.known
    assert known is not None
    return {row["row_id"]: row["resolution"] or row["status"] for row in known.collect()}


def count(state: QuarantineState) -> tuple[int, ...]:
    """Version, rows, open ones and those that the run added."""
    return (state.version, state.rows, state.open, state.added)


def test_where_nothing_was_ever_refused_there_is_an_empty_table(lake: FolderLake) -> None:
    quarantine = open_quarantine(lake)
    assert quarantine.known.count() == 0
    quarantine.keep(None)
    assert count(quarantine.describe()) == (0, 0, 0, 0)
    quarantine.keep(None)
    assert count(quarantine.describe()) == (0, 0, 0, 0)


def test_what_is_refused_is_kept_and_counted(lake: FolderLake) -> None:
    quarantine = open_quarantine(lake)
    quarantine.keep(find(lake, 1, 2))
    assert count(quarantine.describe()) == (0, 2, 2, 2)
    later = open_quarantine(lake)
    later.keep(find(lake, 2, 3))
    assert count(later.describe()) == (1, 3, 3, 1)


def test_what_is_known_makes_no_version(lake: FolderLake) -> None:
    open_quarantine(lake).keep(find(lake, 1, 2))
    later = open_quarantine(lake)
    later.keep(find(lake, 2))
    later.settle(find(lake, 1, 2), None, FILES)
    assert count(later.describe()) == (0, 2, 2, 0)


def test_a_row_that_is_refused_for_another_reason_makes_a_version(lake: FolderLake) -> None:
    open_quarantine(lake).keep(find(lake, 1))
    later = open_quarantine(lake)
    later.keep(find(lake, 1, why="worse"))
    assert [tuple(row) for row in later.known.select("row_id", "reasons", "run_id").collect()] == [
        ("r1", ["worse"], "run")
    ]


def test_what_is_no_longer_refused_is_resolved_once_the_table_is_published(lake: FolderLake) -> None:
    open_quarantine(lake).keep(find(lake, 1, 2, 3))
    later = open_quarantine(lake)
    superseded = lake.session.createDataFrame([("a.csv", 2)], "_source_file string, _row_number bigint")
    later.settle(find(lake, 3), superseded, FILES)
    assert tell(later) == {"r1": "accepted", "r2": "superseded", "r3": "open"}
    assert count(later.describe()) == (1, 3, 1, 0)


def test_what_a_person_has_dealt_with_is_not_open_however_often_it_is_refused(lake: FolderLake) -> None:
    open_quarantine(lake).keep(find(lake, 1, 2, 3))
    by_hand = open_quarantine(lake, "person")
    by_hand.resolve(["r1"], REPLAYED)
    by_hand.resolve(["r2"], DISCARDED)
    later = open_quarantine(lake)
    later.keep(find(lake, 1, 2, 3))
    later.settle(find(lake, 1, 2, 3), None, FILES)
    assert tell(later) == {"r1": "replayed", "r2": "discarded", "r3": "open"}
    assert later.count_settled(find(lake, 1, 2, 3)) == 2


def list_numbers(origins: DataFrame | None) -> list[Any]:
    return [] if origins is None else sorted(row["_row_number"] for row in origins.collect())


def test_rows_that_are_dealt_with_are_found_while_their_file_is_the_same(lake: FolderLake) -> None:
    open_quarantine(lake).keep(find(lake, 1, 2))
    open_quarantine(lake).resolve(["r1"], REPLAYED)
    later = open_quarantine(lake)
    assert list_numbers(later.find_settled(FILES)) == [1]
    assert later.find_settled([("a.csv", "changed")]) is None
    assert later.find_settled([]) is None


def test_landed_rows_that_it_holds_are_counted_while_their_file_is_the_same(lake: FolderLake) -> None:
    open_quarantine(lake).keep(find(lake, 1, 2))
    later = open_quarantine(lake)
    origins = find(lake, 2, 3).select("_source_file", "_row_number")
    assert later.count_known(origins, FILES) == 1
    assert later.count_known(origins, [("a.csv", "changed")]) == 0


def test_rows_of_this_run_are_not_counted_as_known(lake: FolderLake) -> None:
    quarantine = open_quarantine(lake)
    quarantine.keep(find(lake, 1))
    origins = find(lake, 1).select("_source_file", "_row_number")
    assert quarantine.count_known(origins, FILES) == 0
