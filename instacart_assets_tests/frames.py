"""Small hand-made tables for tests: the columns a test speaks of, defaults for the rest.

Defines how a table is written down and read back in a few words, and how a test asks whether rows keep
their contract. What a table should hold stands in the tests.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import Column, Contract, Rule
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.lakehouse.schema import conform
from instacart_assets.quality.expectations import add_verdicts, write_query

DEFAULTS: dict[str, Any] = {
    "add_to_cart_order": 1,
    "aisle": "bread",
    "aisle_id": 1,
    "department": "bakery",
    "department_id": 1,
    "eval_set": "prior",
    "is_classified": True,
    "is_simulated": True,
    "order_number": 1,
    "product_name": "Rye Bread",
    "promotion_name": "Spring",
    "promotion_type": "coupon",
}
"""Values of columns that a test does not name; a column that is not here gets its type's value below."""

DEFAULTS_BY_TYPE: dict[str, Any] = {
    "boolean": False,
    "int": 0,
    "bigint": 0,
    "double": 0.0,
    "string": "",
    "date": date(2020, 1, 1),
    "timestamp": datetime(2020, 1, 1),  # noqa: DTZ001 - sessions read naive moments as UTC
}


def make_table(spark: SparkSession, address: str, columns: str = "", rows: Sequence[Any] = ()) -> DataFrame:
    """Rows of the table at ``address`` in its contract's columns and types.

    Args:
        spark: session that holds them.
        address: ``layer.table`` of a contract.
        columns: names of the columns that the rows give, separated by spaces.
        rows: a tuple per row, dates as ISO strings; the value alone where there is one column.
    """
    contract = load_contracts()[address]
    names = columns.split()
    unknown = set(names) - set(contract.column_names)
    if unknown:
        raise ValueError(f"{address} has no column {', '.join(sorted(unknown))}")
    given = [dict(zip(names, row if len(names) > 1 else [row], strict=True)) for row in rows]
    values = [tuple(_choose_value(column, row) for column in contract.columns) for row in given]
    schema = ", ".join(f"`{column.name}` {column.type}" for column in contract.columns)
    return spark.createDataFrame(values, schema)


def _choose_value(column: Column, given: dict[str, Any]) -> Any:
    if column.name not in given:
        default = DEFAULTS.get(column.name, DEFAULTS_BY_TYPE[column.type])
        return default if column.required else None
    value = given[column.name]
    return date.fromisoformat(value) if column.type == "date" and isinstance(value, str) else value


def read_rows(frame: DataFrame, columns: str) -> list[tuple[Any, ...]]:
    """The named columns as plain tuples, sorted, dates as ISO strings; nulls sort last."""
    rows = [tuple(_show(value) for value in row) for row in frame.select(*columns.split()).collect()]
    return sorted(rows, key=lambda row: [(value is None, value) for value in row])


def _show(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def find_broken_promises(frame: DataFrame, address: str) -> list[str]:
    """Names of what the rows break of their contract: columns of another kind, key, required columns, rules.

    Counts may differ in width, which writing them settles; a fraction may not stand where a count is promised.
    """
    contract = load_contracts()[address]
    kinds = dict(frame.dtypes)
    strange = [
        f"{column.name} is {kinds[column.name]}"
        for column in contract.columns
        if _kind(kinds[column.name]) != _kind(column.type)
    ]
    return strange + find_broken_rules(conform(frame, contract), contract)


def find_broken_rules(rows: DataFrame, contract: Contract) -> list[str]:
    """Names of those of the contract's rules that the rows break and that need no other table to be judged."""
    rows.createOrReplaceTempView("batch_of_broken_rules")
    rules = compile_rules(contract)
    verdicts = add_verdicts(rows, rules)
    spoken_of = [rule for rule in rules if rule.scope == "rows"]
    counts = verdicts.agg(*(F.count_if(~F.col(rule.id)).alias(rule.id) for rule in spoken_of)).collect()[0]
    broken = {rule.id for rule in spoken_of if counts[rule.id]}
    for rule in rules:
        if rule.scope in {"table", "query"} and not rule.is_for_public_files and not _needs_others(rule):
            found = rows.sparkSession.sql(write_query(rule).replace("{batch}", "batch_of_broken_rules"))
            broken |= {rule.id} if found.limit(1).count() else set()
    return [rule.id for rule in rules if rule.id in broken]


def _needs_others(rule: Rule) -> bool:
    return bool(rule.consulted) or "{refused}" in rule.condition or "{lines}" in rule.condition


def _kind(type_name: str) -> str:
    return "integer" if type_name in {"int", "bigint"} else type_name
