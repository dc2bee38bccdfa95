"""The one object that knows where tables lie and how they are read and published on a local lake.

Here lives the way between a table's address and its files: ``<lake>/<layer>/<table>``, each a Delta table. What
the rows mean, and whether they may be published, is decided elsewhere.

A new version is written in two steps. ``stage`` has the engine write plain Parquet into
``<table>/candidate-<run>/``, which no reader sees; ``publish`` moves those files to ``<table>/data-<run>/`` and
makes them the table's content in one Delta commit. Between the two the candidate can be read and judged, and a
process that dies leaves readers with the version they had. What is called a candidate was never published.
"""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from urllib.parse import quote
from uuid import uuid4

import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.contracts.model import IS_REFUSED, LAYERS, ORIGIN, QUARANTINE, REASONS, Contract
from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.commit import commit_files, spell_lists
from instacart_assets.lakehouse.schema import arrow_schema, conform

MISTAKEN_NAME = re.compile(r"%[0-9A-Fa-f]{2}|\\")
"""What deltalake takes for something else in the name of a folder: ``%20`` for a space, a backslash for a slash."""


CANDIDATE, DATA = "candidate-", "data-"
"""First parts of the names of folders: what may yet be refused, and what was published."""

GOOD_PART, REFUSED_PART = f"{IS_REFUSED}=false", f"{IS_REFUSED}=true"
"""Folders of a candidate whose rows could be refused."""

REFUSED_COLUMNS = (*zip(ORIGIN, ("string", "bigint"), strict=True), (REASONS, "array<string>"))
"""Columns that a refused row has beside the contract's, with their types."""


class TableMissingError(RemediableError):
    """A table that is to be read was never published; the message says which run makes it."""


class LakePathError(RemediableError):
    """A lake cannot lie where it is asked to; the message says why."""


class PublishConflictError(RemediableError):
    """Another run published a table first; the message says what to do."""


@dataclass(frozen=True)
class Candidate:
    """A version of a table that is written but not published.

    Attributes:
        contract: what the table promises.
        path: folder of the candidate.
        rows: how many rows would be published.
        refused: how many rows are refused and lie beside those.
        run_id: the run that wrote it.
        base: handle on the version it would replace; None where the table does not exist yet.
    """

    contract: Contract
    path: Path
    rows: int
    refused: int
    run_id: str
    base: DeltaTable | None


class Lakehouse:
    """Tables of one lake, by address.

    Args:
        root: folder of the lake.
        open_session: gives the engine's session; asked only when rows are read or written.
    """

    def __init__(self, root: Path, open_session: Callable[[], SparkSession]) -> None:
        self.root = root.absolute()
        if MISTAKEN_NAME.search(str(self.root)):
            raise LakePathError(
                f"{self.root}: a lake cannot lie below a folder with %20 or the like, or a backslash, in its name; "
                "give another"
            )
        self._open_session = open_session

    @property
    def session(self) -> SparkSession:
        """The engine's session."""
        return self._open_session()

    def locate(self, address: str) -> Path:
        """Folder of the table at ``layer.table``."""
        layer, _, name = address.partition(".")
        return self.root / layer / name

    def locate_for_engine(self, address: str) -> str:
        """The same folder by a path that the engine can read and write."""
        return self._spell_for_engine(self.locate(address))

    def _spell_for_engine(self, path: Path) -> str:
        """A path below the lake as the engine takes it for that path and no other.

        The embedded engine finds no table below a folder whose name a URL would escape, as ``My Documents``,
        and takes some names for patterns, as ``lake [1]``; such a lake is reached through a link in a temporary
        folder of this process.
        """
        if quote(str(self.root)) == str(self.root):
            return str(path)
        return str(Path(_keep_link(self.root).name, "lake") / path.relative_to(self.root))

    def open_table(self, address: str) -> DeltaTable | None:
        """Handle on the table's version now; None where it was never published."""
        try:
            return DeltaTable(self.locate(address))
        except TableNotFoundError:
            return None

    def find_version(self, address: str) -> int | None:
        """The table's version now; None where it was never published."""
        table = self.open_table(address)
        return None if table is None else table.version()

    def count_rows(self, address: str, version: int | None = None) -> int:
        """Rows of a version of the table, by default the one now, from its statistics; 0 where there is none."""
        if self.open_table(address) is None:
            return 0
        return int(DeltaTable(self.locate(address), version=version).count())

    def list_tables(self) -> list[str]:
        """Addresses of all published tables, by layer and name."""
        return [
            f"{layer}.{folder.name}"
            for layer in (*LAYERS, QUARANTINE)
            for folder in sorted((self.root / layer).glob("*"))
            if self.open_table(f"{layer}.{folder.name}") is not None
        ]

    def read(self, address: str, version: int | None = None) -> DataFrame:
        """Rows of a table, pinned to one version for as long as they are used.

        Args:
            address: ``layer.table``.
            version: the version to read; by default the one published now.

        Raises:
            TableMissingError: the table was never published.
        """
        pinned = self.find_version(address) if version is None else version
        if pinned is None:
            raise TableMissingError(
                f"{address} is not in the lake {self.root}; make it first: instacart run --select '{address}'"
            )
        # Without a version, a lazy frame follows the table to whatever is published while it is being used.
        return (
            self.session.read.format("delta")
            .option("versionAsOf", pinned)
            .load(self.locate_for_engine(address))
        )

    def stage(self, rows: DataFrame, contract: Contract, base: DeltaTable | None, run_id: str) -> Candidate:
        """Write ``rows`` as a candidate for the contract's table, in the contract's columns and types.

        Args:
            rows: the rows, evaluated once, here; those that are marked as refused lie apart from the others.
            contract: the table they are for.
            base: handle on the version they were made to replace, taken before the inputs were read.
            run_id: names the candidate, with a suffix that keeps two of one run apart.

        Raises:
            ShapeError: the rows lack a column of the contract.
        """
        # Never a name used before: the files of a published candidate are the table's own from then on.
        path = self.locate(contract.address) / f"{CANDIDATE}{run_id}-{uuid4().hex[:8]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        shaped = conform(rows, contract)
        parted = shaped.write.partitionBy(IS_REFUSED) if IS_REFUSED in shaped.columns else shaped.write
        try:
            parted.parquet(self._spell_for_engine(path))
        except PySparkException:  # a part of a candidate is none
            shutil.rmtree(path, ignore_errors=True)
            raise
        good = _locate_good(path)
        if any(column.type == "array<string>" for column in contract.columns):
            spell_lists(_list_files(good))
        if not _list_files(good):  # the engine writes no file for no rows
            good.mkdir(parents=True, exist_ok=True)
            pq.write_table(arrow_schema(contract).empty_table(), good / "empty.parquet")
        return Candidate(contract, path, _count_rows(good), _count_rows(path / REFUSED_PART), run_id, base)

    def read_candidate(self, candidate: Candidate) -> DataFrame:
        """Rows of a candidate that would be published."""
        rows = self.session.read.parquet(self._spell_for_engine(_locate_good(candidate.path)))
        return rows.select(*candidate.contract.column_names)

    def read_refused(self, candidate: Candidate) -> DataFrame:
        """Refused rows of a candidate: the contract's columns, where each is from, and the rules it breaks."""
        if candidate.refused:
            return self.session.read.parquet(self._spell_for_engine(candidate.path / REFUSED_PART))
        columns = [*((column.name, column.type) for column in candidate.contract.columns), *REFUSED_COLUMNS]
        return self.session.createDataFrame([], ", ".join(f"`{name}` {kind}" for name, kind in columns))

    def publish(self, candidate: Candidate, notes: Mapping[str, str] = MappingProxyType({})) -> int:
        """Make a candidate the table's content, in one commit; its refused rows stay until it is discarded.

        Args:
            candidate: what was staged.
            notes: kept with the version, beside the run; see ``read_notes``.

        Returns:
            The version published.

        Raises:
            PublishConflictError: another run published the table since the candidate's base was taken.
        """
        address = candidate.contract.address
        good = _locate_good(candidate.path)
        data = candidate.path.with_name(candidate.path.name.replace(CANDIDATE, DATA, 1))
        good.rename(data)
        try:
            return commit_files(
                self.locate(address),
                candidate.base,
                candidate.contract,
                _list_files(data),
                {"run_id": candidate.run_id, **notes},
            )
        except CommitFailedError as error:
            data.rename(good)
            raise PublishConflictError(
                f"{address}: another run published it meanwhile, and its version stays; "
                "wait until that run has ended, then run again"
            ) from error

    def discard(self, candidate: Candidate) -> None:
        """Remove what is left of a candidate that nobody needs to look at."""
        shutil.rmtree(candidate.path, ignore_errors=True)

    def read_notes(self, address: str, name: str, versions: int) -> list[str]:
        """What the last ``versions`` versions of a table noted under a name, the newest first."""
        table = self.open_table(address)
        commits = [] if table is None else table.history(versions)
        return [str(commit[name]) for commit in commits if name in commit]

    def list_candidates(self, address: str) -> list[Path]:
        """Folders of the table's candidates that were refused or abandoned, the oldest first."""
        folders = self.locate(address).glob(f"{CANDIDATE}*")
        return sorted(folders, key=lambda folder: folder.stat().st_mtime)

    def remove_candidates(self, address: str, before: datetime) -> list[Path]:
        """Remove those candidates of a table that were written before a moment.

        Returns:
            The folders removed.
        """
        old = [path for path in self.list_candidates(address) if path.stat().st_mtime < before.timestamp()]
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        return old


@cache
def _keep_link(root: Path) -> TemporaryDirectory[str]:
    """A folder that holds a link ``lake`` to the lake, for as long as the process lives."""
    folder = TemporaryDirectory(prefix="lakehouse-")
    Path(folder.name, "lake").symlink_to(root, target_is_directory=True)
    return folder


def _locate_good(path: Path) -> Path:
    """Folder of those rows of a candidate that would be published."""
    part = path / GOOD_PART
    return part if part.exists() or (path / REFUSED_PART).exists() else path


def _list_files(path: Path) -> list[Path]:
    return sorted(path.glob("*.parquet"))


def _count_rows(path: Path) -> int:
    return sum(pq.read_metadata(file).num_rows for file in _list_files(path))
