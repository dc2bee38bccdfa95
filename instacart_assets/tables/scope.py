"""Which groups of a table must be rebuilt when only some rows of its sources have changed.

Contains the mapping from changed rows of sources to groups of the table, and from groups to the rows of sources
that they are built from. Whether a table can be built in parts is decided elsewhere.
"""

from collections.abc import Mapping, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import Contract
from instacart_assets.lakehouse.lake import Aside
from instacart_assets.tables.declare import Table


class Scope:
    """Groups of a table, by the columns they are built by.

    Args:
        keys: one row per group, in the columns that the table is built by, with the table's types.
        contract: the table.
        has_strays: whether there are landed rows whose group cannot be parsed: they are refused, and belong to every
            scope.
    """

    def __init__(self, keys: DataFrame, contract: Contract, *, has_strays: bool) -> None:
        self.keys = keys
        self._contract = contract
        self._has_strays = has_strays

    def slice(self, rows: DataFrame) -> DataFrame:
        """The rows in the scope, of the table or of a source that has the columns of its groups."""
        names = [f"_of_{name}" for name in self.keys.columns]
        read = rows.select("*", *_read(self.keys.columns, self._contract, "_of_"))
        inside = read.join(self.keys.toDF(*names), names, "left_semi").select(*rows.columns)
        return (
            inside.unionByName(read.where(_is_stray(names)).select(*rows.columns))
            if self._has_strays
            else inside
        )


def find_scope(
    table: Table,
    *,
    changes: Mapping[str, DataFrame],
    landed: Mapping[str, DataFrame],
    published: DataFrame,
    refused: DataFrame | None,
    aside: Aside,
) -> Scope:
    """The groups that depend on changed rows of sources.

    Groups of rows in quarantine are always included: so all current refusals are known, whatever has changed.

    Args:
        table: the table.
        changes: rows that were added to or removed from each source, by address.
        landed: all rows of the bronze tables that the table's rows come from, by address.
        published: the table's rows.
        refused: what the table's quarantine holds; None where it refuses nothing.
        aside: store for the groups.
    """
    contract, by = table.contract, table.by
    parts = [_find_groups(rows, table.ties[address], published, table) for address, rows in changes.items()]
    parts += [
        _find_rivals(changes[address], rows, contract).select(*_read(by, contract))
        for address, rows in landed.items()
        if address in changes and not set(by) <= set(contract.key)
    ]
    strays = [rows for address, rows in changes.items() if address in landed]
    if refused is not None:
        parts.append(refused.select(*_read(by, contract)))
        strays.append(refused)
    # Stored one by one: the embedded engine fails on unions of columns with and without a comment.
    kept = [aside.put(part.dropna(subset=list(by))) for part in parts or [published.select(*by).limit(0)]]
    keys = reduce(DataFrame.unionByName, kept).distinct()
    return Scope(aside.put(keys), contract, has_strays=any(_has_stray(rows, table) for rows in strays))


def _find_groups(rows: DataFrame, tie: tuple[str, ...], published: DataFrame, table: Table) -> DataFrame:
    if tie == table.by:
        return rows.select(*_read(tie, table.contract))
    return published.join(rows.select(*tie).distinct(), [*tie], "left_semi").select(*table.by)


def _find_rivals(changed: DataFrame, landed: DataFrame, contract: Contract) -> DataFrame:
    """Landed rows that share their key with a changed one: which of them counts may have changed."""
    key = [f"_of_{name}" for name in contract.key]
    named = changed.select(*_read(contract.key, contract, "_of_")).distinct()
    return landed.select("*", *_read(contract.key, contract, "_of_")).join(named, key, "left_semi")


def _has_stray(rows: DataFrame, table: Table) -> bool:
    groups = rows.select(*_read(table.by, table.contract))
    return groups.where(_is_stray(table.by)).limit(1).count() > 0


def _is_stray(names: Sequence[str]) -> Column:
    """Whether a row's group cannot be parsed."""
    return reduce(Column.__or__, (F.col(name).isNull() for name in names))


def _read(names: Sequence[str], contract: Contract, prefix: str = "") -> list[Column]:
    """Columns cast to the table's types, as landed columns are text."""
    types = {column.name: column.type for column in contract.columns}
    return [F.col(name).try_cast(types[name]).alias(f"{prefix}{name}") for name in names]
