"""What a table lacks on purpose: refused rows and malformed lines, open or discarded by a person.

Defines how rules about groups of rows learn of them: a basket from which a line was discarded has a gap that nobody
is going to fill. What was replayed is not among them, as the corrected row is in the table.
"""

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import Contract
from instacart_assets.contracts.quarantine import quarantine_address
from instacart_assets.lakehouse.lake import Lakehouse
from instacart_assets.quality.quarantine import DISCARDED, OPEN
from instacart_assets.tables.declare import Table
from instacart_assets.tables.notes import read_held_files


def read_lost_lines(table: Table, lake: Lakehouse) -> DataFrame:
    """Malformed lines, open or discarded, in the landed files that a table's rows come from: file and line number."""
    parts = [
        _read(quarantine_address(source), [source], lake, is_open=True)
        for source in table.landed.values()
        if lake.find_version(quarantine_address(source)) is not None
    ]
    empty = lake.session.createDataFrame([], "_source_file string, line_number bigint")
    return reduce(DataFrame.unionByName, (part.select(*empty.columns) for part in parts), empty)


def read_lost_rows(table: Table, lake: Lakehouse, *, is_open: bool) -> DataFrame:
    """Refused rows that were discarded, cast to the table's columns as far as their text parses.

    Args:
        table: the table that refused them.
        lake: the lake that holds them.
        is_open: whether those that are open are read as well.
    """
    contract = table.contract
    address = quarantine_address(contract)
    if not contract.refuses_rows or lake.find_version(address) is None:
        return lake.make_none(contract)
    held = _read(address, table.landed.values(), lake, is_open=is_open)
    return held.select(
        *(
            F.col(column.name).try_cast(column.type).alias(column.name)
            if column.name in held.columns
            else F.lit(None).cast(column.type).alias(column.name)
            for column in contract.columns
        )
    )


def _read(address: str, sources: Iterable[Contract], lake: Lakehouse, *, is_open: bool) -> DataFrame:
    """Discarded entries of a quarantine table, or also open ones, about landed files as their sources hold them now."""
    wanted = F.col("resolution").eqNullSafe(DISCARDED)
    if is_open:
        wanted |= F.col("status") == OPEN
    files = [
        (name, file.fingerprint)
        for source in sources
        for name, file in read_held_files(lake, source.address).items()
    ]
    held = lake.session.createDataFrame(files, "_source_file string, _source_fingerprint string")
    return lake.read(address).where(wanted).join(held, [*held.columns], "left_semi")
