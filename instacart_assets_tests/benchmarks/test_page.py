"""The page on speed says what was measured, and whether an aim was reached."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.page import Results, write_page
from instacart_assets_tests.project_tree import ROOT

MEASURED = ROOT / "docs" / "benchmarks.json"
PAGE = ROOT / "docs" / "performance.md"


MOVES = {"silver.orders": {"shuffles": 2, "broadcasts": 1}}


def measurement(way: str, wall: float, **of: Any) -> dict[str, Any]:
    return {
        "way": way,
        "users": 100,
        "is_core": False,
        "wall": wall,
        "processors": wall,
        "memory": 2.0,
        "seconds": wall - 4.0,
        "tables": {"silver.orders": {"transform": wall - 6.0}},
        "note": "",
        "day": "2026-11-29",
        "rows": {"silver.orders": 1_000},
    } | of


def tell(path: Path, *measurements: dict[str, Any]) -> str:
    machine = {"processors": 2, "memory_gib": 24.0, "system": "Linux", "python": "3.11"}
    write_page(
        Results({"machine": machine, "users": 100, "moves": MOVES, "measurements": measurements}),
        path / "page.md",
    )
    return (path / "page.md").read_text()


def test_a_figure_is_the_median_of_its_rounds_and_memory_the_highest(tmp_path: Path) -> None:
    told = tell(
        tmp_path,
        measurement("checked", 30.0),
        measurement("checked", 50.0, memory=3.5),
        measurement("checked", 31.0),
    )
    assert "| all tables, every check, in Dagster | 31 | 31 | 3.5 | 3 |" in told


@pytest.mark.parametrize(("wall", "added", "is_reached"), [(30.0, "50 %", "yes"), (31.0, "55 %", "no")])
def test_what_checks_add_is_held_against_the_bare_transforms(
    tmp_path: Path, wall: float, added: str, is_reached: str
) -> None:
    told = tell(tmp_path, measurement("checked", wall), measurement("bare", 20.0))
    assert f"| checks and Dagster add at most 50 % to the bare transforms | {added} | {is_reached} |" in told


def test_what_a_table_worked_and_held_is_told(tmp_path: Path) -> None:
    told = tell(
        tmp_path,
        measurement("checked", 30.0, work={"silver.orders": {"processors": 40.0, "memory": 1.5}}),
        measurement("checked", 50.0, work={"silver.orders": {"processors": 60.0, "memory": 1.25}}),
    )
    assert "| `silver.orders` | 34.0 | 0.0 | 0.0 | 0.0 | 0.0 | 34.0 |  | 50.0 | 1.5 |" in told


def test_a_larger_size_is_held_against_the_smaller(tmp_path: Path) -> None:
    told = tell(
        tmp_path,
        measurement("checked", 10.0),
        measurement("checked", 49.0, users=400, memory=21.0),
    )
    assert "| at 4 times the rows at most 4.8 times the time | 4.9 times | no |" in told
    assert "| at 4 times the rows at most 20 GiB | 21.0 GiB | no |" in told


def test_what_grows_is_told_by_table(tmp_path: Path) -> None:
    told = tell(
        tmp_path,
        measurement("checked", 10.0),
        measurement("checked", 14.0, users=400, rows={"silver.orders": 3_500}),
    )
    # Of 10 s and 14 s the table took all but 6.
    assert "| `silver.orders` | 1,000 | 3.5 | 2.0 |" in told
    assert "| `silver.orders` | 2 | 1 |" in told


def test_a_line_through_the_smaller_sizes_is_held_against_the_largest(tmp_path: Path) -> None:
    told = tell(
        tmp_path,
        *(
            measurement("checked", work, users=users)
            for users, work in ((25, 25.0), (100, 40.0), (400, 110.0))
        ),
        measurement("bare", 20.0),
        measurement("spark", 90.0),
    )
    # 15 s for 75 customers are 0.2 s for each, on top of 20 s.
    assert "takes 20 s of CPU time, whatever the size, and 200.00 s for every thousand customers" in told
    assert "the line predicts 100 s of CPU time; 110 s were measured, 10 % more." in told
    assert "takes 4.5 times the CPU time" in told


def test_peers_are_held_against_the_same_tables(tmp_path: Path) -> None:
    told = tell(
        tmp_path,
        measurement("bare", 90.0),
        measurement("bare", 20.0, is_core=True),
        measurement("duckdb", 25.0, is_core=True),
        measurement("polars", 19.0, is_core=True),
    )
    assert "| bare transforms ahead of the DuckDB script | 20 s against 25 s | yes |" in told
    assert "| bare transforms ahead of the Polars script | 20 s against 19 s | no |" in told
    assert told.count("The scripts assume clean files") == 1
    # Six of the seconds of each way are no table's.
    assert "| table | bare transforms | DuckDB script | Polars script |" in told
    assert "| `silver.orders` | 14.0 | 19.0 | 13.0 |" in told
    assert (tmp_path / "images" / "benchmarks.svg").read_text().count("Polars script") == 1


def test_an_aim_that_is_missed_has_its_cause_and_one_that_is_reached_has_none(tmp_path: Path) -> None:
    def tell_drop(seconds: float) -> str:
        drop, anew = (
            measurement("checked", wall, note=note) for wall, note in ((seconds, "drop"), (100.0, "anew"))
        )
        return tell(tmp_path, drop, anew)

    assert "a third of a full run by themselves" in tell_drop(26.0)
    assert "a third of a full run by themselves" not in tell_drop(25.0)


def test_the_wait_for_a_first_command_is_held_against_the_longest_that_may_be(tmp_path: Path) -> None:
    said = {
        "machine": {"processors": 2, "memory_gib": 24.0},
        "users": 100,
        "measurements": [measurement("bare", 20.0)],
        "starts": {"`instacart --help`": [0.5, 0.6, 3.0], "`make demo`, installed": [59.0, 61.0, 60.5]},
    }
    write_page(Results(said), tmp_path / "page.md")
    told = (tmp_path / "page.md").read_text("utf-8")
    assert "| `instacart --help` in less than 1 s | 0.6 s | yes |" in told
    assert "| `make demo` in less than 60 s once the environment is installed | 60.5 s | no |" in told


def test_what_was_not_measured_is_not_spoken_of(tmp_path: Path) -> None:
    told = tell(tmp_path, measurement("bare", 20.0))
    assert "Compared with scripts" not in told
    assert "Where the time goes" not in told
    assert not (tmp_path / "images").exists()


def test_the_page_is_made_of_the_measurements_beside_it(tmp_path: Path) -> None:
    write_page(Results(json.loads(MEASURED.read_text("utf-8"))), tmp_path / PAGE.name)
    assert (tmp_path / PAGE.name).read_text("utf-8") == PAGE.read_text("utf-8")
