"""What a published version says of itself, for the versions after it.

Here lives the one list of what is noted with a version, and how it is read back. A version notes which versions of
other tables it was made of and how (``Provenance``), values to compare with, and, where it holds landed files, which.
What follows from a note is decided elsewhere.
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
from instacart_assets.lakehouse.lake import Lakehouse
from instacart_assets.quality.audit import HISTORY_VERSIONS
from instacart_assets.tables.declare import Table

LANDED_FILES, IS_PUBLIC, HISTORY, PROVENANCE = "landed_files", "is_public", "history", "provenance"
"""Names of notes: the files a version holds, whether they are the published dataset, values that later versions are
compared with, and what the version was made of."""

PACKAGE = Path(__file__).parents[1]
ROOMS = ("bronze", "silver", "gold", "landing", "quality", "tables")
"""Rooms whose code decides on a table's rows, its checks or its quarantine."""


@dataclass(frozen=True)
class HeldFile:
    """A landed file that a bronze version holds.

    Attributes:
        fingerprint: SHA-256 of its bytes, in hexadecimal.
        moment: when it was ingested, ISO 8601.
        records: lines below its header that are not blank, malformed ones among them.
        malformed: those of them that no record could be read from.
        is_public: whether it is a file of the published dataset.
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
    """What a version was made of.

    Attributes:
        recipe: fingerprint of how it was made: contract, code and settings.
        made_of: version of each table that it was made of or held against, by address.
        stamps: what those versions are told by from others of their number, should a table begin anew.
        refused: rows or lines that were refused and that nobody had dealt with.
        settled: rows or lines in quarantine that a person had dealt with.
        lines: malformed lines of the files of its rows that nobody had dealt with.
        repeats: landed rows that were passed over as they share their key with another, by their fate.
        outcomes: what became of each rule, as plain values.
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
    """The note of what a version was made of."""
    return {PROVENANCE: json.dumps(asdict(provenance), default=str)}


def read_provenance(lake: Lakehouse, address: str) -> Provenance | None:
    """What the published version of a table was made of; None where none is published or it does not say."""
    noted = lake.read_last_note(address, PROVENANCE)
    return None if noted is None else Provenance(**json.loads(noted))


def read_stamp(lake: Lakehouse, address: str) -> str | None:
    """What tells the published version of a table from one of the same number, had the table begun anew."""
    return lake.read_last_note(address, "candidate")


def write_held_files(files: Mapping[str, HeldFile]) -> dict[str, str]:
    """The note of the files that a version holds."""
    return {LANDED_FILES: json.dumps({name: asdict(file) for name, file in files.items()})}


def read_held_files(lake: Lakehouse, address: str) -> dict[str, HeldFile]:
    """The landed files that a bronze table holds, by name; none where it was never published."""
    noted = lake.read_last_note(address, LANDED_FILES)
    files = json.loads(noted or "{}").items()
    return {
        name: HeldFile(**{**file, "unknown": tuple(file["unknown"]), "missing": tuple(file["missing"])})
        for name, file in files
    }


def find_held(lake: Lakehouse, contracts: Iterable[Contract]) -> set[str]:
    """Addresses of those bronze tables that hold files already."""
    return {contract.address for contract in contracts if read_held_files(lake, contract.address)}


def read_past(lake: Lakehouse, address: str) -> dict[str, list[float]]:
    """Values that rules over history had in a table's last versions, by rule, the newest first."""
    past: dict[str, list[float]] = {}
    for note in lake.read_notes(address, HISTORY, HISTORY_VERSIONS):
        for name, value in json.loads(note).items():
            past.setdefault(name, []).append(value)
    return past


def was_public(lake: Lakehouse, addresses: Iterable[str]) -> bool:
    """Whether tables hold the published dataset and nothing else."""
    noted = (lake.read_last_note(address, IS_PUBLIC) for address in addresses)
    return all(found is not None and json.loads(found) for found in noted)


def find_recipe(table: Table, settings: Mapping[str, Any]) -> str:
    """Fingerprint of how a table is made: its contract, its function, the product's code, and settings it takes.

    Two versions of one recipe differ only if what they are made of does.
    """
    said = (repr(table.contract), _read_source(table.transform), _fingerprint_code(), repr(settings))
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def _read_source(transform: Any) -> str:
    try:
        return inspect.getsource(transform)
    except OSError:  # made without a file, as in a console
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
