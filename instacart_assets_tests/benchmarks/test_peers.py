"""The peers of the benchmarks make the same tables as the project: otherwise their times say nothing."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from instacart_assets.runs import run_graph
from instacart_assets.settings import Settings
from instacart_assets.synthetic.generate import generate
from instacart_assets_tests.lake_reading import read_sorted, round_off
from instacart_assets_tests.project_tree import ROOT

USERS, SEED = 300, 2026
PEERS = ("duckdb", "polars")
BRONZE = (
    "aisles",
    "departments",
    "order_products__prior",
    "order_products__train",
    "orders",
    "products",
    "promotions",
)
SILVER = ("aisles", "departments", "order_items", "orders", "product_history", "products", "promotions")
GOLD = (
    "daily_product_sales",
    "department_daily_sales",
    "department_hourly_profile",
    "dim_date",
    "dim_product",
    "order_retention",
    "product_affinity",
    "product_repeat_purchase",
)
TABLES = tuple(
    f"{layer}.{name}"
    for layer, names in {"bronze": BRONZE, "silver": SILVER, "gold": GOLD}.items()
    for name in names
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a small shop; the lines of one source come in two files, of which one names its columns in another order."""
    folder = tmp_path_factory.mktemp("peers") / "landing"
    generate(USERS, SEED, folder)
    header, *lines = (folder / "order_products__train.csv").read_text().splitlines()
    half = len(lines) // 2
    (folder / "order_products__train.csv").write_text("\n".join([header, *lines[:half], ""]))
    turned = [",".join(reversed(line.split(","))) for line in (header, *lines[half:])]
    (folder / "order_products__train").mkdir()
    (folder / "order_products__train" / "more.csv").write_text("\n".join([*turned, ""]))
    return folder


@pytest.fixture(scope="module")
def lake(landing: Path) -> Path:
    """The project's own tables."""
    settings = Settings(landing=landing, lake=landing.parent / "lake")
    assert run_graph(settings, " or ".join(TABLES)).is_success
    return settings.lake_folder


@pytest.fixture(scope="module")
def peers(landing: Path) -> Mapping[str, Path]:
    """The lakes of the peers, by their names, as the command line makes them."""
    lakes = {name: landing.parent / name for name in PEERS}
    for name, folder in lakes.items():
        command = [sys.executable, f"benchmarks/{name}_tables.py", str(landing), str(folder)]
        told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        assert sorted(json.loads(told)) == sorted(TABLES), name
    return lakes


@pytest.mark.parametrize("address", TABLES)
@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_makes_the_table_of_the_project(
    lake: Path, peers: Mapping[str, Path], peer: str, address: str
) -> None:
    assert _describe(peers[peer], address) == _describe(lake, address)
    theirs, ours = read_sorted(peers[peer], address), read_sorted(lake, address)
    assert len(theirs) == len(ours)
    assert len(ours) > 0
    strange = {name: _find_strange(theirs[name], ours[name]) for name in ours.column_names}
    assert not {name: rows[:3] for name, rows in strange.items() if rows}


def _describe(lake: Path, address: str) -> list[tuple[str, str]]:
    """Name and type of each column, by the table and by its files."""
    table = DeltaTable(lake / address.replace(".", "/"))
    written = pq.read_metadata(table.file_uris()[0]).schema
    columns = {column.path: column for column in map(written.column, range(len(written.names)))}
    return [
        (field.name, f"{field.type}: {columns[field.name].physical_type}, {columns[field.name].logical_type}")
        for field in table.schema().fields
    ]


def _find_strange(theirs: pa.ChunkedArray, ours: pa.ChunkedArray) -> list[tuple[int, object, object]]:
    """Place and both values of each row in which they differ, fractions in more than their last digits."""
    if theirs.equals(ours):
        return []
    pairs = enumerate(zip(theirs.to_pylist(), ours.to_pylist(), strict=True))
    return [(row, a, b) for row, (a, b) in pairs if round_off(a) != round_off(b)]
