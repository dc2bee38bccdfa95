"""Bronze tables: each holds the records of one landed source, unchanged, with their origin.

Contains the layer's only transform, which changes nothing: a new source needs a new contract and no code.
"""

from collections.abc import Iterator

from pyspark.sql import DataFrame

from instacart_assets.contracts.load import contracts_of
from instacart_assets.contracts.model import LANDING
from instacart_assets.tables.declare import Table


def keep_as_landed(records: DataFrame) -> DataFrame:
    """One row per landed record: source columns as strings exactly as landed, and ``_`` columns of origin."""
    return records


def make_bronze_tables() -> Iterator[Table]:
    """One table per contract of the layer, read from the landed source of the same name."""
    for contract in contracts_of("bronze"):
        yield Table(contract, keep_as_landed, {"records": f"{LANDING}.{contract.name}"}, {})
