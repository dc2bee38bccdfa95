"""Builds a lake of a drop of landed files, clean or spoilt, and tells what readers of silver have by it.

Contains the way from files to tables without an orchestrator: the tables that a source reaches, in order of their
dependencies, none of them after one that was refused. What is expected of it, defects say.
"""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from pyspark.sql import SparkSession

from instacart_assets.contracts.quarantine import quarantine_address
from instacart_assets.graph import all_tables
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.landing.files import LandingError
from instacart_assets.settings import Settings
from instacart_assets.tables.build import build_table
from instacart_assets.tables.declare import Table
from instacart_assets.tables.result import BuildResult
from instacart_assets_tests.dirt.drop import KEYS, SOURCES, Drop, Key

Rows = dict[Key, dict[str, Any]]


@dataclass(frozen=True)
class Laboratory:
    """A landing folder and the lake that is built of it.

    Attributes:
        folder: holds both.
        session: the engine.
        drop: what the clean files hold.
    """

    folder: Path
    session: SparkSession
    drop: Drop

    @property
    def settings(self) -> Settings:
        return Settings(landing=self.folder / "landing", lake=self.folder / "lake")

    @property
    def lake(self) -> FolderLake:
        return FolderLake(self.settings.lake_folder, lambda: self.session)

    def copy_to(self, folder: Path, drop: Drop, sources: Iterable[str], clean_runs: int) -> "Laboratory":
        """The same lake elsewhere, after a number of runs with clean files, with other files landed.

        Each of the runs makes silver anew, as one with clean files that have not changed would publish nothing.
        """
        shutil.copytree(self.folder / "lake", folder / "lake")
        copy = Laboratory(folder, self.session, self.drop)
        for _ in range(clean_runs - 1):
            shutil.copytree(self.folder / "landing", folder / "landing", dirs_exist_ok=True)
            copy.build(sources, is_full=True)
        shutil.rmtree(folder / "landing", ignore_errors=True)
        drop.write(folder / "landing")
        return copy

    def build(self, sources: Iterable[str] = SOURCES, run_id: str = "run", *, is_full: bool = False) -> "Run":
        """Build the tables that the sources reach."""
        settings = self.settings.model_copy(update={"full": is_full})
        run = Run({}, {}, [])
        for table in order_tables(frozenset(sources)):
            if set(table.dependencies) & {*run.blocked, *run.errors, *run.skipped}:
                run.skipped.append(table.address)
                continue
            try:
                run.results[table.address] = build_table(table, self.lake, settings, run_id)
            except LandingError as error:
                run.errors[table.address] = str(error)
        return run

    def read_silver(self) -> dict[str, Rows]:
        """Rows of each silver table by their key, as readers have them."""
        return {
            table: {tuple(row[name] for name in key): row for row in self.read(table)}
            for table, key in KEYS.items()
        }

    def read(self, address: str) -> list[dict[str, Any]]:
        """Rows of a table; none where there is no such table."""
        folder = self.lake.locate(address)
        if not DeltaTable.is_deltatable(str(folder)):
            return []
        rows: list[dict[str, Any]] = DeltaTable(folder).to_pyarrow_table().to_pylist()
        return rows

    def read_refused(self, address: str) -> list[dict[str, Any]]:
        """What the quarantine of a table holds."""
        return self.read(quarantine_address(find_tables()[address].contract))


@dataclass(frozen=True)
class Run:
    """What became of the tables of one run.

    Attributes:
        results: of those that were built, by address.
        errors: what was said of those whose files were refused.
        skipped: those that were not built, as one before them was not published.
    """

    results: dict[str, BuildResult]
    errors: dict[str, str]
    skipped: list[str]

    @property
    def blocked(self) -> dict[str, set[str]]:
        """Names of the rules that kept each table from being published."""
        return {
            address: {outcome.rule.id for outcome in result.outcomes if outcome.blocks}
            for address, result in self.results.items()
            if result.version is None
        }

    @property
    def broken(self) -> dict[str, set[str]]:
        """Names of the rules that are not kept, by table."""
        found = {
            address: {outcome.rule.id for outcome in result.outcomes if not outcome.passed}
            for address, result in self.results.items()
        }
        return {address: rules for address, rules in found.items() if rules}

    def observe(self, address: str, rule: str) -> Mapping[str, Any]:
        """What was measured for a rule."""
        return next(one.observed for one in self.results[address].outcomes if one.rule.id == rule)


@cache
def find_tables() -> dict[str, Table]:
    """Bronze and silver tables by address, each after those it depends on."""
    tables = {table.address: table for table in all_tables() if table.contract.layer != "gold"}
    graph = {
        address: [name for name in table.dependencies if name in tables] for address, table in tables.items()
    }
    return {address: tables[address] for address in TopologicalSorter(graph).static_order()}


@cache
def order_tables(sources: frozenset[str]) -> tuple[Table, ...]:
    """The tables that some of the sources reach, each after those it depends on."""
    reached: dict[str, Table] = {}
    for address, table in find_tables().items():
        if address.removeprefix("bronze.") in sources or set(table.dependencies) & set(reached):
            reached[address] = table
    return tuple(reached.values())
