"""Whatever bytes are landed: they are refused, a table is blocked, or every record is accounted for."""

import hashlib
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from instacart_assets.contracts.model import Contract
from instacart_assets.definitions import all_tables
from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.lake import Lakehouse
from instacart_assets.settings import Settings
from instacart_assets.synthetic.generate import generate
from instacart_assets.tables.build import BuildResult, build_table
from instacart_assets.tables.declare import Table
from instacart_assets_tests.faults.accounts import (
    check_files,
    check_landed,
    check_made,
    check_published,
    explain,
    read_candidate,
    read_settled,
    read_version,
)
from instacart_assets_tests.faults.byte_edits import Edit, damage, edits
from instacart_assets_tests.faults.proof import write_report
from instacart_assets_tests.lake_reading import read_rows, read_table

USERS, PRODUCTS, SEED = 18, 1_000, 1
"""Small, and large enough for one row in a hundred to be refused without blocking its table."""

SOURCES = (
    "orders",
    "order_products__prior",
    "order_products__train",
    "products",
    "aisles",
    "departments",
    "promotions",
)


def sort_tables() -> Iterator[Table]:
    """Tables of bronze and silver, each after those it is made of or held against."""
    waiting = [table for table in all_tables() if table.contract.layer != "gold"]
    done: set[str] = set()
    while waiting:
        ready = next(
            table for table in waiting if table.contract.landed_columns or done.issuperset(table.dependencies)
        )
        waiting.remove(ready)
        done.add(ready.address)
        yield ready


TABLES = tuple(sort_tables())
BY_ADDRESS = {table.address: table for table in TABLES}


@dataclass
class Tally:
    """What became of all cases so far."""

    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    blocking: Counter[str] = field(default_factory=Counter)
    built: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Clean:
    """A lake of undamaged files, which every case starts from a copy of."""

    landing: Path
    lake: Path
    spark: SparkSession
    tally: Tally


@pytest.fixture(scope="module")
def clean(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clean]:
    folder = tmp_path_factory.mktemp("clean")
    generate(USERS, SEED, folder / "landing", products=PRODUCTS)
    lake = Lakehouse(folder / "lake", lambda: spark)
    for table in TABLES:
        result = build_table(table, lake, Settings(landing=folder / "landing", lake=folder / "lake"), "clean")
        assert result.version == 0
        assert not result.candidate.refused
    made = Clean(folder / "landing", folder / "lake", spark, Tally())
    started = time.perf_counter()
    yield made
    write_report(
        "fuzz.json",
        {
            "bytes": {
                "cases": made.tally.cases,
                "outcomes": made.tally.outcomes,
                "sources": made.tally.sources,
                "blocking_rules": made.tally.blocking,
                "tables_built": made.tally.built,
                "rows": made.tally.rows,
                "seconds": round(time.perf_counter() - started, 1),
            }
        },
    )


@pytest.mark.slow
@given(
    source=st.sampled_from(SOURCES),
    donor=st.sampled_from(SOURCES),
    damages=st.lists(edits(), min_size=1, max_size=3),
)
@settings(print_blob=True)
def test_damaged_bytes_are_refused_or_accounted_for(
    clean: Clean, source: str, donor: str, damages: Sequence[Edit]
) -> None:
    content = damage(
        (clean.landing / f"{source}.csv").read_bytes(), damages, (clean.landing / f"{donor}.csv").read_bytes()
    )
    with TemporaryDirectory(prefix="damaged-") as folder:
        case = Case(clean, source, content, Path(folder))
        outcome = case.run()
    clean.tally.cases += 1
    clean.tally.outcomes[outcome] += 1
    clean.tally.sources[source] += 1


class Case:
    """One damaged file on its way to silver, on a lake of its own."""

    def __init__(self, clean: Clean, source: str, content: bytes, folder: Path) -> None:
        self.clean = clean
        self.source = source
        self.content = content
        self.fingerprint = hashlib.sha256(content).hexdigest()
        self.landing, self.root = folder / "landing", folder / "lake"
        shutil.copytree(clean.landing, self.landing)
        shutil.copytree(clean.lake, self.root)
        (self.landing / f"{source}.csv").write_bytes(content)
        self.settings = Settings(landing=self.landing, lake=self.root)
        self.lake = Lakehouse(self.root, lambda: clean.spark)
        self.changed: set[str] = set()
        self.stopped: set[str] = set()

    def run(self) -> str:
        """Build what the file goes into, and say how it ended."""
        for table in self.list_tables():
            if self.stopped.intersection(table.dependencies):
                self.stopped.add(table.address)
                self.check_unchanged(table)
            elif table.contract.name == self.source and table.contract.landed_columns:
                if not self.build(table):
                    return "file refused"
            elif self.changed.intersection(table.dependencies):
                assert self.build(table), f"{table.address} cannot be built"
        return "blocked" if self.stopped else "published"

    def list_tables(self) -> list[Table]:
        return [
            table
            for table in TABLES
            if table.contract.layer != "bronze" or table.contract.name == self.source
        ]

    def build(self, table: Table) -> bool:
        """Build a table and look at it; False where its file was refused as a whole."""
        try:
            result = build_table(table, self.lake, self.settings, "damaged")
        except RemediableError as error:
            explain(str(error))
            self.check_unchanged(table)
            return False
        self.clean.tally.built[table.address] += 1
        if result.version is None:
            self.stopped.add(table.address)
            self.check_blocked(table, result)
        else:
            assert not any(outcome.blocks for outcome in result.outcomes)
            self.check_content(table.contract, read_rows(self.root, table.address))
            check_files(self.root, table.address)
            if table.contract.layer == "bronze" or self.is_changed(table):
                self.changed.add(table.address)
        return True

    def is_changed(self, table: Table) -> bool:
        before, now = (read_table(root, table.address) for root in (self.clean.lake, self.root))
        return read_settled(before) != read_settled(now)

    def check_blocked(self, table: Table, result: BuildResult) -> None:
        blocking = [outcome.rule.id for outcome in result.outcomes if outcome.blocks]
        assert blocking
        self.clean.tally.blocking.update(f"{table.address} {rule}" for rule in blocking)
        self.check_unchanged(table)
        self.check_content(table.contract, read_candidate(result.candidate.path), is_published=False)

    def check_unchanged(self, table: Table) -> None:
        assert read_version(self.root, table.address) == 0
        check_files(self.root, table.address)

    def check_content(
        self, contract: Contract, rows: Sequence[dict[str, object]], *, is_published: bool = True
    ) -> None:
        if contract.landed_columns:
            self.clean.tally.rows["lines isolated"] += check_landed(
                contract, self.content, self.fingerprint, rows, self.root
            )
        else:
            refused, stood_for = check_made(contract, rows, self.root)
            self.clean.tally.rows["rows refused"] += refused
            self.clean.tally.rows["rows that another stands for"] += stood_for
        if is_published:
            check_published(contract, rows)
