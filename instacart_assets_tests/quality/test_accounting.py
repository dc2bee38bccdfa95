"""Counts between what was read and what was written."""

from typing import Any

import pytest

from instacart_assets.contracts.rules import compile_rules
from instacart_assets.quality.accounting import LineCounts, RowCounts, audit_line_counts, audit_row_counts
from instacart_assets.quality.outcomes import RuleOutcome
from instacart_assets_tests.small_contracts import make_column, make_contract, make_landed_contract

THINGS = make_contract(make_column("thing_id", "int", required=True), error_budget=0.25)
SETTLED = {"read": 10, "written": 5, "quarantined": 2, "duplicates": 2, "superseded": 1, "open": 2}


def count_rows(**changed: int) -> dict[str, RuleOutcome]:
    outcomes = audit_row_counts(RowCounts(**(SETTLED | changed)), THINGS)
    return {outcome.rule.id: outcome for outcome in outcomes}


def count_lines(budget: float | None = 0.25, **changed: Any) -> dict[str, RuleOutcome]:
    counts = LineCounts(**({"records": 10, "rows": 10, "lines": 0, "open": 0} | changed))
    contract = make_landed_contract(error_budget=budget)
    return {outcome.rule.id: outcome for outcome in audit_line_counts(counts, contract)}


def list_failed(outcomes: dict[str, RuleOutcome]) -> list[tuple[str, bool]]:
    """Rules that are not kept, and whether they block."""
    return [(name, outcome.blocks) for name, outcome in outcomes.items() if not outcome.passed]


def test_there_is_an_outcome_for_every_rule_over_counts_in_the_contracts_order() -> None:
    counted = [rule.id for rule in compile_rules(THINGS) if rule.scope == "counts"]
    assert list(count_rows()) == counted
    landed = [rule.id for rule in compile_rules(make_landed_contract()) if rule.scope == "counts"]
    assert list(count_lines()) == landed


def test_rows_that_are_all_accounted_for_pass() -> None:
    outcome = count_rows()["every_row_is_accounted_for"]
    assert outcome.passed
    assert outcome.observed == {
        "rows_read": 10,
        "written": 5,
        "quarantined": 2,
        "duplicates": 2,
        "superseded": 1,
        "unaccounted": 0,
        "threshold": "0 unaccounted",
    }


@pytest.mark.parametrize(("written", "unaccounted"), [(4, 1), (6, -1)])
def test_a_row_too_few_or_too_many_blocks(written: int, unaccounted: int) -> None:
    outcome = count_rows(written=written)["every_row_is_accounted_for"]
    assert (outcome.passed, outcome.blocks) == (False, True)
    assert outcome.observed["unaccounted"] == unaccounted


@pytest.mark.parametrize(("still_open", "failed"), [(1, []), (2, [("refused_share_is_within_budget", True)])])
def test_a_share_of_open_rows_over_the_budget_blocks(still_open: int, failed: list[tuple[str, bool]]) -> None:
    outcomes = count_rows(read=4, written=2, quarantined=2, duplicates=0, superseded=0, open=still_open)
    assert list_failed(outcomes) == failed
    assert outcomes["refused_share_is_within_budget"].observed == {
        "open": still_open,
        "read": 4,
        "open_share": still_open / 4,
        "threshold": "at most 0.25",
    }


def test_nothing_read_is_nothing_refused() -> None:
    assert list_failed(count_rows(read=0, written=0, quarantined=0, duplicates=0, superseded=0, open=0)) == []


def test_records_that_are_all_rows_pass() -> None:
    assert list_failed(count_lines()) == []


@pytest.mark.parametrize("rows", [9, 11])
def test_more_or_fewer_rows_than_records_block(rows: int) -> None:
    outcomes = count_lines(rows=rows)
    assert list_failed(outcomes) == [("every_landed_record_is_read", True)]
    assert outcomes["every_landed_record_is_read"].observed["unaccounted"] == 10 - rows


def test_lines_in_quarantine_fail_without_blocking_and_are_shown() -> None:
    outcomes = count_lines(rows=9, lines=1, open=1, sample=({"line_number": 3, "text": "1,2,3"},))
    assert list_failed(outcomes) == [("lines_are_well_formed", False)]
    outcome = outcomes["lines_are_well_formed"]
    assert outcome.observed == {"refused_rows": 1, "threshold": "0 lines", "refused_share": 0.1}
    assert outcome.sample == ({"line_number": 3, "text": "1,2,3"},)


def test_lines_that_are_dealt_with_do_not_count_against_the_budget() -> None:
    assert ("refused_share_is_within_budget", True) in list_failed(count_lines(rows=7, lines=3, open=3))
    assert list_failed(count_lines(rows=7, lines=3, open=2)) == [("lines_are_well_formed", False)]


def test_columns_that_drift_are_named_and_warn() -> None:
    outcomes = count_lines(unknown_columns=("colour", "size"), missing_columns=())
    assert list_failed(outcomes) == [("landed_columns_are_the_contracts", False)]
    assert outcomes["landed_columns_are_the_contracts"].observed == {
        "unknown_columns": "colour, size",
        "missing_columns": "none",
        "threshold": "none",
    }
    assert list_failed(count_lines(missing_columns=("name",))) == [
        ("landed_columns_are_the_contracts", False)
    ]


def test_a_table_without_a_budget_is_held_to_none() -> None:
    assert "refused_share_is_within_budget" not in count_lines(budget=None)
