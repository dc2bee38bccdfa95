"""Tables that follow what has changed: what is made, and what is left where it is."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pyspark.sql import DataFrame

from instacart_assets.contracts.model import ORIGIN
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.lake import TableMissingError
from instacart_assets.landing.files import LandingError
from instacart_assets.landing.withdrawn import withdraw_files
from instacart_assets.settings import Settings
from instacart_assets.tables import notes
from instacart_assets.tables.build import build_table
from instacart_assets.tables.declare import Table
from instacart_assets.tables.desk import discard_rows
from instacart_assets.tables.draft import OTHER_RECIPE
from instacart_assets.tables.result import BuildResult
from instacart_assets_tests.tables.things import (
    BRONZE,
    GOLD,
    NAME_IS_SHORT,
    land,
    make_silver_table,
    type_things,
)

MADE: list[list[int]] = []
"""The things of which each run made rows, run by run."""


def type_and_tell(bronze_things: DataFrame) -> DataFrame:
    typed = type_things(bronze_things)
    MADE.append(sorted(row["thing_id"] for row in typed.select("thing_id").collect() if row["thing_id"]))
    return typed


def make_followers() -> tuple[Table, Table]:
    """The silver and the gold table, whose things are made one by one."""
    by, silver = ("thing_id",), make_silver_table(NAME_IS_SHORT)
    return (
        replace(silver, transform=type_and_tell, by=by, ties={"bronze.things": by}),
        replace(GOLD, by=by, ties={"silver.things": by}),
    )


SILVER, FOLLOWER = make_followers()
MANY = "thing_id,name\n" + "".join(f"{number},n{number}\n" for number in range(10, 30))


def build(lake: FolderLake, settings: Settings, run_id: str = "run") -> dict[str, BuildResult]:
    MADE.clear()
    return {
        table.contract.layer: build_table(table, lake, settings, run_id)
        for table in (BRONZE, SILVER, FOLLOWER)
    }


def read_names(lake: FolderLake, address: str = "gold.things") -> dict[int, str]:
    return {row["thing_id"]: row["name"] for row in lake.read(address).collect() if row["thing_id"] < 10}


def count_changes(results: dict[str, BuildResult]) -> dict[str, tuple[int, int]]:
    """Rows added and removed, by layer."""
    return {
        layer: (result.notes["rows_added"], result.notes["rows_removed"])
        for layer, result in results.items()
        if "rows_added" in result.notes
    }


def test_a_new_file_adds_its_rows_and_nothing_else_is_made(lake: FolderLake, settings: Settings) -> None:
    land(settings, MANY)
    build(lake, settings)
    land(settings, "thing_id,name\n1,apple\n", "things/a.csv")
    results = build(lake, settings)
    assert MADE == [[1]]
    assert count_changes(results) == {"bronze": (1, 0), "silver": (1, 0), "gold": (1, 0)}
    assert results["bronze"].notes["ingested_files"] == ["things/a.csv"]
    assert (results["gold"].version, results["gold"].rows) == (1, 21)
    assert read_names(lake) == {1: "apple"}


def test_nothing_is_made_where_nothing_has_changed(lake: FolderLake, settings: Settings) -> None:
    land(settings, MANY)
    build(lake, settings)
    results = build(lake, settings)
    assert MADE == []
    assert [(result.version, result.is_news, result.notes["made"]) for result in results.values()] == [
        (0, False, "nothing has changed")
    ] * 3


def test_a_changed_file_replaces_its_own_rows(lake: FolderLake, settings: Settings) -> None:
    land(settings, MANY)
    land(settings, "thing_id,name\n1,apple\n2,pear\n", "things/a.csv")
    build(lake, settings)
    land(settings, "thing_id,name\n1,fig\n3,plum\n", "things/a.csv")
    results = build(lake, settings)
    assert MADE == [[1, 3]]
    assert count_changes(results)["gold"] == (2, 2)
    assert read_names(lake) == {1: "fig", 3: "plum"}
    assert lake.read("bronze.things").count() == 22


def test_a_file_that_is_gone_keeps_its_rows_and_is_told_of(lake: FolderLake, settings: Settings) -> None:
    land(settings, MANY)
    land(settings, "thing_id,name\n1,apple\n", "things/a.csv").unlink()
    path = land(settings, "thing_id,name\n1,apple\n", "things/a.csv")
    build(lake, settings)
    path.unlink()
    results = build(lake, settings)
    assert "things/a.csv" in results["bronze"].notes["no_longer_landed"]
    assert [result.is_news for result in results.values()] == [False] * 3
    assert read_names(lake) == {1: "apple"}


def test_all_files_may_be_gone_once_they_are_taken_in(lake: FolderLake, settings: Settings) -> None:
    path = land(settings, MANY)
    build(lake, settings)
    path.unlink()
    assert build(lake, settings)["gold"].rows == 20


def test_a_withdrawn_file_takes_its_rows_along(lake: FolderLake, settings: Settings) -> None:
    land(settings, MANY)
    path = land(settings, "thing_id,name\n1,apple\n2,a name too long\n", "things/a.csv")
    build(lake, settings)
    withdraw_files(settings.landing, ["things/a.csv"], {})
    assert not path.exists()
    results = build(lake, settings)
    assert count_changes(results) == {"bronze": (0, 2), "silver": (0, 1), "gold": (0, 1)}
    assert read_names(lake) == {}
    (refused,) = lake.read("quarantine.things").collect()
    assert (refused["status"], refused["resolution"]) == ("resolved", "withdrawn")
    path = land(settings, "thing_id,name\n1,apple\n", "things/a.csv")
    assert count_changes(build(lake, settings))["gold"] == (1, 0)


def test_what_the_lake_holds_of_a_withdrawn_file_goes_whatever_was_landed_in_its_place(
    lake: FolderLake, settings: Settings
) -> None:
    land(settings, MANY)
    land(settings, "thing_id,name\n1,apple\n", "things/a.csv")
    build(lake, settings)
    land(settings, "broken", "things/a.csv")
    held = {name: file.fingerprint for name, file in notes.read_held_files(lake, BRONZE.address).items()}
    withdraw_files(settings.landing, ["things/a.csv"], held)
    assert count_changes(build(lake, settings))["gold"] == (0, 1)


@pytest.mark.parametrize("spell", ["./things/a.csv", "things/../things/a.csv", "{landing}/things/a.csv"])
def test_a_file_is_withdrawn_however_its_path_is_spelt(
    lake: FolderLake, settings: Settings, spell: str
) -> None:
    land(settings, MANY)
    land(settings, "thing_id,name\n1,apple\n", "things/a.csv")
    build(lake, settings)
    assert withdraw_files(settings.landing, [spell.format(landing=settings.landing)], {}) == ["things/a.csv"]
    assert count_changes(build(lake, settings))["gold"] == (0, 1)


def test_of_two_files_of_the_same_content_the_other_one_stays(lake: FolderLake, settings: Settings) -> None:
    land(settings, MANY)
    for name in ("things/a.csv", "things/b.csv"):
        land(settings, "thing_id,name\n1,apple\n", name)
    build(lake, settings)
    withdraw_files(settings.landing, ["things/a.csv"], {})
    assert build(lake, settings)["bronze"].notes["ingested_files"] == ["things/b.csv"]
    assert read_names(lake) == {1: "apple"}


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (".withdrawn", "is no landed file"),
        ("things/b.csv", "is no landed file, and the lake holds none of this name"),
        ("../outside.csv", "leads out of the folder"),
    ],
)
def test_what_never_landed_cannot_be_withdrawn(settings: Settings, name: str, fault: str) -> None:
    land(settings)
    (settings.landing.parent / "outside.csv").write_text("kept")
    with pytest.raises(LandingError, match=fault):
        withdraw_files(settings.landing, [name], {"things.csv": "0"})
    assert (settings.landing.parent / "outside.csv").exists()


def test_the_same_content_under_another_name_is_not_taken_in(lake: FolderLake, settings: Settings) -> None:
    path = land(settings, MANY)
    build(lake, settings)
    land(settings, MANY, "things/again.csv")
    results = build(lake, settings)
    assert "things/again.csv (as things.csv)" in results["bronze"].notes["same_content_again"]
    path.unlink()  # a file that moved is the same file
    assert [result.is_news for result in build(lake, settings).values()] == [False] * 3


@pytest.fixture
def upgraded(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What makes every later run one of another release."""
    return lambda: monkeypatch.setattr(notes, "_fingerprint_code", lambda: "of another release")


def test_another_release_keeps_the_rows_of_files_that_are_gone(
    lake: FolderLake, settings: Settings, upgraded: Callable[[], None]
) -> None:
    paths = [land(settings, MANY), land(settings, "thing_id,name\n1,apple\n", "things/a.csv")]
    build(lake, settings)
    paths[1].unlink()
    upgraded()
    results = build(lake, settings)
    assert results["bronze"].notes["made"] == OTHER_RECIPE
    assert results["bronze"].notes["ingested_files"] == ["things.csv"]
    assert (results["bronze"].rows, read_names(lake)) == (21, {1: "apple"})


def test_another_release_finds_all_files_gone(
    lake: FolderLake, settings: Settings, upgraded: Callable[[], None]
) -> None:
    path = land(settings, MANY)
    build(lake, settings)
    path.unlink()
    upgraded()
    assert build(lake, settings)["gold"].rows == 20


def test_another_release_does_not_take_a_moved_file_for_a_new_one(
    lake: FolderLake, settings: Settings, upgraded: Callable[[], None]
) -> None:
    land(settings, MANY)
    path = land(settings, "thing_id,name\n1,apple\n", "things/a.csv")
    build(lake, settings)
    path.rename(path.with_name("b.csv"))
    upgraded()
    results = build(lake, settings)
    assert "things/b.csv (as things/a.csv)" in results["bronze"].notes["same_content_again"]
    assert (results["bronze"].rows, results["gold"].rows) == (21, 21)


def test_files_that_swap_their_contents_keep_all_rows(lake: FolderLake, settings: Settings) -> None:
    one, other = "thing_id,name\n1,apple\n", "thing_id,name\n2,pear\n"
    for first, second in ((one, other), (other, one)):
        land(settings, MANY)
        land(settings, first, "things/a.csv")
        land(settings, second, "things/b.csv")
        build(lake, settings)
    assert read_names(lake) == {1: "apple", 2: "pear"}
    assert lake.read("bronze.things").count() == 22


def test_a_later_file_supersedes_and_settles_what_was_refused(lake: FolderLake, settings: Settings) -> None:
    land(settings, MANY)
    land(settings, "thing_id,name\n1,a name too long\n2,pear\n", "things/a.csv")
    build(lake, settings)
    land(settings, "thing_id,name\n1,apple\n", "things/b.csv")
    results = build(lake, settings)
    assert MADE == [[1]]
    assert read_names(lake) == {1: "apple", 2: "pear"}
    (refused,) = lake.read("quarantine.things").collect()
    assert (refused["status"], refused["resolution"]) == ("resolved", "superseded")
    accounts = {outcome.rule.id: outcome for outcome in results["silver"].outcomes}
    assert accounts["every_row_is_accounted_for"].passed


def test_what_is_refused_stays_refused_while_other_things_come(lake: FolderLake, settings: Settings) -> None:
    land(settings, MANY)
    land(settings, "thing_id,name\n1,a name too long\n", "things/a.csv")
    build(lake, settings)
    land(settings, "thing_id,name\n2,pear\n", "things/b.csv")
    results = build(lake, settings)
    assert MADE == [[1, 2]]  # a row in quarantine is looked at each time
    outcomes = {outcome.rule.id: outcome for outcome in results["silver"].outcomes}
    assert not outcomes["name_is_short"].passed
    assert outcomes["name_is_short"].observed["refused_rows"] == 1


def test_a_table_whose_code_has_changed_is_made_anew(lake: FolderLake, settings: Settings) -> None:
    def shout(bronze_things: DataFrame) -> DataFrame:
        return bronze_things.selectExpr(
            *ORIGIN, "try_cast(thing_id AS int) AS thing_id", "upper(name) AS name"
        )

    land(settings, "thing_id,name\n1,apple\n")
    build(lake, settings)
    result = build_table(replace(SILVER, transform=shout), lake, settings, "run")
    assert result.notes["made"] == "its contract, its code or its settings have changed"
    assert (
        build_table(FOLLOWER, lake, settings, "run").notes["made"] == "silver.things has changed as a whole"
    )
    assert read_names(lake) == {1: "APPLE"}


def test_a_look_back_makes_tables_of_what_had_landed_and_the_next_run_comes_back(
    lake: FolderLake, settings: Settings
) -> None:
    land(settings, MANY)
    land(settings, "thing_id,name\n1,apple\n", "things/a.csv")
    build(lake, settings)
    then = datetime.now(UTC)
    land(settings, "thing_id,name\n1,fig\n", "things/a.csv")
    build(lake, settings)
    back = build(lake, settings.model_copy(update={"as_of": then}), "look-back")
    assert read_names(lake) == {1: "apple"}
    assert back["bronze"].version == 1  # what landed since is not lost
    build(lake, settings, "now")
    assert read_names(lake) == {1: "fig"}


def test_a_look_back_knows_nothing_of_rows_that_came_and_were_settled_later(
    lake: FolderLake, settings: Settings
) -> None:
    land(settings, MANY)
    build(lake, settings)
    then = datetime.now(UTC)
    land(settings, "thing_id,name\n1,a name too long\n", "things/a.csv")
    build(lake, settings)
    (refused,) = lake.read("quarantine.things").collect()
    discard_rows(SILVER, [refused["row_id"]], lake)
    back = build(lake, settings.model_copy(update={"as_of": then}), "look-back")
    assert back["silver"].version is not None
    (accounts,) = [one for one in back["silver"].outcomes if one.rule.id == "every_row_is_accounted_for"]
    assert accounts.passed


def test_nothing_can_be_made_of_a_time_before_anything_landed(lake: FolderLake, settings: Settings) -> None:
    land(settings)
    build(lake, settings)
    long_ago = settings.model_copy(update={"as_of": datetime(2020, 1, 1, tzinfo=UTC)})
    with pytest.raises(TableMissingError, match=r"bronze\.things was not in the lake"):
        build_table(SILVER, lake, long_ago, "look-back")


def test_a_source_that_was_removed_and_made_again_is_not_taken_for_the_one_before(
    lake: FolderLake, settings: Settings
) -> None:
    land(settings, "thing_id,name\n1,apple\n")
    build(lake, settings)
    shutil.rmtree(lake.locate("bronze.things"))
    land(settings, "thing_id,name\n1,fig\n")
    results = build(lake, settings)
    assert results["bronze"].version == 0
    assert read_names(lake) == {1: "fig"}


def test_a_table_whose_quarantine_was_removed_refuses_its_rows_again(
    lake: FolderLake, settings: Settings
) -> None:
    land(settings, MANY)
    land(settings, "thing_id,name\n1,a name too long\n", "things/a.csv")
    build(lake, settings)
    shutil.rmtree(lake.locate("quarantine.things"))
    results = build(lake, settings)
    assert results["silver"].notes["made"] == "its quarantine has lost rows"
    assert [row["status"] for row in lake.read("quarantine.things").collect()] == ["open"]
