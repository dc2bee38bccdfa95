"""Which tables there are, and in which order they can be built.

Contains the list of all tables and nothing that builds them: how they become assets is wired in
``definitions.py``; the Databricks job that builds them is described in the package ``databricks``.
"""

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter

from instacart_assets import gold, silver
from instacart_assets.bronze.landed import make_bronze_tables
from instacart_assets.tables.declare import Table, find_tables


def all_tables() -> tuple[Table, ...]:
    """Every table of the product, by layer and name."""
    return (*make_bronze_tables(), *find_tables(silver), *find_tables(gold))


def sort_tables(tables: Iterable[Table]) -> list[Table]:
    """The tables, each after the ones it is built from."""
    known = {table.address: table for table in tables}
    needed = {
        address: [source for source in table.dependencies if source in known]
        for address, table in known.items()
    }
    return [known[address] for address in TopologicalSorter(needed).static_order()]


def find_ancestors(table: Table, known: Mapping[str, Table]) -> frozenset[str]:
    """Addresses of the known tables that a table depends on, directly or indirectly."""
    found: set[str] = set()
    waiting = list(table.dependencies)
    while waiting:
        address = waiting.pop()
        if address in known and address not in found:
            found.add(address)
            waiting.extend(known[address].dependencies)
    return frozenset(found)


def follow_drop(tables: Iterable[Table], changed: Iterable[str], landed: Iterable[str]) -> list[str]:
    """Addresses of the tables to build after a drop (a batch of newly landed files), by layer and name.

    Args:
        tables: the graph.
        changed: addresses of the bronze tables whose sources changed.
        landed: addresses of the bronze tables whose sources have landed. Tables that depend on a required source
            that has not landed cannot be built yet.
    """
    known = {table.address: table for table in tables}
    begun, there = frozenset(changed), frozenset(landed)
    sources = {
        address: frozenset(
            one for one in {address, *find_ancestors(table, known)} if known[one].contract.landed_columns
        )
        for address, table in known.items()
    }
    needed = frozenset(one for one, table in known.items() if not table.contract.is_optional)
    return [address for address in known if sources[address] & begun and sources[address] & needed <= there]
