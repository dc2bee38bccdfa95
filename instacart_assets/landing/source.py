"""A landed source as a whole: all its files, each content once.

Here lives what a bronze table needs of its source between finding the files and having rows.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from instacart_assets.contracts.model import Contract
from instacart_assets.landing.files import (
    FileContent,
    LandedFile,
    find_broken_record,
    read_content,
    survey,
)
from instacart_assets.landing.read import read_files


@dataclass(frozen=True)
class LandedSource:
    """The landed files of a bronze table.

    Attributes:
        contract: the bronze table.
        files: verified files with the result of the pass over their bytes.
        repeated: names of files whose content came under another name already; they are left out.
    """

    contract: Contract
    files: tuple[tuple[LandedFile, FileContent], ...]
    repeated: tuple[str, ...]

    @property
    def records(self) -> int:
        """Records in all files."""
        return sum(content.records for _, content in self.files)

    def read(self, session: SparkSession, ingested_at: datetime) -> DataFrame:
        """One row per record; see ``read_files``."""
        return read_files(session, list(self.files), self.contract, ingested_at)

    def find_broken_record(self) -> str | None:
        """The first record that is no CSV of its header's length, as a sentence; None if all are."""
        found = (find_broken_record(file.path, len(file.columns)) for file, _ in self.files)
        return next((broken for broken in found if broken), None)


def open_source(landing: Path, contract: Contract) -> LandedSource:
    """The landed source of a bronze table, verified and fingerprinted.

    Raises:
        LandingError: as ``survey`` raises it.
    """
    by_fingerprint: dict[str, tuple[LandedFile, FileContent]] = {}
    repeated: list[str] = []
    for file in survey(landing, [contract])[contract.address]:
        content = read_content(file.path)
        kept, _ = by_fingerprint.setdefault(content.fingerprint, (file, content))
        if kept is not file:
            repeated.append(f"{file.name} (as {kept.name})")
    return LandedSource(contract, tuple(by_fingerprint.values()), tuple(repeated))
