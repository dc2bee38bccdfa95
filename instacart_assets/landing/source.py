"""A landed source as a whole: all its files, each content once, malformed lines separated.

Defines what a bronze table needs of its source between finding the files and having rows: which files are read
directly and which from their salvage (the valid lines of a damaged file, recovered), and how their columns drift from
the contract.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from pyspark.sql import DataFrame, SparkSession

from instacart_assets.contracts.model import LANDING, Column, Contract
from instacart_assets.landing.files import (
    FileContent,
    LandedFile,
    LandingError,
    find_missing,
    find_unknown,
    fingerprint_file,
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
        files: verified files to read, with the result of the pass over their bytes.
        repeated: files whose content was already ingested under another name, and that name; they are skipped.
        unchanged: names of files that the table already holds; they are skipped too.
        salvaged: salvage of the files that are not read directly, by name.
        scratch: folder for the salvage; None for a temporary one of this process.
    """

    contract: Contract
    files: tuple[tuple[LandedFile, FileContent], ...]
    repeated: Mapping[str, str]
    unchanged: tuple[str, ...] = ()
    salvaged: Mapping[str, Salvage] = field(default_factory=dict)
    scratch: Path | None = None

    @property
    def landed(self) -> frozenset[str]:
        """Names of all files in the landing folder, including skipped ones."""
        return frozenset((*(file.name for file, _ in self.files), *self.unchanged, *self.repeated))

    @property
    def records(self) -> int:
        """Records in all files: non-blank lines below the headers, including malformed ones."""
        return sum(content.records for _, content in self.files)

    @property
    def malformed(self) -> int:
        """Number of isolated malformed lines; a file that was not salvaged may hold more."""
        return sum(salvage.malformed for salvage in self.salvaged.values())

    def count_malformed(self, file: LandedFile) -> int:
        """Number of malformed lines isolated from one of the files."""
        return self.salvaged[file.name].malformed if file.name in self.salvaged else 0

    def list_unknown(self, file: LandedFile) -> tuple[str, ...]:
        """Columns of one of the files that are not in the contract, in file order."""
        return find_unknown(file.columns, self.contract)

    def list_missing(self, file: LandedFile) -> tuple[str, ...]:
        """Columns that the contract requires and one of the files lacks."""
        return find_missing(file.columns, self.contract)

    def widen_contract(self, held: Iterable[str] = ()) -> Contract:
        """The contract with unknown columns after its own, where it allows columns to be added.

        Args:
            held: unknown columns of files that the table already holds; they come first.
        """
        if self.contract.drift.unknown_column != "add":
            return self.contract
        names = dict.fromkeys((*held, *(name for file, _ in self.files for name in self.list_unknown(file))))
        self._check_spelling(names)
        return replace(
            self.contract, columns=(*self.contract.columns, *(self._make_column(name) for name in names))
        )

    def _check_spelling(self, names: Iterable[str]) -> None:
        """No two files name an unknown column alike but for its case, also those that are ingested already."""
        spelled: dict[str, str] = {}
        for name in names:
            first = spelled.setdefault(name.lower(), name)
            if first != name:
                raise LandingError(
                    f"{self.contract.name}: a file names a column {name!r} that files ingested before name {first!r}; "
                    "spell it as they do and land the file again"
                )

    def _make_column(self, name: str) -> Column:
        origin = f"{LANDING}.{self.contract.name}.{name}"
        return Column(
            name, "string", False, "Landed without being in the contract.", ("added",), sources=(origin,)
        )

    def read(self, session: SparkSession, contract: Contract, moments: Mapping[str, datetime]) -> DataFrame:
        """One row per record that is not isolated, in the columns of the contract; see ``read_files``.

        A file that was not salvaged may hold lines with too many or too few fields. The engine then fails or
        returns fewer rows than there are records: read ``salvage()`` instead.
        """
        return read_files(session, self.files, contract, moments, self.salvaged)

    def read_lines(self, session: SparkSession) -> DataFrame:
        """One row per isolated line; see ``read_malformed_lines``."""
        return read_malformed_lines(session, self.files, self.salvaged)

    def salvage(self) -> "LandedSource":
        """The same source with every file salvaged, so that its rows and isolated lines are all its records.

        Raises:
            LandingError: there is no disk space for the salvage.
        """
        return replace(self, salvaged={file.name: salvage_file(file, self.scratch) for file, _ in self.files})


def open_source(
    landing: Path,
    contract: Contract,
    scratch: Path | None = None,
    held: Mapping[str, str] = MappingProxyType({}),
    *,
    withdrawn: Collection[str] = (),
    is_read_again: bool = False,
) -> LandedSource:
    """The landed source of a bronze table: the files that must be read, damaged ones salvaged.

    Each content is ingested once: a file that the table holds is skipped, and so is one whose content is already held
    under another name.

    Args:
        landing: the landing folder.
        contract: the bronze table.
        scratch: folder for the salvage, where the engine cannot reach this process's temporary one.
        held: fingerprint of each file that the table holds, by name, whether or not it is still landed.
        withdrawn: names of those of them whose rows go: what they hold is not held any more.
        is_read_again: whether files that the table holds are read again, because the way of reading has changed.

    Raises:
        LandingError: as ``survey`` raises it, or two files name a column alike except for its case.
    """
    found = survey(landing, [contract], held={contract.address} if held else ())[contract.address]
    same = [
        file.name for file in found if file.name in held and held[file.name] == fingerprint_file(file.path)
    ]
    unchanged = [] if is_read_again else same
    landed = {file.name for file in found}
    # The former content of a replaced file is no longer held.
    contents = {held[name]: name for name in held if name in same or name not in {*landed, *withdrawn}}
    files: list[tuple[LandedFile, FileContent]] = []
    repeated: dict[str, str] = {}
    for file in found:
        if file.name in unchanged:
            continue
        content = read_content(file.path)
        kept = contents.setdefault(content.fingerprint, file.name)
        if kept == file.name:
            files.append((file, content))
        else:
            repeated[file.name] = kept
    _check_case(files, contract)
    salvaged = {file.name: salvage_file(file, scratch) for file, _ in files if not is_trusted(file)}
    return LandedSource(contract, tuple(files), repeated, tuple(unchanged), salvaged, scratch)


def _check_case(files: Iterable[tuple[LandedFile, FileContent]], contract: Contract) -> None:
    """Refuse files that name an unknown column alike except for its case: to a table that is the same name."""
    spelled: dict[str, tuple[str, LandedFile]] = {}
    for file, _ in files:
        for name in find_unknown(file.columns, contract):
            first, origin = spelled.setdefault(name.lower(), (name, file))
            if first != name:
                raise LandingError(
                    f"{file.path}: names a column {name!r} that {origin.path} names {first!r}; "
                    "spell it alike in both headers and land them again"
                )
