"""Which tables there are, and in which order they can be built.

Here lives the list of all tables and nothing that builds them: how they become assets is wired in
``definitions.py``; a Databricks job of them is described in the room ``databricks``.
"""

from collections.abc import Iterable
from graphlib import TopologicalSorter

from instacart_assets import gold, silver
from instacart_assets.bronze.landed import make_bronze_tables
from instacart_assets.tables.declare import Table, find_tables


def all_tables() -> tuple[Table, ...]:
    """Every table of the product, by layer and name."""
    return (*make_bronze_tables(), *find_tables(silver), *find_tables(gold))


def sort_tables(tables: Iterable[Table]) -> list[Table]:
    """The tables, each after those of them that it is built from."""
    known = {table.address: table for table in tables}
    needed = {
        address: [source for source in table.dependencies if source in known]
        for address, table in known.items()
    }
    return [known[address] for address in TopologicalSorter(needed).static_order()]
