"""Products as they were: each version of a product with its period of validity (an SCD type 2 history).

Contains how versions are opened and closed, and how facts are joined to the version valid at their moment. The table is
never rebuilt from scratch: it is made of its own previous rows and the current products, so lost rows stay lost.
"""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from instacart_assets.tables.declare import table
from instacart_assets.tables.moment import Moment

ATTRIBUTES = ("product_name", "aisle_id", "aisle", "department_id", "department", "is_classified")
"""Attributes of a product that may change."""


@table("silver.product_history")
def product_history(
    silver_products: DataFrame, silver_product_history: DataFrame, moment: Moment
) -> DataFrame:
    """One row per version of a product; a version is valid from ``valid_from_at`` to just before ``valid_to_at``.

    For a product that changed, the current version is closed and another opened at ``moment``; for a new product or
    one that is back, a version is opened; for one that is gone, its version is closed. All other rows are unchanged.

    If there are no products at all, every version is closed: the contract blocks such a history.
    """
    products = silver_products.select("product_id", *ATTRIBUTES).alias("products")
    closed = silver_product_history.where(~F.col("is_current"))
    current = silver_product_history.where("is_current").alias("current")
    is_same = _all(
        F.col("current.product_id") == F.col("products.product_id"),
        *(F.col(f"current.{name}").eqNullSafe(F.col(f"products.{name}")) for name in ATTRIBUTES),
    )
    standing = current.join(products, is_same, "left_semi")
    ended = current.join(products, is_same, "left_anti").withColumns(
        {"valid_to_at": F.lit(moment.at), "is_current": F.lit(False)}
    )
    begun = products.join(current, is_same, "left_anti").withColumns(
        {
            "valid_from_at": F.lit(moment.at),
            "valid_to_at": F.lit(None).cast("timestamp"),
            "is_current": F.lit(True),
        }
    )
    return reduce(DataFrame.unionByName, (closed, standing, ended, begun))


def join_as_of(facts: DataFrame, history: DataFrame, moment_column: str) -> DataFrame:
    """Facts, each with its product as it was at the fact's own moment.

    Args:
        facts: rows with ``product_id`` and a moment; product attributes that they already have are replaced.
        history: rows of ``silver.product_history``.
        moment_column: column of the facts with the moment, a timestamp; a date stands for its first instant in the
            session's time zone.

    Returns:
        One row per fact: its columns, then ``ATTRIBUTES``, which are null where the moment is null or the history
        has no version of the product at that moment: before it was first seen, or while it was gone.
    """
    told = facts.drop(*ATTRIBUTES).alias("facts")
    at = F.col(f"facts.{moment_column}").cast("timestamp")
    until = F.col("history.valid_to_at")
    holds_then = _all(
        F.col("facts.product_id") == F.col("history.product_id"),
        F.col("history.valid_from_at") <= at,
        until.isNull() | (at < until),
    )
    return told.join(history.alias("history"), holds_then, "left").select(
        *(F.col(f"facts.{name}") for name in told.columns), *(F.col(f"history.{name}") for name in ATTRIBUTES)
    )


def _all(*conditions: Column) -> Column:
    return reduce(Column.__and__, conditions)
