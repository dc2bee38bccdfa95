"""Every table of the graph built in its order, without Dagster, as often as files land."""

from instacart_assets.graph import all_tables, sort_tables
from instacart_assets.lakehouse.lake import Lakehouse
from instacart_assets.settings import Settings
from instacart_assets.tables.build import build_table
from instacart_assets.tables.result import BuildResult


def build_graph(lake: Lakehouse, settings: Settings, run_id: str) -> dict[str, BuildResult]:
    """What became of each table; one that is made of a table that is not published is passed over."""
    results: dict[str, BuildResult] = {}
    known = {table.address for table in all_tables()}
    for table in sort_tables(all_tables()):
        published = {address for address, result in results.items() if result.version is not None}
        if not set(table.dependencies) & (known - published):
            results[table.address] = build_table(table, lake, settings, run_id)
    return results
