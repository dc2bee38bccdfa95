"""A build's result as text, between a process that builds and one that reports."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import Column
from instacart_assets.contracts.quarantine import quarantine_of
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.quality.outcomes import RuleOutcome
from instacart_assets.tables.refusals import QuarantineState
from instacart_assets.tables.result import BuildResult, read_result, write_result

ORDERS = load_contracts()["silver.orders"]
SOURCES = {address: load_contracts()[address] for address in ORDERS.row_sources}


def make_result(address: str = "silver.orders") -> BuildResult:
    contract = load_contracts()[address]
    first, *rest = compile_rules(contract)
    return BuildResult(
        contract=contract,
        run_id="monday",
        rows=3,
        version=None,
        kept=4,
        candidate=Path("/Volumes/main/scratch/candidate-monday-1"),
        outcomes=(
            RuleOutcome(
                first, False, {"failing_rows": 1, "threshold": "0 rows"}, ({"order_id": 7},), blocks=True
            ),
            *(RuleOutcome(rule, True) for rule in rest),
        ),
        quarantine=None,
        seconds=1.5,
        notes={"refused": "1 row refused"},
        preview=({"order_id": 1, "share": 0.5},),
        charts={"chart_orders": "Orders.\n\n```\nMonday  1  █\n```"},
    )


def test_a_result_comes_back_as_it_was() -> None:
    result = make_result()
    assert read_result(write_result(result)) == result


def test_what_was_refused_comes_back_with_it() -> None:
    held = QuarantineState(quarantine_of(ORDERS, SOURCES), version=2, rows=9, open=4, added=1)
    result = replace(make_result(), quarantine=held)
    assert read_result(write_result(result)) == result


def test_columns_that_were_added_come_back() -> None:
    result = make_result("bronze.orders")
    added = Column("till", "string", False, "Landed.", ("added",), sources=("landing.orders.till",))
    widened = replace(result, contract=replace(result.contract, columns=(*result.contract.columns, added)))
    assert read_result(write_result(widened)) == widened


def test_a_value_that_json_has_no_word_for_becomes_text() -> None:
    result = replace(make_result(), preview=({"order_date": date(2016, 1, 2)},))
    assert json.loads(write_result(result))["preview"] == [{"order_date": "2016-01-02"}]
