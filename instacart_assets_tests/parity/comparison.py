"""Whether two lakes hold the same tables, and in words where they do not.

Lakes are read without any engine. What says when something ran, or by which run, may differ; whether it is there
may not.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from instacart_assets.contracts.model import Contract
from instacart_assets.contracts.quarantine import quarantine_of
from instacart_assets.graph import all_tables
from instacart_assets_tests.lake_reading import round_off

MOMENTS = {"_ingested_at", "valid_from_at", "valid_to_at", "quarantined_at", "resolved_at", "run_id"}
SHOWN = 3

Row = dict[str, Any]


def find_contracts() -> dict[str, Contract]:
    """The contract of every table of the graph and of every quarantine, by address."""
    contracts: dict[str, Contract] = {}
    for table in all_tables():
        contracts[table.address] = table.contract
        if table.contract.has_quarantine:
            quarantine = quarantine_of(table.contract, table.landed)
            contracts[quarantine.address] = quarantine
    return contracts


def list_tables(lake: Path) -> set[str]:
    """Addresses of the tables that lie in a lake."""
    return {f"{log.parent.parent.name}.{log.parent.name}" for log in lake.glob("*/*/_delta_log")}


def compare_lakes(ours: Path, theirs: Path, addresses: Iterable[str]) -> list[str]:
    """How the tables of another lake differ from those of ours, a sentence each."""
    contracts = find_contracts()
    return [
        difference
        for address in addresses
        for difference in _compare_tables(
            address,
            contracts[address].key,
            *(DeltaTable(lake / address.replace(".", "/")) for lake in (ours, theirs)),
        )
    ]


def _compare_tables(
    address: str, key: tuple[str, ...], ours: DeltaTable, theirs: DeltaTable
) -> Iterator[str]:
    here, there = _describe(ours), _describe(theirs)
    yield from (
        f"{address}: {name} is {here.get(name)}, and {there.get(name)} in the other"
        for name in {**here, **there}
        if here.get(name) != there.get(name)
    )
    if list(here) != list(there):
        yield f"{address}: columns {list(here)}, and {list(there)} in the other"
        return
    mine, other = _read(ours, key), _read(theirs, key)
    if mine.keys() != other.keys():
        lacking, extra = (
            _show(here.keys() - there.keys(), here) for here, there in ((mine, other), (other, mine))
        )
        yield f"{address}: {len(mine)} rows, and {len(other)} in the other, which lacks {lacking} and has {extra}"
    for name in here:
        strange = [
            (row_key, mine[row_key][name], other[row_key][name])
            for row_key in mine.keys() & other.keys()
            if not _is_same(mine[row_key][name], other[row_key][name])
        ]
        if strange:
            shown = "; ".join(
                f"{row_key}: {a!r}, and {b!r}" for row_key, a, b in sorted(strange, key=repr)[:SHOWN]
            )
            yield f"{address}.{name} differs in {len(strange)} of {len(mine)} rows: {shown}"


def _describe(table: DeltaTable) -> dict[str, str]:
    """Type, nullability and comment of each column, in order, and the table's own comment."""
    columns = {
        field.name: f"{field.type}{'' if field.nullable else ' NOT NULL'}, {field.metadata.get('comment')}"
        for field in table.schema().fields
    }
    return {**columns, "(the table)": str(table.metadata().description)}


def _read(table: DeltaTable, key: tuple[str, ...]) -> dict[tuple[str, ...], Row]:
    """Rows by their key, a second one of a key by another; moments as whether they are there.

    Where a moment is part of the key, rows that it alone tells apart are told apart by their order.
    """
    rows: dict[tuple[str, ...], Row] = {}
    for row in sorted(table.to_pyarrow_table().to_pylist(), key=lambda row: [str(row[name]) for name in key]):
        said = {name: value is not None if name in MOMENTS else value for name, value in row.items()}
        row_key = tuple(str(said[name]) for name in key)
        while row_key in rows:
            row_key = (*row_key, "again")
        rows[row_key] = {**said, "(the table)": None}
    return rows


def _is_same(ours: Any, theirs: Any) -> bool:
    return type(ours) is type(theirs) and bool(round_off(ours) == round_off(theirs))


def _show(keys: Iterable[tuple[str, ...]], rows: Mapping[tuple[str, ...], Row]) -> str:
    found = sorted(keys)
    return "; ".join(str(rows[key]) for key in found[:SHOWN]) or "none"
