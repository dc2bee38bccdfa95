"""Audits a candidate (the staged version that is audited before it is published) against its contract's rules.

Contains the evaluation: what is compared with what, and what blocks a version from being published. Great
Expectations runs the checks (``expectations.py``); rules over counts are in ``accounting.py``. Nothing is published
or refused here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any, Self
from uuid import uuid4

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN, REASONS, Contract, Rule
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.quality.expectations import validate_rows, write_query
from instacart_assets.quality.outcomes import SAMPLE_ROWS, RuleOutcome
from instacart_assets.quality.split import holds

LEAST_HISTORY = 3
"""Minimum number of versions that a rule over history needs to compare with."""

HISTORY_VERSIONS = 20
"""Number of past versions that a rule over history looks back over."""


ALL_REFUSED = re.compile(r"\{(refused|lines)\}")
"""Placeholders by which a query reads everything that is refused."""


@dataclass(frozen=True)
class Part:
    """The rebuilt part of a table whose other rows were audited before.

    Attributes:
        added: rows that the published version lacks.
        removed: rows of the published version that are no longer there.
        made: all rows that were rebuilt, changed or not: whole groups by the columns ``by``.
        by: columns of the groups.
        steady: addresses of other tables that are unchanged, or for whose changes all dependent rows were rebuilt.
        is_clean: whether no refused row or line is open, and none was when the other rows were audited.
    """

    added: DataFrame
    removed: DataFrame
    made: DataFrame
    by: tuple[str, ...]
    steady: frozenset[str] = frozenset()
    is_clean: bool = True

    def decides(self, rule: Rule) -> bool:
        """Whether only rebuilt rows can break the rule, so that the rest need not be checked again.

        A warning is always evaluated over the whole table: earlier warnings still hold.
        """
        return (
            rule.severity != "warn"
            and (rule.scope == "rows" or rule.within is not None)
            and set(rule.consulted) <= self.steady
            and (self.is_clean or not ALL_REFUSED.search(rule.condition))
        )

    def choose_rows(self, rule: Rule, rows: DataFrame) -> tuple[str, DataFrame]:
        """The rows that decide a rule, and a name for them."""
        within = rule.within
        if within is None:
            return "added", self.added
        if set(self.by) <= set(within):
            return "made", self.made
        groups = self.added.select(*within).unionByName(self.removed.select(*within)).distinct()
        return f"within {within}", rows.join(groups, [*within], "left_semi")


@dataclass(frozen=True)
class Evidence:
    """What rows are checked against, besides themselves.

    Attributes:
        tables: rows of other tables, by address.
        refused: refused rows of the same candidate, typed.
        lines: open malformed lines of the landed files.
        refused_by_rule: how many rows each rejecting rule refused, by its name.
        read: number of rows read to build these.
        past: values of each rule over history in earlier versions, newest first.
        is_public: whether all landed files upstream are the publisher's own.
        part: the rebuilt part where only some rows were rebuilt; None where all were.
    """

    tables: Mapping[str, DataFrame] = field(default_factory=dict)
    refused: DataFrame | None = None
    lines: DataFrame | None = None
    refused_by_rule: Mapping[str, int] = field(default_factory=dict)
    read: int = 0
    past: Mapping[str, Sequence[float]] = field(default_factory=dict)
    is_public: bool = False
    part: Part | None = None


def audit_rows(rows: DataFrame, contract: Contract, evidence: Evidence) -> tuple[RuleOutcome, ...]:
    """Outcomes of every rule of the contract except those over counts, in the contract's order.

    One pass for all rules over rows, a GROUP BY for the key, a query for each rule that needs one.

    Args:
        rows: a candidate's rows in the contract's columns.
        contract: the rules they must meet.
        evidence: what they are checked against.
    """
    rules = [rule for rule in compile_rules(contract) if rule.scope != "counts"]
    settled: dict[str, RuleOutcome] = {}
    for batch, asked in _choose_batches(rows, rules, evidence):
        settled |= _audit_batch(batch, asked, contract, evidence)
    return tuple(settled[rule.id] for rule in rules)


def _choose_batches(
    rows: DataFrame, rules: Sequence[Rule], evidence: Evidence
) -> list[tuple[DataFrame, list[Rule]]]:
    """The rows to check for each rule: all, or where a part decides the rule, that part."""
    batches: dict[str, tuple[DataFrame, list[Rule]]] = {}
    for rule in rules:
        part = evidence.part
        name, batch = (
            ("all", rows) if part is None or not part.decides(rule) else part.choose_rows(rule, rows)
        )
        batches.setdefault(name, (batch, []))[1].append(rule)
    return list(batches.values())


def _audit_batch(
    batch: DataFrame, rules: Sequence[Rule], contract: Contract, evidence: Evidence
) -> dict[str, RuleOutcome]:
    total = batch.count()
    stated = {rule.id: rule for rule in rules}
    with _Views(batch, evidence) as views:
        early = [outcome for rule in rules for outcome in _settle_early(rule, evidence, views)]
        settled = {outcome.rule.id: outcome for outcome in early}
        bound = [views.bind(rule, evidence) for rule in rules if rule.id not in settled]
        for rule, result, success in validate_rows(batch, contract, bound) if bound else ():
            outcome = _judge(stated[rule.id], result, success, total, evidence)
            settled[rule.id] = views.illustrate(outcome, rule, contract)
    return settled


def bind_rules(rows: DataFrame, rules: Sequence[Rule], evidence: Evidence) -> list[Rule]:
    """The rules that apply, with tables and bounds filled in, ready to be validated."""
    views = _Views(rows, evidence)
    return [views.bind(rule, evidence) for rule in rules if _says_why_not(rule, evidence) is None]


def measure_history(rows: DataFrame, contract: Contract) -> dict[str, float]:
    """The value of each rule over history, for later versions to be compared with; omitted where null."""
    with _Views(rows, Evidence()) as views:
        values = {rule.id: views.measure(rule) for rule in contract.rules if rule.scope == "history"}
    return {name: value for name, value in values.items() if value is not None}


class _Views:
    """Rows and tables as temporary views for SQL, until the context ends."""

    def __init__(self, rows: DataFrame, evidence: Evidence) -> None:
        self._session: SparkSession = rows.sparkSession
        self._names: dict[str, str] = {}
        self._rows = rows
        self._refused = evidence.refused
        given = {"batch": rows, "refused": evidence.refused, "lines": evidence.lines, **evidence.tables}
        for name, frame in given.items():
            if frame is not None:
                view = f"{name.replace('.', '_')}_{uuid4().hex[:8]}"
                frame.createOrReplaceTempView(view)
                self._names[name] = view

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for view in self._names.values():
            self._session.catalog.dropTempView(view)

    def bind(self, rule: Rule, evidence: Evidence) -> Rule:
        """The rule with the names of tables, or the bounds of history, filled in; the batch is filled in later."""
        if rule.scope == "history":
            low, high = _find_bounds(rule, evidence)
            condition = (
                f"SELECT measured FROM ({rule.condition}) AS now(measured) "  # noqa: S608 - the contract's own
                f"WHERE NOT coalesce(measured BETWEEN {low!r} AND {high!r}, false)"
            )
            return replace(rule, scope="query", condition=condition)
        return replace(rule, condition=self._name(rule.condition)) if rule.scope == "query" else rule

    def run(self, sql: str) -> DataFrame:
        """The rows of a query over ``{batch}``."""
        return self._session.sql(self._name(sql, with_batch=True))

    def measure(self, rule: Rule) -> float | None:
        """The current value of a rule over history."""
        (value,) = self.run(rule.condition).collect()[0]
        return None if value is None else float(value)

    def illustrate(self, outcome: RuleOutcome, bound: Rule, contract: Contract) -> RuleOutcome:
        """The outcome with the value that was compared, and with a few of the rows that break the rule."""
        if "error" in outcome.observed:
            return outcome
        if outcome.rule.scope == "history":
            outcome = replace(outcome, observed={"value": self.measure(outcome.rule), **outcome.observed})
        if outcome.passed:
            return outcome
        shown = self._find_broken(outcome, bound, contract).limit(SAMPLE_ROWS).collect()
        return replace(outcome, sample=tuple(row.asDict() for row in shown))

    def _find_broken(self, outcome: RuleOutcome, bound: Rule, contract: Contract) -> DataFrame:
        """Rows that break a rule: refused ones where there are any, else rows of the candidate."""
        if outcome.observed.get("refused_rows") and self._refused is not None:
            return self._refused.where(F.array_contains(REASONS, bound.id)).orderBy(*ORIGIN)
        if bound.scope == "rows":
            return self._rows.where(~holds(bound)).orderBy(*contract.key)
        return self.run(write_query(bound))

    def _name(self, sql: str, *, with_batch: bool = False) -> str:
        for name, view in self._names.items():
            if with_batch or name != "batch":
                sql = re.sub(rf"\{{{re.escape(name)}\}}", view, sql)
        return sql


def _settle_early(rule: Rule, evidence: Evidence, views: _Views) -> Iterator[RuleOutcome]:
    """The outcome of a rule that has nothing to compare with yet, or does not apply to these files."""
    why = _says_why_not(rule, evidence)
    if why is not None:
        value = views.measure(rule) if rule.scope == "history" else None
        yield RuleOutcome(
            rule, True, {"applies": f"no: {why}", **({} if value is None else {"value": value})}
        )


def _says_why_not(rule: Rule, evidence: Evidence) -> str | None:
    if rule.is_for_public_files and not evidence.is_public:
        return "the landed files are not the published ones"
    versions = len(evidence.past.get(rule.id, ()))
    if rule.scope == "history" and versions < LEAST_HISTORY:
        return f"{versions} of {LEAST_HISTORY} versions to compare with"
    return None


def _judge(rule: Rule, result: dict[str, Any], success: bool, total: int, evidence: Evidence) -> RuleOutcome:
    observed: dict[str, Any] = {"rows": total, "threshold": _say_threshold(rule, evidence)}
    if "error" in result:
        observed["error"] = result["error"]
    failing = int(result.get("unexpected_count") or result.get("observed_value") or 0)
    if rule.severity == "reject":
        refused = evidence.refused_by_rule.get(rule.id, 0)
        observed |= {
            "rows": evidence.read,
            "refused_rows": refused,
            **_count_failing(refused + failing, evidence.read),
        }
        return RuleOutcome(rule, success and not refused, observed, blocks=not success)
    if rule.scope in {"rows", "query"}:
        observed |= _count_failing(failing, total)
    return RuleOutcome(rule, success, observed, blocks=not success and rule.severity == "block")


def _count_failing(failing: int, rows: int) -> dict[str, Any]:
    return {"failing_rows": failing, "failing_share": failing / rows if rows else 0.0}


def _say_threshold(rule: Rule, evidence: Evidence) -> str:
    if rule.scope == "history":
        low, high = _find_bounds(rule, evidence)
        return f"between {low:.6g} and {high:.6g}"
    return "the condition holds" if rule.scope == "table" else "0 rows"


def _find_bounds(rule: Rule, evidence: Evidence) -> tuple[float, float]:
    middle = median(evidence.past[rule.id])
    low, high = rule.between or (0.0, float("inf"))
    return middle * low, middle * high
