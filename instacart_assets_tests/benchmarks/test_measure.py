"""A process is measured from outside, and what is measured is kept with what was measured before."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.bench import CORE, Bench, describe_machine
from benchmarks.measure import Measurement, measure
from benchmarks.volume import keep_landing
from instacart_assets.lakehouse.apache import EngineError, check_java
from instacart_assets_tests.project_tree import ROOT

USERS = 40


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keep_landing(USERS, tmp_path_factory.mktemp("cache"))


def test_a_way_says_what_each_table_took_and_its_process_what_all_did(landing: Path, tmp_path: Path) -> None:
    made = measure("duckdb", USERS, landing, tmp_path / "lake", CORE)
    assert tuple(made.tables) == CORE
    assert 0 < sum(parts["transform"] for parts in made.tables.values()) < made.seconds < made.wall
    assert made.processors > 0
    assert made.memory > 0.05  # Python with its libraries
    assert made.kind == ("duckdb", USERS, True, "")


def test_of_tables_that_are_checked_it_is_known_what_each_worked_and_held(
    landing: Path, tmp_path: Path
) -> None:
    made = measure("checked", USERS, landing, tmp_path / "lake", ("bronze.aisles", "bronze.departments"))
    assert made.work.keys() == made.tables.keys() == {"bronze.aisles", "bronze.departments"}
    assert 0 < sum(of["processors"] for of in made.work.values()) < made.processors
    assert all(0.05 < of["memory"] <= made.memory for of in made.work.values())


@pytest.mark.slow
def test_apache_spark_makes_tables_in_a_folder_that_is_named_as_the_bench_names_it(
    landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        check_java()
    except EngineError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("SPARK_CONNECT_MODE_ENABLED", "1")  # as where the embedded engine has run
    monkeypatch.chdir(tmp_path)
    made = measure("spark", USERS, landing, Path("lake"), ("bronze.aisles",))
    assert made.rows == {"bronze.aisles": 134}
    assert not made.work


def test_a_process_that_fails_is_told_with_what_it_wrote(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as failed:
        measure("duckdb", USERS, tmp_path / "nothing", tmp_path / "lake", CORE)
    assert "ended with 1" in str(failed.value)
    assert "no such file" in str(failed.value)


def save(path: Path, *measurements: Measurement, **machine: str) -> None:
    told = [{**vars(one)} for one in measurements]
    path.write_text(json.dumps({"machine": describe_machine() | machine, "measurements": told}))


def list_kept(path: Path) -> list[tuple[str, int, float]]:
    return [(one["way"], one["users"], one["wall"]) for one in json.loads(path.read_text())["measurements"]]


def test_what_was_measured_before_stays_until_it_is_measured_again(landing: Path, tmp_path: Path) -> None:
    out = tmp_path / "measured.json"
    old = Measurement("duckdb", USERS, True, -1.0, 1.0, 1.0, 1.0, {}, "", "2026-11-28")
    others = replace(old, way="polars"), replace(old, users=7)
    save(out, old, *others)
    Bench(out, tmp_path, USERS, 4).add("duckdb", USERS, landing, CORE)
    kept = list_kept(out)
    assert [(way, users) for way, users, _ in kept] == [("duckdb", USERS), ("polars", USERS)]
    assert [wall > 0 for _, _, wall in kept] == [True, False]
    assert not (tmp_path / "lake").exists()


def test_what_was_measured_on_another_machine_does_not_stay(landing: Path, tmp_path: Path) -> None:
    out = tmp_path / "measured.json"
    save(out, Measurement("polars", USERS, True, 1.0, 1.0, 1.0, 1.0, {}, "", "2026-11-28"), duckdb="0.1")
    Bench(out, tmp_path, USERS, 4).add("duckdb", USERS, landing, CORE)
    assert [way for way, _, _ in list_kept(out)] == ["duckdb"]
