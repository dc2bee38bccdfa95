"""Every table that contracts promise, empty, on the embedded engine, to run SQL against.

Creates those tables, in schemas named as in a target, and finds which columns a query returns.
"""

import re
from functools import cached_property

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from instacart_assets.contracts.model import QUARANTINE, Contract
from instacart_assets.contracts.quarantine import quarantine_of
from instacart_assets.graph import all_tables
from instacart_assets.lakehouse.sessions import open_session

CATALOG = "sail"
"""The engine's own catalog, in place of a workspace's."""

DEFAULT = "default"
"""The schema that a session starts in."""

NOISE = re.compile(r"\s*\n.*", re.DOTALL)


class QueryFault(ValueError):  # noqa: N818 - a fault of the query, not an error of the program
    """A query cannot be answered; the message says why."""


class EmptyLake:
    """Empty tables, created when the first query runs.

    Args:
        prefix: prefix of the schemas' names.
    """

    catalog = CATALOG

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._answered: dict[tuple[str, str | None], tuple[str, ...]] = {}

    def find_columns(self, sql: str, schema: str | None) -> tuple[str, ...]:
        """Names of the columns that a query returns.

        Args:
            sql: the query.
            schema: where tables that it names without a schema are looked up.

        Raises:
            QueryFault: it names a table or a column that no contract has, or is not valid SQL.
        """
        # Targets and dashboards share queries over the same tables.
        if known := self._answered.get((sql, schema)):
            return known
        try:
            self._session.sql(f"USE SCHEMA `{schema or DEFAULT}`")
            # Only a query is valid here: nothing is changed.
            asked = self._session.sql(f"SELECT * FROM (\n{sql}\n) AS asked")  # noqa: S608 - see above
            columns = self._answered[sql, schema] = tuple(asked.columns)
        except PySparkException as error:
            raise QueryFault(f"cannot be answered: {NOISE.sub('', str(error))}") from error
        else:
            return columns
        finally:
            self._session.sql(f"USE SCHEMA `{DEFAULT}`")

    @cached_property
    def _session(self) -> SparkSession:
        session = open_session()
        for contract in list_contracts():
            schema = f"`{self._prefix}{contract.layer}`"
            session.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            columns = ", ".join(f"`{column.name}` {column.type}" for column in contract.columns)
            session.sql(f"CREATE TABLE IF NOT EXISTS {schema}.`{contract.name}` ({columns}) USING parquet")
        return session


def list_contracts() -> list[Contract]:
    """The contracts of all tables, including those of the quarantine."""
    contracts = {table.address: table.contract for table in all_tables()}
    refusing = [
        quarantine_of(contract, {source: contracts[source] for source in contract.row_sources})
        for contract in contracts.values()
        if contract.has_quarantine and not contract.landed_columns
    ]
    lines = [
        quarantine_of(contract, {})
        for contract in contracts.values()
        if contract.has_quarantine and contract.landed_columns
    ]
    known = [*contracts.values(), *refusing, *lines]
    return [one for one in known if one.layer != QUARANTINE or one.columns]
