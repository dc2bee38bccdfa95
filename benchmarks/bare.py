"""The transforms alone: the same functions on the same engine, without checks, quarantine, notes and Dagster.

The checked run is compared with this one. Rows are written by the same lake, as its candidate (the staged version),
and published as the table in one commit: what remains is what a script of these transforms would do.
"""

import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from instacart_assets.graph import all_tables, sort_tables
from instacart_assets.lakehouse.lake import BY_HAND, Lakehouse
from instacart_assets.lakehouse.sessions import open_lake, open_session
from instacart_assets.landing.files import FileContent, fingerprint_file, survey
from instacart_assets.landing.read import read_files
from instacart_assets.settings import Settings
from instacart_assets.tables.declare import Table
from instacart_assets.tables.moment import Moment


def build_tables(settings: Settings, chosen: Collection[str] = ()) -> dict[str, float]:
    """Build tables from the landed files, one after another, each by its function alone.

    Args:
        settings: landing folder, lake and target.
        chosen: addresses of the tables to build, including their sources; all if empty.

    Returns:
        Seconds for each table, by address, in the order in which they were built.
    """
    session = open_session(settings.target, settings.spark)
    lake = open_lake(settings, lambda: session)
    tables = [table for table in all_tables() if not chosen or table.address in chosen]
    seconds = {}
    for table in sort_tables(tables):
        started = time.perf_counter()
        candidate = lake.stage(
            make_rows(table, lake, settings, session), table.contract, lake.pin(table.address), BY_HAND
        )
        lake.publish(candidate, {})
        lake.discard(candidate)
        seconds[table.address] = time.perf_counter() - started
    return seconds


def make_rows(table: Table, lake: Lakehouse, settings: Settings, session: SparkSession) -> DataFrame:
    """Rows as the table's function makes them, from landed files or from the current tables."""
    if table.contract.landed_columns:
        return table.transform(_read_landed(table, settings, session))
    given: dict[str, Any] = {name: lake.read(address) for name, address in table.sources.items()}
    if table.history is not None:
        given[table.history] = lake.make_none(table.contract)
    return table.transform(**given, **choose_settings(table, settings))


def choose_settings(table: Table, settings: Settings) -> dict[str, Any]:
    """The objects that the table's function takes besides rows, by parameter."""
    known = {type(value): value for _, value in settings} | {Moment: Moment(datetime.now(UTC))}
    return {name: known[kind] for name, kind in table.settings.items()}


def _read_landed(table: Table, settings: Settings, session: SparkSession) -> DataFrame:
    """Records of the landed files, read as undamaged; each row carries its file's fingerprint."""
    files = survey(settings.landing, [table.contract])[table.address]
    moments = {file.name: datetime.now(UTC) for file in files}
    contents = [
        (file, FileContent(fingerprint_file(file.path), records=0, has_quotes=False, is_plain=True))
        for file in files
    ]
    return read_files(session, contents, table.contract, moments, {})
