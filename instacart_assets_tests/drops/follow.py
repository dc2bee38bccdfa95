"""Tables of the graph built in their order, without Dagster, as often as files land."""

from collections.abc import Iterable

from instacart_assets.graph import all_tables, find_ancestors, sort_tables
from instacart_assets.lakehouse.lake import Lakehouse
from instacart_assets.settings import Settings
from instacart_assets.tables.build import build_table
from instacart_assets.tables.result import BuildResult


def build_graph(
    lake: Lakehouse, settings: Settings, run_id: str, wanted: Iterable[str] | None = None
) -> dict[str, BuildResult]:
    """What became of each table; one that is made of a table that is not published is passed over.

    Args:
        lake: where they are built.
        settings: what is built of what.
        run_id: of the run.
        wanted: addresses of the tables that are built, with what they are made of; None for all.
    """
    results: dict[str, BuildResult] = {}
    tables = {table.address: table for table in all_tables()}
    asked = list(tables if wanted is None else wanted)
    known = {*asked, *(one for address in asked for one in find_ancestors(tables[address], tables))}
    for table in sort_tables(tables[address] for address in known):
        published = {address for address, result in results.items() if result.version is not None}
        if not set(table.dependencies) & (known - published):
            results[table.address] = build_table(table, lake, settings, run_id)
    return results
