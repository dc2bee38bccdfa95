"""Whole runs over damaged landings: each ends in words a person can act on, and nothing is made of what failed."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from instacart_assets.errors import RemediableError
from instacart_assets.graph import all_tables
from instacart_assets.runs import GraphRun, run_graph
from instacart_assets.settings import Settings
from instacart_assets.synthetic.generate import generate
from instacart_assets_tests.faults.accounts import (
    check_files,
    explain,
    iterate_tables,
    read_settled,
    read_version,
)
from instacart_assets_tests.faults.byte_edits import damage, draw_edit
from instacart_assets_tests.faults.proof import scale, write_report
from instacart_assets_tests.lake_reading import Rows, read_table

pytestmark = pytest.mark.slow

USERS, PRODUCTS = 18, 1_000
RUNS = scale(2, 25)
MOST_FILES, MOST_EDITS = 3, 2
Seen = tuple[int, Rows]
BLOCKED = "blocking check(s) failed"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an undamaged landing and the lake made of it."""
    folder = tmp_path_factory.mktemp("clean")
    generate(USERS, 1, folder / "landing", products=PRODUCTS)
    assert run_graph(Settings(landing=folder / "landing", lake=folder / "lake")).is_success
    return folder


@pytest.fixture(scope="module")
def report() -> Iterator[list[dict[str, Any]]]:
    found: list[dict[str, Any]] = []
    yield found
    write_report("fuzz.json", {"runs": found})


@pytest.mark.parametrize("seed", range(RUNS))
def test_a_run_on_damaged_files_ends_in_words(
    clean: Path, report: list[dict[str, Any]], tmp_path: Path, seed: int
) -> None:
    settings = Settings(landing=tmp_path / "landing", lake=tmp_path / "lake")
    shutil.copytree(clean / "landing", settings.landing)
    shutil.copytree(clean / "lake", settings.lake_folder)
    damaged = damage_landing(settings.landing, Random(seed))  # noqa: S311 - no secret
    before = look(settings.lake_folder)
    try:
        run = run_graph(settings)
    except RemediableError as error:
        explain(str(error))
        assert before == look(settings.lake_folder)
        report.append({"seed": seed, "damaged": damaged, "ended": type(error).__name__})
        return
    check_run(run, settings.lake_folder, before)
    states = Counter(table.state for table in run.tables)
    failed = [table.address for table in run.tables if table.state == "failed"]
    report.append({"seed": seed, "damaged": damaged, "ended": "run", "states": states, "failed": failed})


def damage_landing(landing: Path, random: Random) -> list[str]:
    """Damage some files of a landing; their names."""
    paths = sorted(landing.glob("*.csv"))
    chosen = random.sample(paths, random.randint(1, MOST_FILES))
    for path in chosen:
        found = [draw_edit(random) for _ in range(random.randint(1, MOST_EDITS))]
        path.write_bytes(damage(path.read_bytes(), found, random.choice(paths).read_bytes()))
    return [path.name for path in chosen]


def look(lake: Path) -> dict[str, Seen]:
    """Version and rows of each table."""
    return {
        address: (read_version(lake, address), read_settled(read_table(lake, address), is_exact=True))
        for address in iterate_tables(lake)
    }


def check_run(run: GraphRun, lake: Path, before: dict[str, Seen]) -> None:
    """What failed says why, what follows it is skipped, and readers keep their versions of both.

    What was made has another version where it has other rows, and the one it had where it has not.
    """
    after = look(lake)
    states = {table.address: table.state for table in run.tables}
    tables = {table.address: table for table in all_tables()}
    assert set(states) == set(tables)
    for result in run.tables:
        above = {states.get(address, "published") for address in tables[result.address].dependencies}
        assert (result.state == "skipped") == bool(above & {"failed", "skipped"}), (result, above)
        assert result.state in {"published", "failed", "skipped"}
        if result.state == "failed":
            assert result.error is not None
            if BLOCKED not in result.error:
                explain(result.error)
            assert "Traceback" not in result.error
        (old, rows_before), (new, rows_after) = before[result.address], after[result.address]
        assert new == old + (rows_before != rows_after)
        assert result.state == "published" or new == old
        check_files(lake, result.address)
