"""Compiles a contract's rules to a suite of Great Expectations, and validates rows against it.

Contains everything that knows Great Expectations, which is imported only when rows are validated, as importing it
takes seconds. It is configured to keep nothing on disk and to send nothing anywhere. What a result means for the
table is decided in ``audit.py``.
"""

import os
import re
from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pyspark.sql import DataFrame

from instacart_assets.contracts.model import Contract, Rule
from instacart_assets.quality.outcomes import SAMPLE_ROWS
from instacart_assets.quality.split import holds

if TYPE_CHECKING:
    import great_expectations as gx
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.expectations.expectation import Expectation

IS_FILLED = re.compile(r"(\w+) IS NOT NULL")

_LOCK = Lock()


def compile_expectation(rule: Rule) -> "Expectation":
    """The expectation that checks a rule.

    A rule over rows is an expectation on the column of its verdicts (see ``add_verdicts``), or on the column
    itself where it must not be null: all of them share one pass. A rule over the table, or a query, is an
    expectation that a query finds nothing.
    """
    kinds = _load_expectations()
    meta = {"rule": rule.id, "severity": rule.severity, "dimension": rule.dimension}
    common: dict[str, Any] = {
        "meta": meta,
        "description": rule.description,
        "severity": "warning" if rule.severity == "warn" else "critical",
    }
    made: Expectation
    if rule.scope != "rows":
        made = kinds.FindsNothing(unexpected_rows_query=write_query(rule), **common)
    elif filled := IS_FILLED.fullmatch(rule.condition):
        made = kinds.ColumnIsFilled(column=filled[1], **common)
    else:
        made = kinds.ColumnIsTrue(column=rule.id, value_set=[True], **common)
    return made


def write_query(rule: Rule) -> str:
    """The query over ``{batch}`` whose rows break a rule over the table."""
    if rule.scope == "table":
        return f"SELECT * FROM (SELECT ({rule.condition}) AS holds, count(*) AS rows FROM {{batch}}) WHERE NOT coalesce(holds, false)"  # noqa: S608
    return rule.condition


def add_verdicts(rows: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """The rows with a column per rule over rows, named after the rule, that says whether the row meets it."""
    verdicts = {rule.id: holds(rule) for rule in rules if rule.scope == "rows"}
    return rows.withColumns(verdicts) if verdicts else rows


def compile_suite(contract: Contract, rules: Sequence[Rule]) -> "gx.ExpectationSuite":
    """The suite of a table: an expectation per rule, in the rules' order."""
    import great_expectations as gx  # noqa: PLC0415 - see the module docstring

    _open_context()
    return gx.ExpectationSuite(
        name=contract.address, expectations=[compile_expectation(rule) for rule in rules]
    )


def validate_rows(
    rows: DataFrame, contract: Contract, rules: Sequence[Rule]
) -> list[tuple[Rule, dict[str, Any], bool]]:
    """Each rule with Great Expectations' result and whether it succeeded.

    An error within an expectation is a result that did not succeed, with the error's message under ``error``.
    """
    context = _open_context()
    name = f"{contract.address}-{uuid4().hex[:8]}"
    with _LOCK:
        source = context.data_sources.add_spark(name=name, persist=False)
        asset = source.add_dataframe_asset(name=contract.address)
        batch = asset.add_batch_definition_whole_dataframe("rows").get_batch(
            batch_parameters={"dataframe": add_verdicts(rows, rules)}
        )
    try:
        found = _validate(batch, contract, rules, "BOOLEAN_ONLY")
        # Counting and showing failures costs a pass per rule, so this is done only for rules that fail.
        failed = [rule for rule in rules if not found[rule.id].success]
        found |= _validate(batch, contract, failed, "SUMMARY") if failed else {}
    finally:
        context.data_sources.delete(name)
    return [(rule, _read_result(found[rule.id]), bool(found[rule.id].success)) for rule in rules]


def _validate(
    batch: "Batch", contract: Contract, rules: Sequence[Rule], result_format: str
) -> dict[str, "ExpectationValidationResult"]:
    result = batch.validate(
        compile_suite(contract, rules),
        result_format={
            "result_format": result_format,
            "unexpected_index_column_names": list(contract.key),
            "partial_unexpected_count": SAMPLE_ROWS,
        },
    )
    return {name_rule(entry): entry for entry in result.results}


def _read_result(entry: "ExpectationValidationResult") -> dict[str, Any]:
    errors = [
        str(error["exception_message"])
        for error in _list_errors(entry.exception_info or {})
        if error.get("raised_exception")
    ]
    return {**entry.result, **({"error": "; ".join(dict.fromkeys(errors))} if errors else {})}


def _list_errors(info: dict[str, Any]) -> list[dict[str, Any]]:
    # A single error is stored flat; several are keyed by the metric that was measured.
    return (
        [info]
        if "raised_exception" in info
        else [error for error in info.values() if isinstance(error, dict)]
    )


def name_rule(entry: "ExpectationValidationResult") -> str:
    """The rule that a result is about."""
    config = entry.expectation_config
    return str((config.meta or {})["rule"]) if config else ""


def make_context() -> "EphemeralDataContext":
    """A new context that lives only in memory and sends no telemetry."""
    with _LOCK:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        import great_expectations as gx  # noqa: PLC0415 - see the module docstring
        from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        return context


@cache
def _open_context() -> "EphemeralDataContext":
    """The one context that this process validates candidates in."""
    return make_context()


@cache
def _load_expectations() -> Any:
    _open_context()
    from instacart_assets.quality import expectation_kinds  # noqa: PLC0415 - see the module docstring

    return expectation_kinds
