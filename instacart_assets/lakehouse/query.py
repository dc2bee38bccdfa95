"""SQL over the lake, for people: tables under their addresses, rows as the engine gives them.

Here lives what makes ``gold.daily_product_sales`` a name the engine knows. Nothing is written to the lake.
"""

import re

import pyarrow as pa
from pyspark.errors import PySparkException

from instacart_assets.contracts.model import LAYERS
from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.lake import Lakehouse

TABLE_NAME = re.compile(rf"\b({'|'.join(LAYERS)})\.(\w+)", re.IGNORECASE)


class QueryError(RemediableError):
    """The engine cannot answer a query; the message holds its reason."""


def run_query(lake: Lakehouse, sql: str, limit: int | None = None) -> pa.Table:
    """The answer to a query that names tables by their addresses, as ``gold.daily_product_sales``.

    Args:
        lake: where the tables lie.
        sql: one Spark SQL query.
        limit: most rows to return; None for all.

    Raises:
        QueryError: a table is not in the lake, or the engine refuses the query.
    """
    names = {f"{layer}.{name}".lower() for layer, name in TABLE_NAME.findall(sql)}
    known = lake.list_tables()
    for name in sorted(names & set(known)):
        _register(lake, name)
    try:
        question = _lower_names(sql, names & set(known)).rstrip("; \n\t")
        # Planned as part of a query first, which INSERT, DELETE or DROP cannot be: nothing is carried out.
        lake.session.sql(f"EXPLAIN SELECT 1 FROM (\n{question}\n)")  # noqa: S608 - it is the person's own
        rows = lake.session.sql(question)
        return (rows if limit is None else rows.limit(limit)).toArrow()
    except PySparkException as error:
        raise QueryError(_explain(error, names - set(known), known, lake)) from error


def _lower_names(sql: str, names: set[str]) -> str:
    """The query with its tables' names in lower case: the engine tells ``GOLD`` from ``gold``."""
    return TABLE_NAME.sub(lambda found: found[0].lower() if found[0].lower() in names else found[0], sql)


def _register(lake: Lakehouse, address: str) -> None:
    layer = address.split(".", maxsplit=1)[0]
    lake.session.sql(f"CREATE DATABASE IF NOT EXISTS {layer}")
    lake.session.sql(f"DROP TABLE IF EXISTS {address}")
    location = lake.locate_for_engine(address).replace("\\", "\\\\").replace("'", "\\'")
    lake.session.sql(f"CREATE TABLE {address} USING delta LOCATION '{location}'")


def _explain(error: PySparkException, absent: set[str], known: list[str], lake: Lakehouse) -> str:
    if not absent:
        return f"the query was refused: {error}"
    held = ", ".join(known) if known else "nothing yet; make its tables with: instacart run"
    return f"not in the lake {lake.root}: {', '.join(sorted(absent))}; it holds {held}"
