"""The rules that a contract is compiled to."""

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import Contract, SchemaDrift
from instacart_assets.contracts.rules import compile_rules, consulted_tables, reject_rules
from instacart_assets_tests.small_contracts import (
    make_column,
    make_contract,
    make_landed_contract,
    make_rule,
)

SHORT = make_rule("name_is_short", "length(name) <= 5", severity="reject")
SOME = make_rule("something_is_there", "count(*) > 0", scope="table")
AS_BEFORE = make_rule(
    "as_before", "SELECT count(*) FROM {batch}", scope="history", severity="warn", between=(0.5, 2)
)


def make_refusing() -> Contract:
    """A table whose rows can be refused: a key, a required name, a shop that must be known, three rules."""
    return make_contract(
        make_column("thing_id", "int", required=True, sources=("bronze.things.thing_id",)),
        make_column("name", required=True),
        make_column("shop_id", "int", references="silver.shops.shop_number"),
        rules=(SHORT, SOME, AS_BEFORE),
        error_budget=0.25,
    )


def list_rules(contract: Contract) -> list[tuple[str, str, str]]:
    return [(rule.id, rule.scope, rule.severity) for rule in compile_rules(contract)]


def test_rows_that_can_be_refused_are_refused_for_key_and_required_columns() -> None:
    assert list_rules(make_refusing()) == [
        ("key_is_unique", "query", "reject"),
        ("thing_id_is_filled", "rows", "reject"),
        ("name_is_filled", "rows", "reject"),
        ("name_is_short", "rows", "reject"),
        ("something_is_there", "table", "block"),
        ("as_before", "history", "warn"),
        ("shop_id_is_in_silver_shops", "query", "block"),
        ("every_row_is_accounted_for", "counts", "block"),
        ("refused_share_is_within_budget", "counts", "block"),
    ]


def test_a_table_that_refuses_no_rows_is_blocked_by_the_same_and_counts_nothing() -> None:
    contract = make_contract(
        make_column("thing_id", "int", required=True), rules=(SOME,), address="gold.things"
    )
    assert list_rules(contract) == [
        ("key_is_unique", "query", "block"),
        ("thing_id_is_filled", "rows", "block"),
        ("something_is_there", "table", "block"),
    ]


def test_a_landed_table_counts_records_lines_and_columns_and_refuses_no_rows() -> None:
    assert list_rules(make_landed_contract()) == [
        ("key_is_unique", "query", "block"),
        ("_source_file_is_filled", "rows", "block"),
        ("_source_fingerprint_is_filled", "rows", "block"),
        ("_row_number_is_filled", "rows", "block"),
        ("_ingested_at_is_filled", "rows", "block"),
        ("landed_types_are_kept", "query", "block"),
        ("every_landed_record_is_read", "counts", "block"),
        ("lines_are_well_formed", "counts", "reject"),
        ("landed_columns_are_the_contracts", "counts", "warn"),
        ("refused_share_is_within_budget", "counts", "block"),
    ]
    assert reject_rules(make_landed_contract()) == ()


def test_a_column_that_is_looked_up_blocks_where_its_own_rule_lets_a_null_pass() -> None:
    looked_up = make_column("shop_name", required=True, sources=("silver.shops.name",))
    contract = make_contract(make_column("thing_id", required=True), looked_up, error_budget=0.1)
    severities = {rule.id: rule.severity for rule in compile_rules(contract)}
    assert (severities["thing_id_is_filled"], severities["shop_name_is_filled"]) == ("reject", "block")


def test_a_changed_type_that_is_ignored_warns() -> None:
    rules = compile_rules(make_landed_contract(drift=SchemaDrift(changed_type="ignore")))
    assert {rule.id: rule.severity for rule in rules}["landed_types_are_kept"] == "warn"


def test_only_rules_over_rows_refuse_a_row() -> None:
    assert [rule.id for rule in reject_rules(make_refusing())] == [
        "thing_id_is_filled",
        "name_is_filled",
        "name_is_short",
    ]


def test_rules_are_described_in_sentences() -> None:
    told = {rule.id: rule.description for rule in compile_rules(make_refusing())}
    assert told["key_is_unique"] == "No two rows share thing_id."
    assert told["name_is_filled"] == "name is never null."
    assert told["shop_id_is_in_silver_shops"] == "Every shop_id is a shop_number of silver.shops."
    assert told["refused_share_is_within_budget"] == (
        "At most 0.25 of what is read is refused and not yet resolved."
    )


def test_a_table_is_built_after_those_that_its_rules_read() -> None:
    asking = make_rule("asks", "SELECT * FROM {batch} JOIN {gold.sums} JOIN {bronze.raw}", scope="query")
    contract = make_contract(
        make_column("thing_id", required=True),
        make_column("shop_id", references="silver.shops.shop_id"),
        rules=(asking,),
    )
    assert consulted_tables(contract) == ("gold.sums", "bronze.raw", "silver.shops")


def test_names_of_rules_are_unique_in_every_table() -> None:
    for contract in load_contracts().values():
        names = [rule.id for rule in compile_rules(contract)]
        assert len(names) == len(set(names)), contract.address


def test_every_silver_table_of_landed_rows_refuses_some_and_no_other_does() -> None:
    for contract in load_contracts().values():
        refuses = bool(reject_rules(contract))
        is_of_landed_rows = contract.layer == "silver" and contract.address != "silver.product_history"
        assert refuses is contract.refuses_rows is is_of_landed_rows, contract.address
