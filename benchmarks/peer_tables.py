"""What the peers of the benchmarks share: what landed, how files become a Delta table, the clock and the settings.

Contains nothing that an engine computes: how rows are made is in ``duckdb_tables.py`` and ``polars_tables.py``.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from instacart_assets.contracts.load import contracts_of, load_contracts
from instacart_assets.lakehouse.commit import commit_files
from instacart_assets.landing.files import fingerprint_file, survey
from instacart_assets.settings import Settings

COMPRESSION: Final = "zstd"
"""The compression that the project's embedded engine uses; both peers have another default."""

SETTINGS = Settings()
BRONZE = tuple(contract.name for contract in contracts_of("bronze"))


@dataclass(frozen=True)
class Landed:
    """A landed file, and what bronze records of it.

    Attributes:
        path: where it is.
        header: its columns, in the order of the file.
        name: its path below the landing folder.
        fingerprint: SHA-256 of its bytes, in hexadecimal.
        read_at: the moment to record as its ingestion, UTC.
    """

    path: Path
    header: tuple[str, ...]
    name: str
    fingerprint: str
    read_at: datetime


def find_landed(landing: Path, source: str) -> list[Landed]:
    """The landed files of a source, each read once for its fingerprint; none if an optional source is absent."""
    address = f"bronze.{source}"
    return [
        Landed(file.path, file.columns, file.name, fingerprint_file(file.path), datetime.now(UTC))
        for file in survey(landing, [load_contracts()[address]])[address]
    ]


def list_landed_columns(source: str) -> list[str]:
    """Names of the landed columns in a source's contract, in order."""
    return [column.name for column in load_contracts()[f"bronze.{source}"].landed_columns]


def locate_rows(lake: Path, address: str) -> Path:
    """The file with all rows of a table."""
    layer, _, name = address.partition(".")
    return lake / layer / name / "rows.parquet"


def clock_tables(
    addresses: Iterable[str], lake: Path, write: Callable[[str, Path], None]
) -> dict[str, float]:
    """Build tables one after another in a lake that does not hold them yet; returns seconds, commit included.

    Args:
        addresses: which tables, sources first.
        lake: folder of the lake.
        write: writes all rows of the table at an address to a Parquet file.
    """
    return {address: _clock_table(address, lake, write) for address in addresses}


def _clock_table(address: str, lake: Path, write: Callable[[str, Path], None]) -> float:
    contract, file = load_contracts()[address], locate_rows(lake, address)
    started = time.perf_counter()
    file.parent.mkdir(parents=True)
    write(address, file)
    commit_files(file.parent, None, contract, [file], {})
    return time.perf_counter() - started


def run_peer(build: Callable[[Path, Path], dict[str, float]]) -> None:
    """Build as the command-line arguments say, and print the seconds of each table as JSON."""
    landing, lake = map(Path, sys.argv[1:])
    sys.stdout.write(f"{json.dumps(build(landing, lake), indent=2)}\n")
