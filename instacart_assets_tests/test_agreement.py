"""A contract says the same wherever it is compiled to: rules, expectations, Dagster's checks and columns."""

from functools import cache

import dagster as dg
import pytest

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import Contract
from instacart_assets.contracts.quarantine import quarantine_of
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.graph import all_tables
from instacart_assets.quality.expectations import compile_suite
from instacart_assets.tables.assets import asset_key, build_assets, build_landed_assets


@pytest.fixture(params=sorted(load_contracts()))
def contract(request: pytest.FixtureRequest) -> Contract:
    return load_contracts()[request.param]


@cache
def _build_assets() -> dict[dg.AssetKey, dg.AssetsDefinition]:
    return {key: asset for asset in build_assets(all_tables()) for key in asset.keys}


def read_asset(address: str) -> dg.AssetsDefinition:
    """The asset that makes a table."""
    return _build_assets()[asset_key(address)]


def list_columns(schema: dg.TableSchema) -> list[tuple[str, str, bool]]:
    """Name, type, and whether null is allowed, of each column that Dagster shows."""
    return [(column.name, column.type, column.constraints.nullable) for column in schema.columns]


def test_every_rule_that_is_not_over_counts_is_one_expectation(contract: Contract) -> None:
    rules = [rule for rule in compile_rules(contract) if rule.scope != "counts"]
    suite = compile_suite(contract, rules)
    assert suite.name == contract.address
    assert [(expectation.meta, expectation.severity) for expectation in suite.expectations] == [
        (
            {"rule": rule.id, "severity": rule.severity, "dimension": rule.dimension},
            "warning" if rule.severity == "warn" else "critical",
        )
        for rule in rules
    ]


def test_every_rule_is_one_check_that_blocks_where_the_rule_does(contract: Contract) -> None:
    specs = list(read_asset(contract.address).check_specs)
    assert sorted((spec.name, spec.blocking) for spec in specs) == sorted(
        (rule.id, rule.severity == "block") for rule in compile_rules(contract)
    )
    assert {spec.asset_key for spec in specs} == {asset_key(contract.address)}
    assert {spec.name: (spec.description, spec.metadata["severity"]) for spec in specs} == {
        rule.id: (rule.description, rule.severity) for rule in compile_rules(contract)
    }


def test_columns_are_shown_as_the_contract_states_them(contract: Contract) -> None:
    metadata = read_asset(contract.address).metadata_by_key[asset_key(contract.address)]
    assert list_columns(metadata["dagster/column_schema"]) == [
        (column.name, column.type, not column.required) for column in contract.columns
    ]


def test_what_is_refused_is_made_beside_the_table_and_shown_as_its_contract_states(
    contract: Contract,
) -> None:
    contracts = load_contracts()
    made = read_asset(contract.address).metadata_by_key
    if contract.has_quarantine:
        sources = {address: contracts[address] for address in contract.row_sources if contract.refuses_rows}
        quarantine = quarantine_of(contract, sources)
        assert set(made) == {asset_key(contract.address), asset_key(quarantine.address)}
        shown = made[asset_key(quarantine.address)]["dagster/column_schema"]
        assert list_columns(shown) == [
            (column.name, column.type, not column.required) for column in quarantine.columns
        ]
    else:
        assert set(made) == {asset_key(contract.address)}


def test_landed_sources_show_the_columns_that_bronze_copies() -> None:
    bronze = [contract for contract in load_contracts().values() if contract.layer == "bronze"]
    for contract, spec in zip(bronze, build_landed_assets(bronze), strict=True):
        shown = [name for name, _, _ in list_columns(spec.metadata["dagster/column_schema"])]
        assert shown == [column.name for column in contract.landed_columns]
