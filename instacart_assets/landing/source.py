"""A landed source as a whole: all its files, each content once, malformed lines apart.

Here lives what a bronze table needs of its source between finding the files and having rows: which files are
read as they landed and which by what was salvaged of them, and in what their columns drift from the contract.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from instacart_assets.contracts.model import LANDING, Column, Contract
from instacart_assets.landing.files import (
    FileContent,
    LandedFile,
    LandingError,
    find_missing,
    find_unknown,
    is_trusted,
    read_content,
    survey,
)
from instacart_assets.landing.read import read_files, read_malformed_lines
from instacart_assets.landing.salvage import Salvage, salvage_file


@dataclass(frozen=True)
class LandedSource:
    """The landed files of a bronze table.

    Attributes:
        contract: the bronze table.
        files: verified files with the result of the pass over their bytes.
        repeated: names of files whose content came under another name already; they are left out.
        salvaged: by name, what was salvaged of the files that are not read as they landed.
        scratch: folder for what is salvaged; None for a temporary one of this process.
    """

    contract: Contract
    files: tuple[tuple[LandedFile, FileContent], ...]
    repeated: tuple[str, ...]
    salvaged: Mapping[str, Salvage] = field(default_factory=dict)
    scratch: Path | None = None

    @property
    def records(self) -> int:
        """Records in all files: lines below the headers that are not blank, malformed ones among them."""
        return sum(content.records for _, content in self.files)

    @property
    def malformed(self) -> int:
        """Malformed lines that were isolated; a file that was not salvaged may hold more."""
        return sum(salvage.malformed for salvage in self.salvaged.values())

    def count_malformed(self, file: LandedFile) -> int:
        """Malformed lines that were isolated from one of the files."""
        return self.salvaged[file.name].malformed if file.name in self.salvaged else 0

    @property
    def unknown_columns(self) -> tuple[str, ...]:
        """Columns in the files that the contract does not have, in the order they appear."""
        return _join_names(find_unknown(file.columns, self.contract) for file, _ in self.files)

    @property
    def missing_columns(self) -> tuple[str, ...]:
        """Columns of the contract that some file should have and has not."""
        return _join_names(find_missing(file.columns, self.contract) for file, _ in self.files)

    @property
    def widened_contract(self) -> Contract:
        """The contract with the unknown columns after its own, where it lets columns be added."""
        if self.contract.drift.unknown_column != "add":
            return self.contract
        added = (self._make_column(name) for name in self.unknown_columns)
        return replace(self.contract, columns=(*self.contract.columns, *added))

    def _make_column(self, name: str) -> Column:
        origin = f"{LANDING}.{self.contract.name}.{name}"
        return Column(
            name, "string", False, "Landed without being in the contract.", ("added",), sources=(origin,)
        )

    def read(self, session: SparkSession, moments: Mapping[str, datetime]) -> DataFrame:
        """One row per record that is not isolated, in the columns of the widened contract; see ``read_files``.

        A file that was not salvaged may hold lines with too many or too few fields. The engine then fails or
        gives fewer rows than there are records: read ``salvage()`` instead.
        """
        return read_files(session, self.files, self.widened_contract, moments, self.salvaged)

    def read_lines(self, session: SparkSession) -> DataFrame:
        """One row per isolated line; see ``read_malformed_lines``."""
        return read_malformed_lines(session, self.files, self.salvaged)

    def salvage(self) -> "LandedSource":
        """The same source with every file salvaged, so that its rows and isolated lines are all its records.

        Raises:
            LandingError: there is no room for what is salvaged.
        """
        return replace(self, salvaged={file.name: salvage_file(file, self.scratch) for file, _ in self.files})


def open_source(landing: Path, contract: Contract, scratch: Path | None = None) -> LandedSource:
    """The landed source of a bronze table, fingerprinted, with the files that cannot be trusted salvaged.

    Args:
        landing: the landing folder.
        contract: the bronze table.
        scratch: folder for what is salvaged, where the engine does not reach this process's temporary one.

    Raises:
        LandingError: as ``survey`` raises it, or two files name a column alike but for its case.
    """
    by_fingerprint: dict[str, tuple[LandedFile, FileContent]] = {}
    repeated: list[str] = []
    for file in survey(landing, [contract])[contract.address]:
        content = read_content(file.path)
        kept, _ = by_fingerprint.setdefault(content.fingerprint, (file, content))
        if kept is not file:
            repeated.append(f"{file.name} (as {kept.name})")
    files = tuple(by_fingerprint.values())
    _check_case(files, contract)
    salvaged = {file.name: salvage_file(file, scratch) for file, _ in files if not is_trusted(file)}
    return LandedSource(contract, files, tuple(repeated), salvaged, scratch)


def _check_case(files: Iterable[tuple[LandedFile, FileContent]], contract: Contract) -> None:
    """No two files name an unknown column alike but for its case: to a table that is the same name."""
    spelled: dict[str, tuple[str, LandedFile]] = {}
    for file, _ in files:
        for name in find_unknown(file.columns, contract):
            first, origin = spelled.setdefault(name.lower(), (name, file))
            if first != name:
                raise LandingError(
                    f"{file.path}: names a column {name!r} that {origin.path} names {first!r}; "
                    "spell it alike in both headers and land them again"
                )


def _join_names(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))
