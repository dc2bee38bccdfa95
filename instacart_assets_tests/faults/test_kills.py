"""A run that is killed leaves readers whole versions, and the next run leaves what no kill would have left."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from instacart_assets.lakehouse.folder_care import list_commits
from instacart_assets.lakehouse.lake import CHANGED
from instacart_assets.runs import run_graph
from instacart_assets.settings import Settings
from instacart_assets.synthetic.generate import generate
from instacart_assets_tests.drops.shop import Shop
from instacart_assets_tests.faults import kill_driver
from instacart_assets_tests.faults.accounts import check_files, iterate_tables, read_all, read_settled
from instacart_assets_tests.faults.proof import IS_PROOF, write_report
from instacart_assets_tests.lake_reading import Rows, read_rows, read_table

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
USERS, PRODUCTS, SEED = 60, 1_000, 3
TIMEOUT_SECONDS = 300
SECONDS_BETWEEN_LOOKS = 1
MOST_SECONDS = 0.8
"""A run is killed at most this long after it began a table: before the last one is done."""
RUN_COLUMNS = ("quarantined_at", "resolved_at", "run_id")
"""Columns of a quarantine that differ between runs that are the same."""
COMMITTED_POINTS = ("after_commit", "before_settling", "after_settling")
"""Points after which readers have the new version."""
IN_PART = "the part that depends"
"""How a table says that it was made in part."""

BRONZE, SILVER, GOLD = "bronze.orders", "silver.orders", "gold.daily_product_sales"
REPLACED, HISTORY = "bronze.products", "silver.product_history"
AROUND = f"+{GOLD} or +{HISTORY}"
"""The tables that runs are killed in at a point, with what they are made of: enough to see each point."""
WHOLE_GRAPH = ""

APPENDED_POINTS = [point for point in kill_driver.POINTS if point != "before_merge"]
MERGED_POINTS = [point for point in kill_driver.POINTS if point not in {"in_salvage", "moved_before_append"}]
PLAIN_POINTS = (
    "before_compare",
    "before_merge",
    "after_changes_are_kept",
    "moved_before_commit",
    "after_commit",
)
WHOLE_POINTS = ("before_staging", "before_quarantine_commit", "moved_before_commit", "before_settling")
CASES = [
    *(("a drop", [(point, BRONZE)]) for point in APPENDED_POINTS),
    *(("a drop", [(point, REPLACED)]) for point in ("before_merge", "after_commit", "before_settling")),
    *(("a drop", [(point, SILVER)]) for point in MERGED_POINTS),
    *(("a drop", [(point, GOLD)]) for point in PLAIN_POINTS),
    *(("a drop", [(point, HISTORY)]) for point in ("after_compare", "moved_before_commit", "after_commit")),
    ("a drop", [("in_salvage", BRONZE), ("before_quarantine_commit", SILVER), ("before_merge", SILVER)]),
    ("a drop", [("before_settling", BRONZE), ("before_settling", SILVER), ("after_commit", GOLD)]),
    *(("other files", [(point, BRONZE)]) for point in ("in_salvage", *WHOLE_POINTS)),
    *(("other files", [(point, SILVER)]) for point in WHOLE_POINTS),
    ("other files", [("moved_before_commit", SILVER), ("before_settling", SILVER), ("after_commit", GOLD)]),
]
"""What lands, and where each run is killed; with more than one, the runs follow each other before one gets to the
end."""
REDUCED_CASES = [("a drop", [("before_merge", SILVER), ("before_settling", SILVER)])]
MOMENTS = [[seed] for seed in range(20)] if IS_PROOF else [[0]]

Versions = Mapping[str, list[Rows]]
File = tuple[str, str]


@dataclass(frozen=True)
class Story:
    """A landing folder to which something came, the lake as it was before, and what an undisturbed run makes of it.

    Attributes:
        selection: the tables that are run; all of them where it is empty.
        landing: the landing folder, to which something came.
        base: the lake as it was before.
        whole: that lake after an undisturbed run.
        order: the tables in the order in which that run began them.
        made: what of each table that run made, and why.
    """

    selection: str
    landing: Path
    base: Path
    whole: Path
    order: tuple[str, ...]
    made: Mapping[str, str]

    @cached_property
    def end(self) -> dict[str, Rows]:
        """Rows of every table after the undisturbed run."""
        return read_all(self.whole, RUN_COLUMNS)

    @cached_property
    def versions(self) -> Versions:
        """What readers may see of each table: its rows before the run, and after each commit of it."""
        return {address: list(self._list_versions(address)) for address in iterate_tables(self.whole)}

    def _list_versions(self, address: str) -> Iterator[Rows]:
        first, last = (_open(lake, address).version() for lake in (self.base, self.whole))
        for version in range(first, last + 1):
            rows = _open(self.whole, address, version).to_pyarrow_table()
            yield read_settled(rows, RUN_COLUMNS)


@pytest.fixture(scope="module")
def tell(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Story]:
    """Gives the story of what lands for some tables, which is made once."""
    return cache(lambda what, selection: make_story(what, selection, tmp_path_factory.mktemp("story")))


def make_story(what: str, selection: str, folder: Path) -> Story:
    landing, base, whole = (folder / name for name in ("landing", "base", "whole"))
    shop = Shop(landing, USERS, SEED)
    break_a_little(landing)
    assert run_graph(Settings(landing=landing, lake=base), selection or None).is_success
    LANDS[what](shop)
    shutil.copytree(base, whole)
    process = start(selection, landing, whole, folder)
    said, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 0, said
    lines = [line.split(maxsplit=2) for line in said.splitlines()]
    order = tuple(words[1] for words in lines if words[0] == "running")
    made = {words[1]: words[2] for words in lines if words[0] == "made"}
    told = Story(selection, landing, base, whole, order, made)
    assert_worth_telling(told, is_drop=what == "a drop")
    return told


def break_a_little(landing: Path) -> None:
    """A malformed line and a refused row in each of the larger files, where nothing else depends on them."""
    orders = (landing / "orders.csv").read_text().splitlines()
    tests = [number for number, line in enumerate(orders) if ",test," in line]
    orders[tests[-1]] += ",more"
    orders[tests[0]] = _at_hour(orders[tests[0]], "99")
    (landing / "orders.csv").write_text("\n".join([*orders, ""]))
    with (landing / "order_products__prior.csv").open("a") as file:
        file.write("99999999,1,1,0\n1,2\n")
    with (landing / "products.csv").open("a") as file:
        file.write('9999,Nowhere,9999,1\n8888,"Unquoted"x,1,1\n')


def land_drop(shop: Shop) -> None:
    """New orders and a corrected one, a refused one mended and one spoilt, a malformed line, a renamed product."""
    tests = [line for line in (shop.landing / "orders.csv").read_text().splitlines() if ",test," in line]
    shop.sell()
    with (shop.landing / "orders" / "drop-000.csv").open("a") as file:
        file.write("\n".join([_at_hour(tests[0], "08"), _at_hour(tests[1], "99"), "1,2", ""]))
    shop.correct_order()
    shop.rename_product()


def land_other_files(shop: Shop) -> None:
    """Every file with another content under its name."""
    generate(USERS, SEED + 1, shop.landing, products=PRODUCTS)
    break_a_little(shop.landing)


LANDS: Mapping[str, Callable[[Shop], None]] = {"a drop": land_drop, "other files": land_other_files}


def _at_hour(order: str, hour: str) -> str:
    fields = order.split(",")
    return ",".join([*fields[:5], hour, *fields[6:]])


def assert_worth_telling(story: Story, *, is_drop: bool) -> None:
    """Old and new versions differ, and rows are refused, kept and resolved on the way; a drop is taken in in part."""
    assert len(set(story.versions)) >= len(story.end)
    same = {address for address, states in story.versions.items() if states[0] == states[-1]}
    assert not same.intersection({BRONZE, SILVER, GOLD, REPLACED, HISTORY})
    assert {"open", "resolved"} == set(read_table(story.whole, "quarantine.orders")["status"].to_pylist())
    assert len(story.versions["quarantine.orders"]) == 3, "kept, then settled"
    if is_drop:
        assert story.made[BRONZE] == "landed: orders/drop-000.csv, orders/drop-003.csv"
        assert story.made[REPLACED] == "replaced: products.csv"
        assert story.made["bronze.aisles"] == "nothing has changed"
        assert story.made[SILVER].startswith(IN_PART)
        assert story.made[GOLD].startswith(IN_PART)


def start(selection: str, landing: Path, lake: Path, folder: Path, *point: str) -> "subprocess.Popen[str]":
    """The driver, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", kill_driver.__name__, str(landing), str(lake), selection, *point],
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


def look_on(story: Story, lake: Path, process: "subprocess.Popen[str]") -> str:
    """See what readers see, again and again, until a run is over; what the run said."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        try:
            return process.communicate(timeout=SECONDS_BETWEEN_LOOKS)[0]
        except subprocess.TimeoutExpired:
            look(story, lake)
    process.kill()
    raise AssertionError(f"the run has not ended within {TIMEOUT_SECONDS} s")


def run_again(story: Story, lake: Path) -> None:
    """A run to the end, after which nothing tells of the kill; and one more, which finds nothing to do."""
    run = run_graph(Settings(landing=story.landing, lake=lake), story.selection or None)
    assert run.is_success, [table for table in run.tables if table.state != "published"]
    check_end(story, lake)
    assert run_graph(Settings(landing=story.landing, lake=lake), story.selection or None).is_success
    check_end(story, lake)


def check_end(story: Story, lake: Path) -> None:
    """Rows are those that an undisturbed run leaves, each was published once, and each file was taken in once."""
    for address, rows in read_all(lake, RUN_COLUMNS).items():
        assert rows == story.end[address], f"{address}: not what an undisturbed run leaves"
        assert _open(lake, address).version() == _open(story.whole, address).version(), address
        check_files(lake, address)
        if address.startswith("bronze."):
            check_moments(read_moments(story.base, address), read_moments(lake, address))


def check_moments(before: Mapping[File, set[datetime]], after: Mapping[File, set[datetime]]) -> None:
    """Each file was ingested at one moment, and one that was there before has kept its own."""
    assert all(len(moments) == 1 for moments in after.values())
    for file in before.keys() & after.keys():
        assert after[file] == before[file], file


def read_moments(lake: Path, address: str) -> dict[File, set[datetime]]:
    """When the rows of each file of a bronze table were ingested, by name and fingerprint."""
    found: dict[File, set[datetime]] = {}
    for row in read_rows(lake, address):
        file = (row["_source_file"], row["_source_fingerprint"])
        found.setdefault(file, set()).add(row["_ingested_at"])
    return found


@pytest.fixture(scope="module")
def report() -> Iterator[dict[str, list[dict[str, Any]]]]:
    """What was found after each kill, written down when all are done."""
    found: dict[str, list[dict[str, Any]]] = {"points": [], "moments": []}
    yield found
    write_report("kills.json", {kind: entries for kind, entries in found.items() if entries})


def describe(found: Mapping[str, str], **at: Any) -> dict[str, Any]:
    counts = {state: list(found.values()).count(state) for state in ("old", "kept", "new", "same")}
    return {**at, "tables_found": counts, "re_run_equal": True}


@pytest.mark.parametrize(("what", "kills"), CASES if IS_PROOF else REDUCED_CASES, ids=str)
def test_a_run_killed_at_a_point_leaves_whole_versions(
    tell: Callable[[str, str], Story],
    report: dict[str, list[dict[str, Any]]],
    tmp_path: Path,
    what: str,
    kills: list[tuple[str, str]],
) -> None:
    story, lake = tell(what, AROUND), tmp_path / "lake"
    shutil.copytree(story.base, lake)
    entries = []
    for point, address in kills:
        process = start(story.selection, story.landing, lake, tmp_path, point, address)
        said = look_on(story, lake, process)
        assert process.returncode == -signal.SIGKILL, said
        found = look(story, lake)
        assert found[address] == ("new" if point in COMMITTED_POINTS else "old")
        entries.append(describe(found, what=what, point=point, table=address, left_over=list_left_over(lake)))
    run_again(story, lake)
    report["points"] += entries


@pytest.mark.parametrize("seeds", MOMENTS, ids=str)
def test_a_run_killed_at_any_moment_leaves_whole_versions(
    tell: Callable[[str, str], Story],
    report: dict[str, list[dict[str, Any]]],
    tmp_path: Path,
    seeds: list[int],
) -> None:
    story, lake = tell("a drop", WHOLE_GRAPH if IS_PROOF else AROUND), tmp_path / "lake"
    shutil.copytree(story.base, lake)
    entries = []
    for seed in seeds:
        chance = random.Random(seed)  # noqa: S311 - no secret
        address, delay = chance.choice(story.order), chance.uniform(0, MOST_SECONDS)
        process = start(story.selection, story.landing, lake, tmp_path)
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
    """Folders of files that no version of their table knows, neither as its rows nor as its changes."""
    known = {
        str(Path(file).parent)
        for address in iterate_tables(lake)
        for version in range(_open(lake, address).version() + 1)
        for file in _open(lake, address, version).file_uris()
    } | {str(folder) for address in iterate_tables(lake) for folder in _list_changes(lake, address)}
    folders = {str(path.parent) for path in lake.glob("*/*/*/**/*.parquet")}
    return sorted(str(Path(folder).relative_to(lake)) for folder in folders - known)


def _list_changes(lake: Path, address: str) -> Iterator[Path]:
    """Folders in which versions of a table keep what they added and removed."""
    layer, name = address.split(".")
    for commit in list_commits(_open(lake, address), most=None):
        yield from (lake / layer / name / folder for folder in json.loads(commit.notes.get(CHANGED, "[]")))
