"""SQL over the lake, for people: tables under their addresses, rows as the engine gives them.

Here lives what makes ``gold.daily_product_sales`` a name the engine knows. Nothing is written to the lake.
"""

import re
from difflib import get_close_matches

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from instacart_assets.contracts.model import LAYERS, QUARANTINE
from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.lake import Lakehouse

LOOKS_ONLY = re.compile(r"(DESCRIBE|DESC|SHOW)\s", re.IGNORECASE)
TABLE_NAME = re.compile(rf"\b({'|'.join((*LAYERS, QUARANTINE))})\.(\w+)", re.IGNORECASE)


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
    for name in sorted(names):
        _register(lake, name, is_held=name in known)
    try:
        rows = _read_only(lake, _lower_names(sql, names & set(known)))
        return (rows if limit is None else rows.limit(limit)).toArrow()
    except PySparkException as error:
        raise QueryError(_explain(error, names - set(known), known, lake)) from error


def _read_only(lake: Lakehouse, sql: str) -> DataFrame:
    """The rows of a query; a statement that would change anything is refused before it runs.

    Only a query can stand in the place of a table: the engine's own parser refuses everything else there.
    """
    query = sql.strip().rstrip(";")
    if not LOOKS_ONLY.match(query):
        lake.session.sql("\n".join(["SELECT * FROM (", query, ") AS answer LIMIT 0"]))
    return lake.session.sql(query)


def _lower_names(sql: str, names: set[str]) -> str:
    """The query with its tables' names in lower case: the engine tells ``GOLD`` from ``gold``."""
    return TABLE_NAME.sub(lambda found: found[0].lower() if found[0].lower() in names else found[0], sql)


def _register(lake: Lakehouse, address: str, *, is_held: bool) -> None:
    # A session may know the name from another lake: it is forgotten first.
    layer = address.split(".", maxsplit=1)[0]
    lake.session.sql(f"CREATE DATABASE IF NOT EXISTS {layer}")
    lake.session.sql(f"DROP TABLE IF EXISTS {address}")
    if not is_held:
        return
    location = lake.locate_for_engine(address).replace("\\", "\\\\").replace("'", "\\'")
    lake.session.sql(f"CREATE TABLE {address} USING delta LOCATION '{location}'")


def _explain(error: PySparkException, absent: set[str], known: list[str], lake: Lakehouse) -> str:
    if not absent:
        return f"the query was refused: {error} (tables can be read here, not changed)"
    if not known:
        return f"not in the lake {lake.root}, which holds nothing yet; make its tables with: instacart run"
    near = [match for name in sorted(absent) for match in get_close_matches(name, known, n=3, cutoff=0.5)]
    layers = {name.split(".")[0] for name in absent}
    held = near or [name for name in known if name.split(".")[0] in layers]
    return f"not in the lake {lake.root}: {', '.join(sorted(absent))}; it holds {', '.join(held)}"
