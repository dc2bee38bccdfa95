"""The command of a Databricks task, with the embedded engine in the place of a cluster's."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deltalake import DeltaTable

from instacart_assets.synthetic.generate import generate
from instacart_assets.task import main

BARE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"dagster_pyspark", "dagster_databricks", "databricks", "deltalake", "pysail"}:
            raise ImportError(f"a cluster has no {name}")

sys.meta_path.insert(0, Refuse())
import instacart_assets.task
from instacart_assets.definitions import defs
print(len(defs().resolve_asset_graph().get_all_asset_keys()))
"""


@pytest.fixture
def run_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str | None], int]]:
    """Runs the command on a lake of the test's own, to build a selection or to look after all; gives its exit status."""
    before = dict(os.environ)
    generate(40, 7, tmp_path / "landing", products=200)

    def run(selection: str | None) -> int:
        settings = ("INSTACART_TARGET=local", f"INSTACART_LANDING={tmp_path / 'landing'}")
        given = [
            word for value in (*settings, f"INSTACART_LAKE={tmp_path / 'lake'}") for word in ("--set", value)
        ]
        asked = ["--maintain"] if selection is None else ["--select", selection]
        due = ["--set", "INSTACART_CHECKPOINT_AFTER=1"]
        try:
            main([*given, *due, "--set", "INSTACART_CATALOG=", *asked, "--run-id", "job-7"])
        except SystemExit as ended:
            if not ended.code:
                pytest.fail("serverless compute takes any exit for a failure")
            if isinstance(ended.code, str):
                sys.stderr.write(ended.code)
            return 1
        return 0

    monkeypatch.setattr(sys, "argv", ["instacart-task"])
    yield run
    os.environ.clear()
    os.environ.update(before)


def test_a_selection_is_built_and_published(
    run_task: Callable[[str | None], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_task("+silver.products") == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said] == [
        f"✓ {layer}.{name}"
        for layer in ("bronze", "silver")
        for name in ("aisles", "departments", "products")
    ]
    assert "200 rows as version 0" in said[-1]
    (commit,) = DeltaTable(tmp_path / "lake" / "silver" / "products").history()
    assert '"run_id": "job-7"' in commit["userMetadata"]


def test_a_task_looks_after_every_table_of_the_lake(
    run_task: Callable[[str | None], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_task("bronze.departments") == 0
    capsys.readouterr()
    assert run_task(None) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.rpartition(": ")[0] for line in said] == [
        f"{address}: {operation}"
        for address in ("bronze.departments", "quarantine.departments__lines")
        for operation in ("compact", "vacuum", "checkpoint")
    ]
    assert "bronze.departments: checkpoint: done" in said
    log = tmp_path / "lake" / "bronze" / "departments" / "_delta_log"
    assert list(log.glob("*.checkpoint*.parquet"))


def test_a_blocked_table_stops_what_is_made_of_it(
    run_task: Callable[[str | None], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    departments = tmp_path / "landing" / "departments.csv"
    departments.write_text(departments.read_text().replace("\n", "\nx"))
    assert run_task("+silver.products") == 1
    said = {line.partition(":")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "not published, readers still see no version" in said["✗ bronze.departments"], said
    assert "skipped" in said["- silver.products"]
    assert "✓ silver.aisles" in said


def test_a_missing_file_is_told_before_anything_is_written(
    run_task: Callable[[str | None], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "landing" / "aisles.csv").unlink()
    assert run_task("+silver.products") == 1
    assert "aisles.csv: no such file" in capsys.readouterr().err
    assert not (tmp_path / "lake").exists()


def test_a_cluster_needs_nothing_that_only_a_laptop_has() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", BARE],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "INSTACART_TARGET": "databricks_remote"},
    )
    assert loaded.returncode == 0, loaded.stderr
    assert int(loaded.stdout) > 0
