"""A run that is killed leaves readers whole versions, and the next run leaves what no kill would have left."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from instacart_assets.runs import run_graph
from instacart_assets.settings import Settings
from instacart_assets.synthetic.generate import generate
from instacart_assets_tests.faults import kill_driver
from instacart_assets_tests.faults.accounts import check_files, iterate_tables, read_all, read_settled
from instacart_assets_tests.faults.proof import IS_PROOF, write_report
from instacart_assets_tests.lake_reading import read_table

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
USERS, PRODUCTS = 40, 1_000
TIMEOUT_SECONDS = 300
MOST_SECONDS = 0.8
"""A run is killed at most this long after it began a table: before the last one is done."""
RUN_COLUMNS = ("quarantined_at", "resolved_at", "run_id")
"""Columns of a quarantine that differ between runs that are the same."""
COMMITTED_POINTS = ("after_commit", "before_settling", "after_settling")
"""Points after which readers have the new version."""

BRONZE, SILVER, GOLD = "bronze.orders", "silver.orders", "gold.daily_product_sales"
MADE_POINTS = [point for point in kill_driver.POINTS if point != "in_salvage"]
REFUSING_POINTS = ("before_quarantine_commit", "before_settling", "after_settling")
CASES = [
    *([(point, BRONZE)] for point in kill_driver.POINTS),
    *([(point, SILVER)] for point in MADE_POINTS),
    *([(point, GOLD)] for point in MADE_POINTS if point not in REFUSING_POINTS),
    [("in_salvage", BRONZE), ("before_quarantine_commit", SILVER), ("moved_before_commit", SILVER)],
    [("before_settling", BRONZE), ("before_settling", SILVER), ("after_commit", GOLD)],
]
"""Where each run is killed; with more than one, the runs follow each other before one gets to the end."""
REDUCED_CASES = [[("in_salvage", BRONZE), ("moved_before_commit", SILVER), ("before_settling", SILVER)]]
MOMENTS = [[seed] for seed in range(20)] if IS_PROOF else [[0, 1, 2]]
SELECTION = "" if IS_PROOF else f"+{GOLD}"
"""The whole graph, or less of it where time is short."""

Versions = Mapping[str, list[list[str]]]


@dataclass(frozen=True)
class Story:
    """Two landings, the lake of the first, and what an undisturbed run of the second makes of it.

    Attributes:
        landing: the second landing.
        base: the lake of the first.
        whole: that lake after an undisturbed run of the second.
        order: the tables in the order in which that run began them.
    """

    landing: Path
    base: Path
    whole: Path
    order: tuple[str, ...]

    @cached_property
    def end(self) -> dict[str, list[str]]:
        """Rows of every table after the undisturbed run."""
        return read_all(self.whole, RUN_COLUMNS)

    @cached_property
    def versions(self) -> Versions:
        """What readers may see of each table: its rows before the run, and after each commit of it."""
        return {address: list(self._list_versions(address)) for address in iterate_tables(self.whole)}

    def _list_versions(self, address: str) -> Iterator[list[str]]:
        first, last = (_open(lake, address).version() for lake in (self.base, self.whole))
        for version in range(first, last + 1):
            rows = _open(self.whole, address, version).to_pyarrow_table()
            yield read_settled(rows, RUN_COLUMNS)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    for number in (1, 2):
        generate(USERS, number, folder / f"landing{number}", products=PRODUCTS)
        break_a_little(folder / f"landing{number}")
    base, whole = folder / "base", folder / "whole"
    assert run_graph(Settings(landing=folder / "landing1", lake=base), SELECTION or None).is_success
    shutil.copytree(base, whole)
    process = start(folder / "landing2", whole, folder)
    said, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 0, said
    order = tuple(line.split()[1] for line in said.splitlines() if line.startswith("running "))
    told = Story(folder / "landing2", base, whole, order)
    assert_worth_telling(told)
    return told


def break_a_little(landing: Path) -> None:
    """A malformed line and a refused row in each of the larger files, where nothing else depends on them."""
    orders = (landing / "orders.csv").read_text().splitlines()
    tests = [number for number, line in enumerate(orders) if ",test," in line]
    orders[tests[-1]] += ",more"
    fields = orders[tests[0]].split(",")
    orders[tests[0]] = ",".join([*fields[:5], "99", *fields[6:]])
    (landing / "orders.csv").write_text("\n".join([*orders, ""]))
    with (landing / "order_products__prior.csv").open("a") as file:
        file.write("99999999,1,1,0\n1,2\n")
    with (landing / "products.csv").open("a") as file:
        file.write('9999,Nowhere,9999,1\n8888,"Unquoted"x,1,1\n')


def assert_worth_telling(story: Story) -> None:
    """Old and new versions differ, and rows are refused, kept and resolved on the way."""
    assert len(set(story.versions)) >= len(story.end)
    same = {address for address, states in story.versions.items() if states[0] == states[-1]}
    assert not same.intersection({BRONZE, SILVER, GOLD})
    for address in ("quarantine.orders", "quarantine.orders__lines"):
        states = read_table(story.whole, address)["status"].to_pylist()
        assert {"open", "resolved"} == set(states)
        assert len(story.versions[address]) == 3, "kept, then settled"


def start(landing: Path, lake: Path, folder: Path, *point: str) -> "subprocess.Popen[str]":
    """The driver, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", kill_driver.__name__, str(landing), str(lake), SELECTION, *point],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def wait_for_table(process: "subprocess.Popen[str]", address: str) -> None:
    """Wait until a run has begun a table."""
    assert process.stdout is not None
    assert any(line.startswith(f"running {address} ") for line in process.stdout), address


def _open(lake: Path, address: str, version: int | None = None) -> DeltaTable:
    layer, name = address.split(".")
    return DeltaTable(lake / layer / name, version=version)


def look(story: Story, lake: Path) -> dict[str, str]:
    """Which version of each table readers see: all of the old or of the new one, with all of its files."""
    found: dict[str, str] = {}
    for address, states in story.versions.items():
        check_files(lake, address)
        rows = read_settled(read_table(lake, address), RUN_COLUMNS)
        assert rows in states, f"{address}: readers see what no undisturbed run has published"
        published = _open(lake, address).version() - _open(story.base, address).version()
        assert published or rows == states[0], f"{address}: the old version has changed"
        found[address] = (
            "same"
            if states[0] == states[-1]
            else {0: "old", len(states) - 1: "new"}.get(states.index(rows), "kept")
        )
    return found


def run_again(story: Story, lake: Path) -> None:
    """A run to the end, after which nothing tells of the kill."""
    run = run_graph(Settings(landing=story.landing, lake=lake), SELECTION or None)
    assert run.is_success, [table for table in run.tables if table.state != "published"]
    for address, rows in read_all(lake, RUN_COLUMNS).items():
        assert rows == story.end[address], f"{address}: not what an undisturbed run leaves"
        check_files(lake, address)


@pytest.fixture(scope="module")
def report() -> Iterator[dict[str, list[dict[str, Any]]]]:
    """What was found after each kill, written down when all are done."""
    found: dict[str, list[dict[str, Any]]] = {"points": [], "moments": []}
    yield found
    write_report("kills.json", {kind: entries for kind, entries in found.items() if entries})


def describe(found: Mapping[str, str], **at: Any) -> dict[str, Any]:
    counts = {state: list(found.values()).count(state) for state in ("old", "kept", "new", "same")}
    return {**at, "tables_found": counts, "re_run_equal": True}


@pytest.mark.parametrize("kills", CASES if IS_PROOF else REDUCED_CASES, ids=str)
def test_a_run_killed_at_a_point_leaves_whole_versions(
    story: Story, report: dict[str, list[dict[str, Any]]], tmp_path: Path, kills: list[tuple[str, str]]
) -> None:
    lake = tmp_path / "lake"
    shutil.copytree(story.base, lake)
    entries = []
    for point, address in kills:
        process = start(story.landing, lake, tmp_path, point, address)
        said, _ = process.communicate(timeout=TIMEOUT_SECONDS)
        assert process.returncode == -signal.SIGKILL, said
        found = look(story, lake)
        assert found[address] == ("new" if point in COMMITTED_POINTS else "old")
        entries.append(describe(found, point=point, table=address, left_over=list_left_over(lake)))
    run_again(story, lake)
    report["points"] += entries


@pytest.mark.parametrize("seeds", MOMENTS, ids=str)
def test_a_run_killed_at_any_moment_leaves_whole_versions(
    story: Story, report: dict[str, list[dict[str, Any]]], tmp_path: Path, seeds: list[int]
) -> None:
    lake = tmp_path / "lake"
    shutil.copytree(story.base, lake)
    entries = []
    for seed in seeds:
        chance = random.Random(seed)  # noqa: S311 - no secret
        address, delay = chance.choice(story.order), chance.uniform(0, MOST_SECONDS)
        process = start(story.landing, lake, tmp_path)
        wait_for_table(process, address)
        time.sleep(delay)
        process.kill()
        process.communicate(timeout=TIMEOUT_SECONDS)
        assert process.returncode == -signal.SIGKILL, "the run was over before its moment"
        found = look(story, lake)
        entries.append(describe(found, seed=seed, table=address, seconds=round(delay, 2)))
    run_again(story, lake)
    report["moments"] += entries


def list_left_over(lake: Path) -> list[str]:
    """Folders of files that no version of their table knows."""
    known = {
        str(Path(file).parent)
        for address in iterate_tables(lake)
        for version in range(_open(lake, address).version() + 1)
        for file in _open(lake, address, version).file_uris()
    }
    folders = {str(path.parent) for path in lake.glob("*/*/*/**/*.parquet")}
    return sorted(str(Path(folder).relative_to(lake)) for folder in folders - known)
