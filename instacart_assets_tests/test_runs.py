"""Selections, and what a run tells of its tables."""

from pathlib import Path

import dagster as dg
import pytest

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.definitions import build_defs
from instacart_assets.landing.files import LandingError
from instacart_assets.runs import SelectionError, TableRun, run_graph, select_tables
from instacart_assets.settings import Settings
from instacart_assets.tables.assets import table_address

SMALL_FILES = {
    "departments.csv": "department_id,department\n1,produce\n",
    "aisles.csv": "aisle_id,aisle\n1,fruit\n",
    "products.csv": "product_id,product_name,aisle_id,department_id\n1,Bananas,1,1\n",
}
SILVER = ["silver.aisles", "silver.departments", "silver.products"]


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return build_defs()


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    (tmp_path / "landing").mkdir()
    for name, text in SMALL_FILES.items():
        (tmp_path / "landing" / name).write_text(text)
    return Settings(landing=tmp_path / "landing", lake=tmp_path / "lake")


def select(defs: dg.Definitions, selection: str | None) -> list[str]:
    return [table_address(key) for key in select_tables(defs, selection)]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("silver.aisles", ["silver.aisles"]),
        ("quarantine.aisles", ["silver.aisles"]),  # made in the same step
        ("+silver.aisles", ["bronze.aisles", "silver.aisles"]),
        ('key:"silver/aisles" or silver.departments', ["silver.aisles", "silver.departments"]),
        ("group:bronze and not bronze.orders", None),
    ],
)
def test_tables_are_selected_by_address_and_by_dagsters_syntax(
    defs: dg.Definitions, selection: str, expected: list[str] | None
) -> None:
    selected = [address for address in select(defs, selection) if not address.startswith("quarantine.")]
    if expected is None:
        assert len(selected) == 6
        assert "bronze.orders" not in selected
    else:
        assert selected == expected


def test_a_table_is_selected_with_what_it_refuses(defs: dg.Definitions) -> None:
    assert sorted(select(defs, "silver.aisles")) == ["quarantine.aisles", "silver.aisles"]
    assert sorted(select(defs, "quarantine.aisles")) == ["quarantine.aisles", "silver.aisles"]
    assert sorted(select(defs, "bronze.aisles")) == ["bronze.aisles", "quarantine.aisles__lines"]


def test_without_a_selection_every_table_comes_after_its_sources(defs: dg.Definitions) -> None:
    selected = select(defs, None)
    assert (
        selected.index("bronze.orders")
        < selected.index("silver.orders")
        < selected.index("silver.order_items")
    )
    assert not [address for address in selected if address.startswith("landing.")]


@pytest.mark.parametrize("selection", ["silver.nothing", "nonsense(", "group:platinum"])
def test_a_selection_of_nothing_says_how_to_write_one(defs: dg.Definitions, selection: str) -> None:
    with pytest.raises(SelectionError, match="write a table as"):
        select(defs, selection)


def test_a_run_tells_each_change_and_ends_with_rows_seconds_and_checks(small: Settings) -> None:
    heard: list[TableRun] = []
    started: list[list[str]] = []
    run = run_graph(small, "+silver.products", heard.append, started.append)
    assert run.is_success
    assert started == [[table.address for table in run.tables]]
    products = run.tables[-1]
    assert (products.address, products.state, products.rows, products.checks) == (
        "silver.products",
        "published",
        1,
        len(compile_rules(load_contracts()["silver.products"])),
    )
    assert products.seconds is not None
    assert next(table.state for table in heard if table.address == "silver.products") == "running"
    assert heard[-1] == products


def test_what_follows_a_blocked_table_is_skipped(small: Settings) -> None:
    (small.landing / "aisles.csv").write_text("aisle_id,aisle\nx,fruit\n")
    run = run_graph(small, "+silver.products")
    assert not run.is_success
    states = {table.address: table.state for table in run.tables}
    assert states["bronze.aisles"] == "published"
    assert states["silver.aisles"] == "failed"
    assert states["silver.products"] == "skipped"
    aisles = next(table for table in run.tables if table.address == "silver.aisles")
    assert aisles.failed_checks == ("aisle_id_is_filled", "refused_share_is_within_budget")
    assert aisles.error is not None
    assert "refused_share_is_within_budget" in aisles.error
    assert "open 1, read 1, open_share 1, threshold at most 0.05" in aisles.error
    assert list(states) == ["bronze.aisles", "bronze.departments", "bronze.products", *SILVER]


def test_a_missing_source_says_how_to_make_it(small: Settings) -> None:
    run = run_graph(small, "silver.products")
    assert not run.is_success
    assert run.tables[0].error is not None
    assert "instacart run --select" in run.tables[0].error


def test_a_run_looks_only_at_the_files_it_needs(small: Settings) -> None:
    with pytest.raises(LandingError, match=r"orders\.csv: no such file"):
        run_graph(small)
    assert run_graph(small, "+silver.aisles").is_success
