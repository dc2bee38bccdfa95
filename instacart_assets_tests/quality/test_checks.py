"""Which checks a contract asks for."""

from instacart_assets.contracts.load import load_contracts
from instacart_assets.quality.checks import CheckOutcome, checks_of, key_check
from instacart_assets_tests.small_contracts import (
    make_column,
    make_contract,
    make_landed_contract,
    make_rule,
)

THINGS = make_contract(
    make_column("thing_id", required=True),
    make_column("name", required=True),
    make_column("price", "double"),
    key=("thing_id", "name"),
    rules=(
        make_rule("price_is_positive", "price > 0", severity="warn"),
        make_rule("something_is_there", "count(*) > 0", scope="table"),
    ),
)


def test_the_key_comes_first_then_the_required_columns_then_the_rules() -> None:
    assert [(check.id, check.severity, check.scope) for check in checks_of(THINGS)] == [
        ("key_is_unique", "block", "rows"),
        ("required_columns_are_filled", "block", "rows"),
        ("price_is_positive", "warn", "rows"),
        ("something_is_there", "block", "table"),
    ]


def test_checks_are_described_in_sentences() -> None:
    assert [check.description for check in checks_of(THINGS)] == [
        "No two rows share thing_id, name.",
        "thing_id, name are never null.",
        "It holds that price > 0.",
        "It holds that count(*) > 0.",
    ]


def test_only_landed_tables_compare_rows_with_records_and_do_so_last() -> None:
    assert [check.id for check in checks_of(make_landed_contract())] == [
        "key_is_unique",
        "required_columns_are_filled",
        "every_landed_record_is_read",
    ]


def test_names_of_checks_are_unique_in_every_table() -> None:
    for contract in load_contracts().values():
        names = [check.id for check in checks_of(contract)]
        assert len(names) == len(set(names)), contract.address


def test_only_a_failed_blocking_check_blocks() -> None:
    key, _, warning, _ = checks_of(THINGS)
    assert key == key_check(THINGS)
    assert CheckOutcome(key, passed=False).blocks
    assert not CheckOutcome(key, passed=True).blocks
    assert not CheckOutcome(warning, passed=False).blocks
