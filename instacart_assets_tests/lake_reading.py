"""Reads tables of a lake without the engine that wrote them, for tests that look at results."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from instacart_assets.contracts.load import load_contracts

MOMENTS = {"_ingested_at", "valid_from_at", "valid_to_at"}
"""Columns that say when something ran, and differ between runs that are the same."""


def read_table(lake: Path, address: str) -> pa.Table:
    layer, name = address.split(".")
    return DeltaTable(lake / layer / name).to_pyarrow_table()


def read_rows(lake: Path, address: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_table(lake, address).to_pylist()
    return rows


def read_sorted(lake: Path, address: str) -> pa.Table:
    """All rows in the order of the key, without the columns that say when something ran."""
    key = [(name, "ascending") for name in load_contracts()[address].key]
    table = read_table(lake, address).sort_by(key)
    return table.select([name for name in table.column_names if name not in MOMENTS]).combine_chunks()


def round_off(value: Any) -> Any:
    """A value without the last digits of a fraction, in which the engine differs from itself."""
    return float(f"{value:.12g}") if isinstance(value, float) else value
