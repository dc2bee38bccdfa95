"""What is found in rows that break their contract, and in rows that keep it."""

from collections.abc import Sequence
from typing import Any

import pytest
from pyspark.sql import SparkSession

from instacart_assets.contracts.model import Rule, Scope, Severity
from instacart_assets.quality.audit import SAMPLE_ROWS, audit_records, audit_rows
from instacart_assets.quality.checks import CheckOutcome, checks_of
from instacart_assets_tests.small_contracts import (
    make_column,
    make_contract,
    make_landed_contract,
    make_rule,
)

COLUMNS = (
    make_column("thing_id", "int", required=True),
    make_column("name", required=True),
    make_column("price", "double"),
)
GOOD = [(1, "a", 1.0), (2, "b", 2.0)]


def audit(
    spark: SparkSession, rows: Sequence[tuple[Any, ...]], *rules: Rule, key: tuple[str, ...] = ("thing_id",)
) -> dict[str, CheckOutcome]:
    contract = make_contract(*COLUMNS, key=key, rules=rules)
    frame = spark.createDataFrame(rows, "thing_id int, name string, price double")
    outcomes = audit_rows(frame, contract)
    assert [outcome.check for outcome in outcomes] == list(checks_of(contract))
    return {outcome.check.id: outcome for outcome in outcomes}


def audit_rule(
    spark: SparkSession,
    rows: Sequence[tuple[Any, ...]],
    condition: str,
    scope: Scope = "rows",
    severity: Severity = "block",
) -> CheckOutcome:
    rule = make_rule("the_rule", condition, scope=scope, severity=severity)
    return audit(spark, rows, rule)["the_rule"]


def test_rows_that_keep_their_contract_pass_every_check(spark: SparkSession) -> None:
    outcomes = audit(
        spark, GOOD, make_rule("cheap", "price < 10"), make_rule("two", "count(*) = 2", scope="table")
    )
    assert {name: outcome.passed for name, outcome in outcomes.items()} == {
        "key_is_unique": True,
        "required_columns_are_filled": True,
        "cheap": True,
        "two": True,
    }
    assert not [outcome for outcome in outcomes.values() if outcome.sample]


def test_repeated_keys_are_counted_with_their_rows_and_shown(spark: SparkSession) -> None:
    rows = [(1, "a", 1.0), (1, "b", 2.0), (2, "c", 3.0), (3, "d", 4.0), (3, "e", 5.0), (3, "f", 6.0)]
    outcome = audit(spark, rows)["key_is_unique"]
    assert not outcome.passed
    assert outcome.observed == {"repeated_keys": 2, "failing_rows": 5}
    assert outcome.sample == ({"thing_id": 1, "rows": 2}, {"thing_id": 3, "rows": 3})


def test_a_key_of_two_columns_may_repeat_in_each(spark: SparkSession) -> None:
    key = ("thing_id", "name")
    assert audit(spark, [(1, "a", 1.0), (1, "b", 1.0), (2, "a", 1.0)], key=key)["key_is_unique"].passed
    repeated = audit(spark, [(1, "a", 1.0), (1, "a", 2.0)], key=key)["key_is_unique"]
    assert repeated.sample == ({"thing_id": 1, "name": "a", "rows": 2},)


def test_keys_of_null_repeat_each_other(spark: SparkSession) -> None:
    outcome = audit(spark, [(None, "a", 1.0), (None, "b", 1.0)])["key_is_unique"]
    assert outcome.observed == {"repeated_keys": 1, "failing_rows": 2}


def test_nulls_are_counted_in_each_required_column_that_has_any(spark: SparkSession) -> None:
    rows = [(1, None, 1.0), (None, None, None), (3, "c", None), (4, "d", 4.0)]
    outcome = audit(spark, rows)["required_columns_are_filled"]
    assert not outcome.passed
    assert outcome.observed == {
        "failing_rows": 2,
        "rows": 4,
        "failing_share": 0.5,
        "nulls_in_thing_id": 1,
        "nulls_in_name": 2,
    }
    assert {row["thing_id"] for row in outcome.sample} == {None, 1}


def test_columns_without_nulls_are_not_named(spark: SparkSession) -> None:
    outcome = audit(spark, [(1, None, 1.0)])["required_columns_are_filled"]
    assert [name for name in outcome.observed if name.startswith("nulls_in_")] == ["nulls_in_name"]


@pytest.mark.parametrize(("price", "passes"), [(1.0, True), (-1.0, False), (None, False)])
def test_a_row_breaks_a_rule_that_is_false_or_null(
    spark: SparkSession, price: float | None, passes: bool
) -> None:
    outcome = audit_rule(spark, [(1, "a", price)], "price > 0")
    assert outcome.passed is passes
    assert outcome.observed["failing_rows"] == (0 if passes else 1)


def test_rows_that_break_a_rule_are_counted_and_shown_by_their_key(spark: SparkSession) -> None:
    rows = [(number, "x", float(number)) for number in reversed(range(10))]
    outcome = audit_rule(spark, rows, "price < 2")
    assert outcome.observed == {"failing_rows": 8, "rows": 10, "failing_share": 0.8}
    assert len(outcome.sample) == SAMPLE_ROWS
    assert outcome.sample[0] == {"thing_id": 2, "name": "x", "price": 2.0}
    assert [row["thing_id"] for row in outcome.sample] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        ("count(*) = 2", True),
        ("sum(price) = 3 AND max(thing_id) = 2", True),
        ("count(*) > 2", False),
        ("max(CAST(NULL AS INT)) > 0", False),
    ],
)
def test_a_rule_about_the_table_holds_or_not(spark: SparkSession, condition: str, passes: bool) -> None:
    outcome = audit_rule(spark, GOOD, condition, scope="table")
    assert outcome.passed is passes
    assert outcome.observed == {"holds": passes, "rows": 2}
    assert outcome.sample == ()


def test_a_rule_that_warns_fails_and_does_not_block(spark: SparkSession) -> None:
    warned = audit_rule(spark, GOOD, "price > 1", severity="warn")
    assert (warned.passed, warned.blocks) == (False, False)
    assert warned.observed["failing_rows"] == 1
    refused = audit_rule(spark, GOOD, "price > 1")
    assert (refused.passed, refused.blocks) == (False, True)


def test_each_of_many_rules_gets_its_own_outcome(spark: SparkSession) -> None:
    outcomes = audit(
        spark,
        GOOD,
        make_rule("all", "price > 0"),
        make_rule("none", "price > 5"),
        make_rule("counted", "count(*) = 2", scope="table"),
        make_rule("one", "name = 'a'"),
    )
    failing = {name: outcome.observed.get("failing_rows") for name, outcome in outcomes.items()}
    assert failing == {
        "key_is_unique": 0,
        "required_columns_are_filled": 0,
        "all": 0,
        "none": 2,
        "counted": None,
        "one": 1,
    }


def test_a_rule_may_have_the_name_of_a_column(spark: SparkSession) -> None:
    outcome = audit(spark, GOOD, make_rule("price", "price > 0"))["price"]
    assert outcome.passed


def test_no_rows_keep_every_promise_about_rows(spark: SparkSession) -> None:
    outcomes = audit(
        spark, [], make_rule("cheap", "price < 10"), make_rule("some", "count(*) > 0", scope="table")
    )
    assert {name: outcome.passed for name, outcome in outcomes.items()} == {
        "key_is_unique": True,
        "required_columns_are_filled": True,
        "cheap": True,
        "some": False,
    }
    assert outcomes["key_is_unique"].observed == {"repeated_keys": 0, "failing_rows": 0}
    assert outcomes["cheap"].observed == {"failing_rows": 0, "rows": 0, "failing_share": 0.0}


def test_as_many_rows_as_records_pass() -> None:
    outcome = audit_records(3, 3, make_landed_contract(), None)
    assert outcome.passed
    assert outcome.observed == {"rows": 3, "landed_records": 3}


@pytest.mark.parametrize("rows", [2, 4])
def test_more_or_fewer_rows_than_records_block_with_the_record_at_fault(rows: int) -> None:
    outcome = audit_records(rows, 3, make_landed_contract(), "things.csv: line 2: broken")
    assert outcome.blocks
    assert outcome.observed == {
        "rows": rows,
        "landed_records": 3,
        "first_broken_record": "things.csv: line 2: broken",
    }
