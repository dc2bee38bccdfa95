"""Reads tables of a lake without the engine that wrote them, for tests that look at results."""

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from instacart_assets.contracts.load import load_contracts

MOMENTS = {"_ingested_at", "valid_from_at", "valid_to_at"}
"""Columns that say when something ran, and differ between runs that are the same."""

CLOSE = 1e-9
"""Largest relative difference of two fractions that are the same."""

Rows = list[dict[str, Any]]


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


class Fraction(float):
    """A fraction that equals another one unless they differ in more than their last digits.

    In those the engine differs from itself, as it sums in whatever order rows come. It is shown, and so sorted, with
    fewer digits still.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and (
            math.isclose(self, other, rel_tol=CLOSE) or (math.isnan(self) and math.isnan(other))
        )

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment] # what is nearly equal has no hash

    def __repr__(self) -> str:
        return f"{float(self):.6g}"


def round_off(value: Any) -> Any:
    """A value to be compared, whatever the last digits of a fraction are."""
    return Fraction(value) if isinstance(value, float) else value
