"""The peers of the benchmarks make the same tables as the project: otherwise their times say nothing."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from benchmarks.bench import CORE
from instacart_assets.runs import run_graph
from instacart_assets.settings import Settings
from instacart_assets.synthetic.generate import generate
from instacart_assets_tests.lake_reading import read_sorted, round_off
from instacart_assets_tests.project_tree import ROOT

USERS, SEED = 300, 2026
RETAINED = 10
PEERS = ("duckdb", "polars")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a small shop that has something to find, the lines of one source in two files."""
    folder = tmp_path_factory.mktemp("peers") / "landing"
    generate(USERS, SEED, folder)
    _add_habits(folder)
    _split_lines(folder)
    return folder


def _add_habits(landing: Path) -> None:
    """Every third customer always buys two products together, and most who stay began with a third one."""
    orders = [line.split(",") for line in _read_lines(landing / "orders.csv")[1:]]
    placed = Counter(user for _, user, *_ in orders)
    user_of = {order: user for order, user, *_ in orders}
    firsts = {order for order, _, _, number, *_ in orders if number == "1"}
    prior, train = (_read_lines(landing / f"order_products__{part}.csv") for part in ("prior", "train"))
    sold = {line.split(",")[1] for line in (*prior, *train)}
    products = [line.split(",")[0] for line in _read_lines(landing / "products.csv")[1:]]
    # Nobody buys them yet, so the first line of each is all that is not reordered.
    one, other, start = [product for product in products if product not in sold][:3]
    for order, size in Counter(line.split(",")[0] for line in prior[1:]).items():
        user = user_of[order]
        stays = order in firsts and placed[user] >= RETAINED and int(user) % 4
        habits = [*((one, other) if int(user) % 3 == 0 else ()), *((start,) if stays else ())]
        prior += [
            f"{order},{product},{place},{int(order not in firsts)}"
            for place, product in enumerate(habits, start=size + 1)
        ]
    (landing / "order_products__prior.csv").write_text("\n".join([*prior, ""]), encoding="utf-8")


def _split_lines(landing: Path) -> None:
    """Half of the train lines in a file of their own, which names its columns in another order."""
    file, folder = landing / "order_products__train.csv", landing / "order_products__train"
    header, *lines = _read_lines(file)
    half = len(lines) // 2
    file.write_text("\n".join([header, *lines[:half], ""]))
    turned = [",".join(reversed(line.split(","))) for line in (header, *lines[half:])]
    folder.mkdir()
    (folder / "more.csv").write_text("\n".join([*turned, ""]))


def _read_lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def lake(landing: Path) -> Path:
    """The project's own tables."""
    settings = Settings(landing=landing, lake=landing.parent / "lake")
    assert run_graph(settings, " or ".join(CORE)).is_success
    return settings.lake_folder


@pytest.fixture(scope="module")
def peers(landing: Path) -> Mapping[str, Path]:
    """The lakes of the peers, by their names, as the command line makes them."""
    lakes = {name: landing.parent / name for name in PEERS}
    for name, folder in lakes.items():
        command = [sys.executable, f"benchmarks/{name}_tables.py", str(landing), str(folder)]
        told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        assert sorted(json.loads(told)) == sorted(CORE), name
    return lakes


def test_there_is_something_to_find(lake: Path) -> None:
    assert "together" in read_sorted(lake, "gold.product_affinity")["affinity"].to_pylist()
    signals = read_sorted(lake, "gold.product_repeat_purchase")["is_retention_signal"].to_pylist()
    assert {True, False, None} <= {*signals}


@pytest.mark.parametrize("address", CORE)
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
    kinds = {column.path: _describe_kind(column) for column in map(written.column, range(len(written.names)))}
    return [(field.name, f"{field.type}: {kinds[field.name]}") for field in table.schema().fields]


def _describe_kind(column: pq.ColumnSchema) -> str:
    # A plain integer may say so once more, or not.
    is_plain = column.logical_type.type in {"INT", "NONE"}
    return str(column.physical_type if is_plain else f"{column.physical_type} {column.logical_type}")


def _find_strange(theirs: pa.ChunkedArray, ours: pa.ChunkedArray) -> list[tuple[int, object, object]]:
    """Place and both values of each row in which they differ, fractions in more than their last digits."""
    if theirs.equals(ours):
        return []
    pairs = enumerate(zip(theirs.to_pylist(), ours.to_pylist(), strict=True))
    return [(row, a, b) for row, (a, b) in pairs if round_off(a) != round_off(b)]
