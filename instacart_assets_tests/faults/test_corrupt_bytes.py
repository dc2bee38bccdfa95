"""Whatever bytes are landed: they are refused, a table is blocked, or every record is accounted for."""

import hashlib
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from instacart_assets.contracts.model import Contract
from instacart_assets.errors import RemediableError
from instacart_assets.graph import all_tables
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.sessions import open_session
from instacart_assets.settings import Settings
from instacart_assets.synthetic.generate import generate
from instacart_assets.tables.build import build_table
from instacart_assets.tables.declare import Table
from instacart_assets.tables.result import BuildResult
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
from instacart_assets_tests.faults.proof import scale, write_report
from instacart_assets_tests.lake_reading import read_rows, read_table

USERS, PRODUCTS, SEED = 18, 1_000, 1
"""Small, and large enough for one row in a hundred to be refused without blocking its table."""

CASES_PER_PROCESS = 100

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
    """What became of cases so far."""

    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    blocking_rules: Counter[str] = field(default_factory=Counter)
    tables_built: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Count another's cases along."""
        self.cases += other.cases
        for name in ("outcomes", "sources", "blocking_rules", "tables_built", "rows"):
            getattr(self, name).update(getattr(other, name))


@dataclass(frozen=True)
class Clean:
    """Undamaged files and the lake made of them, which every case starts from a copy of.

    Attributes:
        landing: the files.
        lake: the lake.
        worker: runs the cases, one after the other, in a process that is replaced from time to time: the
            engine keeps memory of every build until its process ends.
        tally: what became of all cases.
    """

    landing: Path
    lake: Path
    worker: ProcessPoolExecutor
    tally: Tally


@pytest.fixture(scope="module")
def clean(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clean]:
    folder = tmp_path_factory.mktemp("clean")
    generate(USERS, SEED, folder / "landing", products=PRODUCTS)
    lake = FolderLake(folder / "lake", lambda: spark)
    for table in TABLES:
        result = build_table(table, lake, Settings(landing=folder / "landing", lake=folder / "lake"), "clean")
        assert result.version == 0
        assert "refused" not in result.notes
    tally = Tally()
    started = time.perf_counter()
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=CASES_PER_PROCESS) as worker:
        yield Clean(folder / "landing", folder / "lake", worker, tally)
    seconds = round(time.perf_counter() - started, 1)
    write_report("fuzz.json", {"bytes": {**vars(tally), "seconds": seconds}})


@pytest.mark.slow
@given(
    source=st.sampled_from(SOURCES),
    donor=st.sampled_from(SOURCES),
    damages=st.lists(edits(), min_size=1, max_size=3),
)
@settings(print_blob=True, max_examples=scale(20, 1_000))
def test_damaged_bytes_are_refused_or_accounted_for(
    clean: Clean, source: str, donor: str, damages: Sequence[Edit]
) -> None:
    content = damage(
        (clean.landing / f"{source}.csv").read_bytes(),
        damages,
        (clean.landing / f"{donor}.csv").read_bytes(),
    )
    clean.tally.add(clean.worker.submit(run_case, clean.landing, clean.lake, source, content).result())


def run_case(landing: Path, lake: Path, source: str, content: bytes) -> Tally:
    """Build what a damaged file goes into, and look at all of it."""
    with TemporaryDirectory(prefix="damaged-") as folder:
        return Case(landing, lake, source, content, Path(folder)).run()


@cache
def keep_session() -> SparkSession:
    """The session of this process."""
    return open_session()


class Case:
    """One damaged file on its way to silver, on a lake of its own."""

    def __init__(self, landing: Path, lake: Path, source: str, content: bytes, folder: Path) -> None:
        self.clean_lake = lake
        self.source = source
        self.content = content
        self.fingerprint = hashlib.sha256(content).hexdigest()
        self.root = folder / "lake"
        shutil.copytree(landing, folder / "landing")
        shutil.copytree(lake, self.root)
        (folder / "landing" / f"{source}.csv").write_bytes(content)
        self.settings = Settings(landing=folder / "landing", lake=self.root)
        self.lake = FolderLake(self.root, keep_session)
        self.changed: set[str] = set()
        self.stopped: set[str] = set()
        self.tally = Tally(cases=1)

    def run(self) -> Tally:
        """Build what the file goes into, and count how it ended."""
        self.tally.outcomes[self.build_all()] += 1
        self.tally.sources[self.source] += 1
        return self.tally

    def build_all(self) -> str:
        """Build table by table; how it ended."""
        for table in self.list_tables():
            if self.stopped.intersection(table.dependencies):
                self.stopped.add(table.address)
                self.check_unchanged(table)
            elif table.contract.landed_columns:
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
        self.tally.tables_built[table.address] += 1
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
        before, now = (read_table(root, table.address) for root in (self.clean_lake, self.root))
        return read_settled(before) != read_settled(now)

    def check_blocked(self, table: Table, result: BuildResult) -> None:
        blocking = [outcome.rule.id for outcome in result.outcomes if outcome.blocks]
        assert blocking
        self.tally.blocking_rules.update(f"{table.address} {rule}" for rule in blocking)
        self.check_unchanged(table)
        assert result.candidate is not None
        is_part = result.notes["made"].startswith("the part that depends")
        published = read_rows(self.root, table.address) if is_part else None
        rows = read_candidate(result.candidate, published)
        self.check_content(table.contract, rows, is_published=False)

    def check_unchanged(self, table: Table) -> None:
        assert read_version(self.root, table.address) == 0
        check_files(self.root, table.address)

    def check_content(
        self, contract: Contract, rows: Sequence[dict[str, object]], *, is_published: bool = True
    ) -> None:
        if contract.landed_columns:
            self.tally.rows["lines isolated"] += check_landed(
                contract, self.content, self.fingerprint, rows, self.root
            )
        elif contract.refuses_rows:
            refused, stood_for = check_made(contract, rows, self.root)
            self.tally.rows["rows refused"] += refused
            self.tally.rows["rows that another stands for"] += stood_for
        if is_published:
            check_published(contract, rows)
