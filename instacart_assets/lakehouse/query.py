"""SQL over the lake, for people: tables under their addresses, rows as the engine returns them.

Contains how ``gold.daily_product_sales`` becomes a name the engine knows. Nothing is written to the lake.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches

import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from instacart_assets.contracts.model import LAYERS, QUARANTINE
from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.lake import Lakehouse, VersionMissingError

LOOKS_ONLY = re.compile(r"(DESCRIBE|DESC|SHOW)\s", re.IGNORECASE)
TABLE_NAME = re.compile(rf"\b({'|'.join((*LAYERS, QUARANTINE))})\.(\w+)", re.IGNORECASE)


class QueryError(RemediableError):
    """The engine cannot answer a query; the message contains its reason."""


def run_query(
    lake: Lakehouse,
    sql: str,
    limit: int | None = None,
    *,
    versions: Mapping[str, int] | None = None,
    as_of: datetime | None = None,
) -> pa.Table:
    """The answer to a query that names tables by their addresses, such as ``gold.daily_product_sales``.

    Args:
        lake: where the tables are.
        sql: one Spark SQL query.
        limit: maximum number of rows to return; None for all.
        versions: versions to read, by address of the table.
        as_of: the moment at which all other tables are read; by default now.

    Raises:
        QueryError: a table is not in the lake, or the engine refuses the query.
        VersionMissingError: a table cannot be read at the requested version or moment.
    """
    names = {f"{layer}.{name}".lower() for layer, name in TABLE_NAME.findall(sql)}
    known = lake.list_tables()
    pinned = dict(versions or {})
    _check_named(pinned, names)
    if as_of is not None:
        others = sorted((names & set(known)) - set(pinned))
        pinned |= {name: _find_version_at(lake, name, as_of) for name in others}
    held = {name: _name_table(lake, name, pinned.get(name)) for name in sorted(names & set(known))}
    for name in sorted(names - set(known)):
        lake.forget_name(name)
    try:
        rows = _read_only(lake, _name_tables(sql, held))
        return (rows if limit is None else rows.limit(limit)).toArrow()
    except (PySparkException, Py4JJavaError) as error:  # classic PySpark raises errors of its tasks as Java's
        raise QueryError(_explain(error, names - set(known), known, lake)) from error


def _check_named(versions: Mapping[str, int], names: set[str]) -> None:
    strange = sorted(set(versions) - names)
    if strange:
        raise QueryError(
            f"a version is given of {', '.join(strange)}, which the query does not name; "
            "give versions of its tables, as: --version gold.dim_product=3"
        )


def _find_version_at(lake: Lakehouse, address: str, moment: datetime) -> int:
    version = lake.find_version_at(address, moment)
    if version is None:
        raise VersionMissingError(
            f"{address} was not published yet at {moment.isoformat(' ')}; {lake.tell_earliest(address)}"
        )
    return version


def _name_table(lake: Lakehouse, address: str, version: int | None) -> str:
    """The name under which the session finds a table, or one version of it."""
    if version is None:
        return lake.name_for_query(address)
    lake.check_version(address, version)
    view = f"{address.replace('.', '__')}__version_{version}"
    lake.read(address, version).createOrReplaceTempView(view)
    return view


def _read_only(lake: Lakehouse, sql: str) -> DataFrame:
    """The rows of a query; a statement that would change anything is refused before it runs.

    The statement is first parsed as a subquery: the engine's own parser accepts only queries there.
    """
    query = sql.strip().rstrip(";")
    if not LOOKS_ONLY.match(query):
        lake.session.sql("\n".join(["SELECT * FROM (", query, ") AS answer LIMIT 0"]))
    return lake.session.sql(query)


def _name_tables(sql: str, names: Mapping[str, str]) -> str:
    """The query with its tables' addresses, in any case, replaced by the names that the session knows."""
    return TABLE_NAME.sub(lambda found: names.get(found[0].lower(), found[0]), sql)


def _explain(error: Exception, absent: set[str], known: list[str], lake: Lakehouse) -> str:
    if not absent:
        return f"the query was refused: {error} (tables can be read here, not changed)"
    if not known:
        return f"not in the lake {lake.place}, which holds nothing yet; make its tables with: instacart run"
    near = [match for name in sorted(absent) for match in get_close_matches(name, known, n=3, cutoff=0.5)]
    layers = {name.split(".")[0] for name in absent}
    held = near or [name for name in known if name.split(".")[0] in layers]
    return f"not in the lake {lake.place}: {', '.join(sorted(absent))}; it holds {', '.join(held)}"
