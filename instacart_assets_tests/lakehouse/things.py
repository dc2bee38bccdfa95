"""A small table of things, and how a test publishes versions of it.

Defines what the tests of the lake share. What a version should hold stands in the tests.
"""

from collections.abc import Sequence
from typing import Any

from instacart_assets.contracts.model import Contract
from instacart_assets.lakehouse.lake import Candidate, Lakehouse
from instacart_assets_tests.small_contracts import make_column, make_contract

THINGS = make_contract(make_column("thing_id", "int", required=True), make_column("name"))


def make_named(address: str) -> Contract:
    """The table of things under another address."""
    return make_contract(*THINGS.columns, address=address)


def stage(
    lake: Lakehouse, rows: Sequence[tuple[Any, ...]], contract: Contract = THINGS, run_id: str = "run"
) -> Candidate:
    """A candidate of these rows, made to replace what is published now."""
    schema = ", ".join(f"{column.name} {column.type}" for column in contract.columns)
    frame = lake.session.createDataFrame(rows, schema)
    return lake.stage(frame, contract, lake.pin(contract.address), run_id)


def publish(
    lake: Lakehouse, rows: Sequence[tuple[Any, ...]], contract: Contract = THINGS, run_id: str = "run"
) -> int:
    return lake.publish(stage(lake, rows, contract, run_id))


def read_sorted(lake: Lakehouse, address: str = "silver.things", version: int | None = None) -> list[Any]:
    """All rows as the engine reads them, as tuples in order."""
    return sorted(tuple(row) for row in lake.read(address, version).collect())
