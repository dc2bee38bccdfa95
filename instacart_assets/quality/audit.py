"""Looks at a candidate's rows and says which of its contract's promises they keep.

Here lives the cost of quality: one GROUP BY for the key and one pass for everything that a condition over rows
or aggregates can say. Failing rows are looked up only after a check failed. Nothing is published or refused
here.
"""

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import Contract
from instacart_assets.quality.checks import (
    REQUIRED_CHECK,
    Check,
    CheckOutcome,
    condition_checks,
    key_check,
    records_check,
)

SAMPLE_ROWS = 5


def audit_rows(rows: DataFrame, contract: Contract) -> tuple[CheckOutcome, ...]:
    """Outcomes of the contract's key, required columns and rules.

    Args:
        rows: a candidate's rows in the contract's columns; read twice, and again for each failed check.
        contract: what they promise.
    """
    return (_audit_key(rows, contract), *_audit_conditions(rows, contract))


def audit_records(rows: int, records: int, contract: Contract, remedy: str | None) -> CheckOutcome:
    """Outcome of comparing a bronze candidate's rows with its files' records.

    Args:
        rows: rows of the candidate.
        records: records of the landed files.
        contract: the bronze table.
        remedy: the record that made the difference, as a sentence, where one was found.
    """
    observed: dict[str, Any] = {"rows": rows, "landed_records": records}
    if remedy is not None:
        observed["first_broken_record"] = remedy
    return CheckOutcome(records_check(contract), rows == records, observed)


def _audit_key(rows: DataFrame, contract: Contract) -> CheckOutcome:
    repeated = rows.groupBy(*contract.key).agg(F.count("*").alias("rows")).where("rows > 1")
    found = repeated.agg(F.count("*").alias("keys"), F.sum("rows").alias("rows")).collect()[0]
    observed = {"repeated_keys": found["keys"], "failing_rows": found["rows"] or 0}
    sample = _take_sample(repeated.orderBy(*contract.key)) if found["keys"] else ()
    return CheckOutcome(key_check(contract), not found["keys"], observed, sample)


def _audit_conditions(rows: DataFrame, contract: Contract) -> tuple[CheckOutcome, ...]:
    checks = condition_checks(contract)
    # Numbered, as a check's name need not be a column's.
    measures = [_measure(check).alias(f"check_{number}") for number, check in enumerate(checks)]
    measured = rows.agg(F.count("*").alias("rows"), *measures).collect()[0]
    return tuple(
        _judge(check, measured[f"check_{number}"], measured["rows"], rows, contract)
        for number, check in enumerate(checks)
    )


def _measure(check: Check) -> Column:
    """Failing rows of a row condition; truth of a table condition."""
    return F.expr(str(check.condition)) if check.scope == "table" else F.count_if(_fails(check))


def _fails(check: Check) -> Column:
    return ~F.coalesce(F.expr(str(check.condition)), F.lit(False))


def _judge(check: Check, measured: Any, total: int, rows: DataFrame, contract: Contract) -> CheckOutcome:
    if check.scope == "table":
        return CheckOutcome(check, bool(measured), {"holds": bool(measured), "rows": total})
    failing = int(measured or 0)
    observed: dict[str, Any] = {
        "failing_rows": failing,
        "rows": total,
        "failing_share": failing / total if total else 0.0,
    }
    if failing and check.id == REQUIRED_CHECK:
        observed |= _count_nulls(rows, contract)
    sample = _take_sample(rows.where(_fails(check)).orderBy(*contract.key)) if failing else ()
    return CheckOutcome(check, not failing, observed, sample)


def _count_nulls(rows: DataFrame, contract: Contract) -> dict[str, int]:
    """Nulls of each required column that has any."""
    counts = [F.count_if(F.col(name).isNull()).alias(name) for name in contract.required_columns]
    return {
        f"nulls_in_{name}": count for name, count in rows.agg(*counts).collect()[0].asDict().items() if count
    }


def _take_sample(rows: DataFrame) -> tuple[dict[str, Any], ...]:
    return tuple(row.asDict() for row in rows.limit(SAMPLE_ROWS).collect())
