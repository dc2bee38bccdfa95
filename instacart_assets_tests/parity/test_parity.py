"""Every transform of the graph makes the same rows on the embedded engine and on Apache Spark with Delta.

The files are generated customers with damage, so that quarantine, salvage and failing checks are compared as well, and
the real sample. The comparison is of tables as they are stored: types, nullability, comments, rows; and of every check.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from instacart_assets.definitions import build_defs
from instacart_assets.runs import select_tables
from instacart_assets.tables.assets import table_address
from instacart_assets_tests.faults.proof import write_report
from instacart_assets_tests.lake_reading import read_table
from instacart_assets_tests.parity.comparison import compare_lakes, find_contracts, list_tables
from instacart_assets_tests.parity.conftest import (
    LTS_PYTHON,
    NAMES,
    SELECTION,
    Made,
    find_engine,
    find_spark,
    make_lake,
)
from instacart_assets_tests.parity.damaged_drop import ODD_DATES, ODD_NAMES, ODD_NUMBERS
from instacart_assets_tests.parity.engines import Engine

pytestmark = pytest.mark.slow

DAMAGED, REAL = "generated, with damage", "the real sample"

UNTOUCHED = {
    "quarantine.aisles__lines",
    "quarantine.departments",
    "quarantine.departments__lines",
    "quarantine.order_products__train__lines",
}
"""What the damage has nothing for."""


def check_same(ours: Made, theirs: Made, landed: str) -> None:
    """The same tables, all that were asked for, and the same outcomes of all checks."""
    addresses = {table_address(key) for key in select_tables(build_defs(), SELECTION)}
    mine, other = ours.told.result(), theirs.told.result()
    assert mine["errors"] == other["errors"] == {}
    assert set(mine["made"]) == set(other["made"]) == addresses
    assert list_tables(ours.lake) == list_tables(theirs.lake) == addresses
    differences = compare_lakes(ours.lake, theirs.lake, sorted(addresses))
    assert not differences, f"{ours.engine.name} and {theirs.engine.name}:\n" + "\n".join(differences)
    assert mine["made"] == other["made"]
    assert mine["checks"] == other["checks"]
    rows = sum(read_table(ours.lake, address).num_rows for address in addresses)
    spark = str(theirs.engine.started.result())
    case = {"landed": landed, "spark": spark, "tables": len(addresses), "rows": rows}
    write_report("parity.json", {f"{landed} {spark}": case})


def test_damaged_files_become_the_same_tables_on_apache_spark(embedded: Made, apache: Made) -> None:
    check_same(embedded, apache, DAMAGED)


@pytest.mark.proof
def test_damaged_files_become_the_same_tables_on_the_spark_of_the_targeted_runtime(
    embedded: Made, lts: Made
) -> None:
    check_same(embedded, lts, DAMAGED)


def test_the_damage_reaches_every_part_that_refuses(embedded: Made) -> None:
    refused = {
        address: read_table(embedded.lake, address).num_rows
        for address in find_contracts()
        if address.startswith("quarantine.")
    }
    assert {address for address, rows in refused.items() if not rows} == UNTOUCHED
    checks = embedded.told.result()["checks"]
    failed = {name for name, said in checks.items() if not said["passed"]}
    assert {"bronze.orders lines_are_well_formed", "silver.orders eval_set_is_known"} <= failed


@pytest.mark.parametrize("name", NAMES)
def test_every_odd_text_is_the_same_value(embedded: Made, sparks: Mapping[str, Made], name: str) -> None:
    texts = [text.decode() for text in (*ODD_NUMBERS, *ODD_NAMES, *ODD_DATES)]
    ours, theirs = (
        made.engine.ask("parse_texts", texts=texts).result() for made in (embedded, find_spark(name, sparks))
    )
    assert len(ours) == len(set(texts))
    assert theirs == ours


@pytest.fixture(scope="module")
def real(sample: Path, tmp_path_factory: pytest.TempPathFactory, embedded: Made) -> Made:
    return make_lake(embedded.engine, sample, tmp_path_factory.mktemp("real") / "lake")


@pytest.mark.proof
@pytest.mark.parametrize("name", ["spark", "lts"])
def test_the_real_sample_becomes_the_same_tables(
    sample: Path, real: Made, sparks: Mapping[str, Made], name: str, tmp_path: Path
) -> None:
    check_same(real, make_lake(find_spark(name, sparks).engine, sample, tmp_path / "lake"), REAL)


def test_the_targeted_runtime_is_met_without_the_embedded_engine_or_its_lake(
    engines: Mapping[str, Engine],
) -> None:
    assert find_engine("lts", engines).started.result().startswith("4.0.")
    code = "import importlib.util as u; print([n for n in ('pysail', 'deltalake', 'dagster_databricks') if u.find_spec(n)])"
    found = subprocess.run([LTS_PYTHON, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
