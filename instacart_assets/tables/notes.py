"""Notes that a published version records about itself, for later versions.

Contains the one list of what is recorded with a version, and how it is read back. A version records which versions
of other tables it was built from and how (``Provenance``), values to compare with, and the landed files it holds, if
any. What follows from a note is decided elsewhere.
"""

import hashlib
import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from instacart_assets.contracts.model import Contract
from instacart_assets.lakehouse.history import find_publication
from instacart_assets.lakehouse.lake import Lakehouse
from instacart_assets.quality.audit import HISTORY_VERSIONS
from instacart_assets.tables.declare import Table

LANDED_FILES, IS_PUBLIC, HISTORY, PROVENANCE = "landed_files", "is_public", "history", "provenance"
"""Names of notes: the files a version holds, whether they are the public dataset, values that later versions are
compared with, and what the version was built from."""

PACKAGE = Path(__file__).parents[1]
ROOMS = ("contracts", "bronze", "silver", "gold", "landing", "lakehouse", "quality", "tables")
"""Packages whose code affects a table's rows, its checks or its quarantine."""


@dataclass(frozen=True)
class HeldFile:
    """A landed file that a bronze version holds.

    Attributes:
        fingerprint: SHA-256 of its bytes, in hexadecimal.
        moment: when it was ingested, ISO 8601.
        records: number of non-blank lines below its header, including malformed ones.
        malformed: number of malformed lines among them.
        is_public: whether it is a file of the public dataset.
        unknown: columns that the contract does not name.
        missing: columns that the contract names and the file lacks.
    """

    fingerprint: str
    moment: str
    records: int
    malformed: int = 0
    is_public: bool = False
    unknown: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Provenance:
    """What a version was built from.

    Attributes:
        recipe: fingerprint of how it was built: contract, code and settings.
        made_of: version of each table that it was built from or checked against, by address.
        stamps: identifiers that distinguish those versions from others with the same number, should a table be
            recreated.
        refused: number of refused rows or lines that were open.
        settled: number of rows or lines in quarantine that a person had resolved.
        lines: number of malformed lines, open or discarded, in the files of its rows.
        repeats: number of landed rows that share their key with another, by their fate.
        outcomes: outcome of each rule, as plain values.
    """

    recipe: str
    made_of: Mapping[str, int] = field(default_factory=dict)
    stamps: Mapping[str, str | None] = field(default_factory=dict)
    refused: int = 0
    settled: int = 0
    lines: int = 0
    repeats: Mapping[str, int] = field(default_factory=dict)
    outcomes: Sequence[Mapping[str, Any]] = ()


def write_provenance(provenance: Provenance) -> dict[str, str]:
    """The note of what a version was built from."""
    return {PROVENANCE: json.dumps(asdict(provenance), default=str)}


def read_provenance(lake: Lakehouse, address: str) -> Provenance | None:
    """What the published version of a table was built from; None where none is published or it has no such note."""
    noted = lake.read_last_note(address, PROVENANCE)
    return None if noted is None else Provenance(**json.loads(noted))


def read_stamp(lake: Lakehouse, address: str) -> str | None:
    """Identifier that distinguishes a published version from one with the same number, had the table been recreated."""
    return lake.read_last_note(address, "candidate")


def write_held_files(files: Mapping[str, HeldFile]) -> dict[str, str]:
    """The note of the files that a version holds."""
    return {LANDED_FILES: json.dumps({name: asdict(file) for name, file in files.items()})}


def read_held_files(lake: Lakehouse, address: str, version: int | None = None) -> dict[str, HeldFile]:
    """The landed files that a version of a bronze table holds, by name; none where it was never published."""
    if version is None:
        noted = lake.read_last_note(address, LANDED_FILES)
    else:
        publication = find_publication(lake.list_commits(address), version)
        noted = None if publication is None else publication.notes.get(LANDED_FILES)
    files = json.loads(noted or "{}").items()
    return {
        name: HeldFile(**{**file, "unknown": tuple(file["unknown"]), "missing": tuple(file["missing"])})
        for name, file in files
    }


def find_held(lake: Lakehouse, contracts: Iterable[Contract]) -> set[str]:
    """Addresses of the bronze tables that already hold files."""
    return {contract.address for contract in contracts if read_held_files(lake, contract.address)}


def read_past(lake: Lakehouse, address: str) -> dict[str, list[float]]:
    """Values of rules over history in a table's last versions, by rule, newest first."""
    past: dict[str, list[float]] = {}
    for note in lake.read_notes(address, HISTORY, HISTORY_VERSIONS):
        for name, value in json.loads(note).items():
            past.setdefault(name, []).append(value)
    return past


def was_public(lake: Lakehouse, addresses: Iterable[str]) -> bool:
    """Whether tables hold the public dataset and nothing else."""
    noted = (lake.read_last_note(address, IS_PUBLIC) for address in addresses)
    return all(found is not None and json.loads(found) for found in noted)


def find_recipe(table: Table, settings: Mapping[str, Any]) -> str:
    """Fingerprint of how a table is built: its contract, its function, the product's code, and the settings it takes.

    Two versions with the same recipe differ only if their sources do.
    """
    said = (repr(table.contract), _read_source(table.transform), _fingerprint_code(), repr(settings))
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def _read_source(transform: Any) -> str:
    try:
        return inspect.getsource(transform)
    except OSError:  # defined without a file, e.g. in a console
        return repr(transform)


@cache
def _fingerprint_code() -> str:
    digest = hashlib.sha256()
    files = [
        PACKAGE / "order_calendar.py",
        *(file for room in ROOMS for file in (PACKAGE / room).glob("*.py")),
    ]
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()
