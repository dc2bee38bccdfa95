"""The tables that keep what is refused."""

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.quarantine import quarantine_address, quarantine_of
from instacart_assets_tests.small_contracts import make_column, make_contract, make_landed_contract

THINGS = make_contract(make_column("thing_id", "int", required=True), error_budget=0.1)
LIFE = ["status", "resolution", "quarantined_at", "resolved_at", "run_id"]


def test_refused_rows_are_kept_as_they_landed_with_where_they_are_from_and_why() -> None:
    contract = quarantine_of(THINGS, {"bronze.things": make_landed_contract()})
    assert (contract.address, contract.key) == ("quarantine.things", ("row_id",))
    assert list(contract.column_names) == [
        "row_id",
        "thing_id",
        "name",
        "colour",
        "_source_file",
        "_source_fingerprint",
        "_row_number",
        "reasons",
        "reasons_text",
        *LIFE,
    ]
    types = {column.name: column.type for column in contract.columns}
    assert (types["thing_id"], types["reasons"]) == ("string", "array<string>")


def test_malformed_lines_are_kept_as_text_apart_from_rows() -> None:
    contract = quarantine_of(make_landed_contract(), {})
    assert contract.address == "quarantine.things__lines"
    assert list(contract.column_names) == [
        "row_id",
        "_source_file",
        "_source_fingerprint",
        "line_number",
        "text",
        "reason",
        *LIFE,
    ]


def test_a_quarantine_refuses_nothing_itself() -> None:
    contract = quarantine_of(THINGS, {"bronze.things": make_landed_contract()})
    assert not contract.has_quarantine


def test_columns_of_two_sources_stand_once_and_name_both() -> None:
    sources = {f"bronze.{name}": make_landed_contract(name) for name in ("old", "new")}
    (thing_id,) = [column for column in quarantine_of(THINGS, sources).columns if column.name == "thing_id"]
    assert thing_id.sources == ("bronze.old.thing_id", "bronze.new.thing_id")


def test_every_bronze_and_silver_table_has_a_quarantine_of_its_own() -> None:
    kept = [contract for contract in load_contracts().values() if contract.has_quarantine]
    assert {contract.layer for contract in kept} == {"bronze", "silver"}
    addresses = [quarantine_address(contract) for contract in kept]
    assert len(addresses) == len(set(addresses)) == 13
    assert "quarantine.orders" in addresses
    assert "quarantine.orders__lines" in addresses


def test_rows_of_a_table_come_from_the_sources_of_its_whole_key() -> None:
    contracts = load_contracts()
    assert contracts["silver.order_items"].row_sources == (
        "bronze.order_products__prior",
        "bronze.order_products__train",
    )
    assert contracts["silver.promotions"].row_sources == ("bronze.promotions",)
