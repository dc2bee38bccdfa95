"""The whole graph as one picture, and what loading it must not do."""

import subprocess
import sys
from typing import Any

import dagster as dg
import pytest
from syrupy.assertion import SnapshotAssertion

from instacart_assets.answers.assets import REPORT_GROUP
from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.quarantine import quarantine_address
from instacart_assets.contracts.rules import compile_rules, consulted_tables
from instacart_assets.definitions import build_defs
from instacart_assets.graph import all_tables
from instacart_assets.maintenance.assets import MAINTENANCE_GROUP
from instacart_assets.tables.assets import asset_key, table_address

LOAD_QUIETLY = """
import socket, sys

def refuse(*args):
    raise AssertionError(f"loading the definitions reached for the network: {args[1:]}")

socket.socket.connect = refuse
from instacart_assets.definitions import defs
graph = defs().resolve_asset_graph()
heavy = {"pysail", "great_expectations", "scipy", "vl_convert", "dagster_databricks", "databricks"} & set(sys.modules)
assert not heavy, f"imported while loading: {heavy}"
from pyspark.sql import SparkSession
assert SparkSession.getActiveSession() is None
print(len(graph.get_all_asset_keys()))
"""


@pytest.fixture(scope="module")
def graph() -> Any:
    return build_defs().resolve_asset_graph()


def describe_asset(graph: Any, key: dg.AssetKey) -> dict[str, Any]:
    node = graph.get(key)
    return {
        "sources": sorted(table_address(parent) for parent in node.parent_keys),
        "group": node.group_name,
        "owners": sorted(node.owners),
        "kinds": sorted(node.kinds),
        "tags": {name: value for name, value in sorted(node.tags.items()) if "/kind/" not in name},
        "checks": {
            check.name: "blocks" if graph.get(check).blocking else "reports"
            for check in sorted(node.check_keys, key=lambda check: check.name)
        },
    }


def test_the_whole_graph_is_as_pictured(graph: Any, snapshot: SnapshotAssertion) -> None:
    keys = sorted(graph.get_all_asset_keys())
    assert {table_address(key): describe_asset(graph, key) for key in keys} == snapshot


def test_every_contract_is_an_asset_with_its_checks_and_what_it_refuses(graph: Any) -> None:
    contracts = load_contracts()
    made = {
        table_address(key)
        for key in graph.get_all_asset_keys()
        if graph.get(key).is_materializable
        and graph.get(key).group_name not in {MAINTENANCE_GROUP, REPORT_GROUP}
    }
    refusing = {quarantine_address(contract) for contract in contracts.values() if contract.has_quarantine}
    assert made == set(contracts) | refusing
    for address, contract in contracts.items():
        assert {check.name for check in graph.get(asset_key(address)).check_keys} == {
            rule.id for rule in compile_rules(contract)
        }


def test_every_table_is_built_after_all_that_its_rules_read(graph: Any) -> None:
    for address, contract in load_contracts().items():
        parents = {table_address(key) for key in graph.get(asset_key(address)).parent_keys}
        assert set(consulted_tables(contract)) <= parents, address


def test_every_asset_is_described_and_owned(graph: Any) -> None:
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.owners, key


def test_columns_come_from_the_tables_that_the_function_reads() -> None:
    for table in all_tables():
        assert table.contract.source_tables == set(table.sources.values()), table.address


def test_imports_bring_no_session_no_heavy_library_and_no_network() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD_QUIETLY], capture_output=True, text=True, timeout=120, check=False
    )
    assert loaded.returncode == 0, loaded.stderr
    # The landed sources, the tables of what is refused, maintenance and the report stand in the graph too.
    assert int(loaded.stdout) == len(load_contracts()) + 7 + 13 + 3 + 1
