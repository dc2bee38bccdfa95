"""Whatever lands, and in whatever order, tables that follow it hold what tables made anew would hold."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.time_travel import restore_table
from instacart_assets.landing.withdrawn import withdraw_files
from instacart_assets.maintenance.keep import Keeper
from instacart_assets.settings import Settings
from instacart_assets.tables.result import BuildResult
from instacart_assets_tests.drops.follow import build_graph
from instacart_assets_tests.drops.shop import HAPPENINGS, Shop
from instacart_assets_tests.faults.proof import IS_PROOF, scale, write_report
from instacart_assets_tests.lake_reading import read_table, round_off

MOMENTS = {"_ingested_at", "quarantined_at", "resolved_at", "run_id"}
"""Columns that say when something happened."""

USERS = 40
DROPS = scale(1, 8)
SERIES = scale(1, 4)


class Follower:
    """A lake that is built after each drop, and beside it one that is made anew from the same bronze."""

    def __init__(self, folder: Path, spark: SparkSession) -> None:
        self._folder = folder
        self._spark = spark
        self.results: dict[str, BuildResult] = {}

    def follow(self, landing: Path) -> dict[str, BuildResult]:
        self.results = self._build("lake", landing, full=False)
        return self.results

    def make_anew(self, landing: Path) -> dict[str, BuildResult]:
        """Silver and gold made anew in a copy of the lake."""
        shutil.rmtree(self._folder / "anew", ignore_errors=True)
        shutil.copytree(self._folder / "lake", self._folder / "anew")
        return self._build("anew", landing, full=True)

    def _build(self, name: str, landing: Path, *, full: bool) -> dict[str, BuildResult]:
        settings = Settings(landing=landing, lake=self._folder / name, full=full)
        return build_graph(FolderLake(settings.lake_folder, lambda: self._spark), settings, name)

    def read(self, name: str, address: str) -> list[dict[str, Any]]:
        rows = read_table(self._folder / name, address).to_pylist()
        return sorted(
            ({key: round_off(value) for key, value in row.items() if key not in MOMENTS} for row in rows),
            key=repr,
        )

    def list_held(self, name: str) -> list[str]:
        held = (self._folder / name).glob("*/*/_delta_log")
        return sorted(f"{path.parent.parent.name}.{path.parent.name}" for path in held)


def explain(results: dict[str, BuildResult]) -> dict[str, Any]:
    """What is told of each table: rows, and what every rule saw, but for values of the table's own past."""
    return {
        address: (
            result.rows,
            result.version is None,
            {
                outcome.rule.id: outcome.passed
                for outcome in result.outcomes
                if outcome.rule.scope != "history"
            },
        )
        for address, result in results.items()
    }


def check_equal(follower: Follower, landing: Path, said: str) -> None:
    anew = follower.make_anew(landing)
    assert explain(follower.results) == explain(anew), said
    for address in follower.list_held("lake"):
        if not address.startswith("bronze."):
            assert follower.read("lake", address) == follower.read("anew", address), f"{address}: {said}"


def list_series() -> Iterator[Sequence[Sequence[str]] | None]:
    """Drops in which everything happens once, then series by chance."""
    names = list(HAPPENINGS)
    yield [names[:2], names[2:6], names[6:11], names[11:]] if IS_PROOF else [names[:6], names[6:]]
    yield from [None] * SERIES


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "series"), list(enumerate(list_series())))
def test_tables_that_follow_hold_what_tables_made_anew_hold(
    spark: SparkSession, tmp_path: Path, seed: int, series: Sequence[Sequence[str]] | None
) -> None:
    shop = Shop(tmp_path / "landing", USERS, seed + 7)
    follower = Follower(tmp_path, spark)
    follower.follow(shop.landing)
    told: list[str] = []
    parts = 0
    for drop in series if series is not None else (shop.choose() for _ in range(DROPS)):
        told.append(shop.happen(drop))
        results = follower.follow(shop.landing)
        parts += sum(result.notes["made"].startswith("the part that depends") for result in results.values())
        check_equal(follower, shop.landing, " → ".join(told))
    assert parts
    write_report("drops.json", {f"series {seed}": told})


@pytest.mark.slow
def test_what_was_withdrawn_restored_and_written_together_is_followed_alike(
    spark: SparkSession, tmp_path: Path
) -> None:
    shop = Shop(tmp_path / "landing", USERS, 3)
    follower = Follower(tmp_path, spark)
    follower.follow(shop.landing)
    told = shop.happen(["sell", "correct_order"])
    follower.follow(shop.landing)
    lake = FolderLake(tmp_path / "lake", lambda: spark)
    for address in ("silver.orders", "gold.daily_product_sales"):
        restore_table(lake, address, 0)
    corrected = "orders/drop-003.csv"
    withdraw_files(shop.landing, [corrected], {})
    care = Keeper(lake, Settings(lake=lake.root, compact_after=1, checkpoint_after=1), "care").keep()
    assert {"compact", "checkpoint"} <= {one.operation for one in care if one.state == "done"}
    told += f"; {corrected} withdrawn, tables restored and looked after; {shop.happen(['sell'])}"
    results = follower.follow(shop.landing)
    assert corrected not in {row["_source_file"] for row in follower.read("lake", "bronze.orders")}
    assert results["silver.orders"].is_news
    check_equal(follower, shop.landing, told)
