"""A contract's columns as an Arrow schema, and rows brought into a contract's shape.

Contains what every lake requires of rows before it writes them. Nothing is read or written here.
"""

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import IS_REFUSED, ORIGIN, REASONS, ColumnType, Contract
from instacart_assets.errors import RemediableError

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "array<string>": pa.list_(pa.string()),
}


class ShapeError(RemediableError):
    """A transform's rows lack a column of the contract; the message names table, column and remedy."""


def arrow_schema(contract: Contract) -> pa.Schema:
    """The table's Arrow schema, every column nullable: a candidate may still violate its contract."""
    return pa.schema([(column.name, ARROW_TYPES[column.type]) for column in contract.columns])


def conform(rows: DataFrame, contract: Contract) -> DataFrame:
    """The contract's columns, in its order and types; columns it does not name are left out.

    A candidate's own columns stay: the origin of a refused row, and the rules it breaks.

    Raises:
        ShapeError: the rows lack a column of the contract.
    """
    check_shape(rows, contract)
    kept = (name for name in (*ORIGIN, REASONS, IS_REFUSED) if IS_REFUSED in rows.columns)
    return rows.select(
        *(F.col(column.name).cast(column.type).alias(column.name) for column in contract.columns), *kept
    )


def check_shape(rows: DataFrame, contract: Contract) -> None:
    """Refuse rows that lack a column of the contract.

    Raises:
        ShapeError: they do.
    """
    missing = [name for name in contract.column_names if name not in set(rows.columns)]
    if missing:
        raise ShapeError(
            f"{contract.address}: the transform returns no {', '.join(missing)}, which the contract asks for; "
            "return it, or take it out of the contract"
        )
