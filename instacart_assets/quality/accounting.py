"""Row accounting: every row read must be accounted for, and not too many may be refused.

Contains the evaluation of counts that were taken elsewhere; nothing is counted here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from instacart_assets.contracts.model import Contract, Rule
from instacart_assets.contracts.rules import (
    ACCOUNTING_RULE,
    BUDGET_RULE,
    COLUMNS_RULE,
    LINES_RULE,
    RECORDS_RULE,
    compile_rules,
)
from instacart_assets.quality.outcomes import RuleOutcome


@dataclass(frozen=True)
class RowCounts:
    """What happened to the rows read to build a table that can refuse rows.

    Attributes:
        read: rows of the bronze tables it is built from.
        written: rows of its candidate.
        quarantined: rows in quarantine, whether open or resolved.
        duplicates: exact copies of another row, beyond the first.
        superseded: rows that a later file replaces.
        open: quarantined rows that are not resolved.
    """

    read: int
    written: int
    quarantined: int
    duplicates: int
    superseded: int
    open: int


@dataclass(frozen=True)
class LineCounts:
    """What happened to the records of a landed source.

    Attributes:
        records: physical records of its files.
        rows: rows of the bronze candidate.
        lines: lines in quarantine, whether open or resolved.
        open: those of them that are not resolved.
        unaccounted: by file, the number of records that are neither row nor isolated line; only files with any.
        sample: a few of the quarantined lines.
        unknown_columns: columns of the files that the contract does not name.
        missing_columns: columns that the contract names and a file lacks.
    """

    records: int
    rows: int
    lines: int
    open: int
    unaccounted: Mapping[str, int] = field(default_factory=dict)
    sample: Sequence[Mapping[str, Any]] = ()
    unknown_columns: Sequence[str] = ()
    missing_columns: Sequence[str] = ()


def audit_row_counts(counts: RowCounts, contract: Contract) -> tuple[RuleOutcome, ...]:
    """Outcomes of the rules over counts of a table that can refuse rows."""
    rules = _counted_rules(contract)
    settled = counts.written + counts.quarantined + counts.duplicates + counts.superseded
    balance = {
        "rows_read": counts.read,
        "written": counts.written,
        "quarantined": counts.quarantined,
        "duplicates": counts.duplicates,
        "superseded": counts.superseded,
        "unaccounted": counts.read - settled,
        "threshold": "0 unaccounted",
    }
    return (
        _judge(rules[ACCOUNTING_RULE], counts.read == settled, balance),
        _judge_budget(rules[BUDGET_RULE], counts.open, counts.read, contract),
    )


def audit_line_counts(counts: LineCounts, contract: Contract) -> Iterator[RuleOutcome]:
    """Outcomes of the rules over counts of a landed table."""
    rules = _counted_rules(contract)
    balance = {
        "landed_records": counts.records,
        "rows": counts.rows,
        "lines": counts.lines,
        "unaccounted": counts.records - counts.rows - counts.lines,
        "threshold": "0 unaccounted in every file",
        **{f"unaccounted in {name}": count for name, count in counts.unaccounted.items()},
    }
    is_balanced = counts.records == counts.rows + counts.lines and not counts.unaccounted
    yield _judge(rules[RECORDS_RULE], is_balanced, balance)
    yield RuleOutcome(
        rules[LINES_RULE],
        not counts.lines,
        {
            "refused_rows": counts.lines,
            "threshold": "0 lines",
            "refused_share": _share(counts.lines, counts.records),
        },
        tuple(counts.sample),
    )
    drift = {
        "unknown_columns": ", ".join(counts.unknown_columns) or "none",
        "missing_columns": ", ".join(counts.missing_columns) or "none",
        "threshold": "none",
    }
    yield _judge(rules[COLUMNS_RULE], not (counts.unknown_columns or counts.missing_columns), drift)
    if BUDGET_RULE in rules:
        yield _judge_budget(rules[BUDGET_RULE], counts.open, counts.records, contract)


def _judge_budget(rule: Rule, refused: int, read: int, contract: Contract) -> RuleOutcome:
    budget = contract.error_budget or 0.0
    share = _share(refused, read)
    observed = {"open": refused, "read": read, "open_share": share, "threshold": f"at most {budget:.4g}"}
    return _judge(rule, share <= budget, observed)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _judge(rule: Rule, passed: bool, observed: Mapping[str, Any]) -> RuleOutcome:
    return RuleOutcome(rule, passed, observed, blocks=not passed and rule.severity == "block")


def _counted_rules(contract: Contract) -> dict[str, Rule]:
    return {rule.id: rule for rule in compile_rules(contract) if rule.scope == "counts"}
