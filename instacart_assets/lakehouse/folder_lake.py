"""A lake in a folder of this machine: ``<lake>/<layer>/<table>``, each a Delta table.

Contains how such a lake is read and published without an engine that can commit: the engine writes plain
Parquet into ``<table>/candidate-<run>/``, which no reader sees; publishing moves those files to
``<table>/data-<run>/`` and makes them the table's content in one Delta commit.
"""

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql.types import StructField, StructType

from instacart_assets.contracts.model import IS_REFUSED, LAYERS, QUARANTINE, Contract
from instacart_assets.lakehouse import folder_care
from instacart_assets.lakehouse.care import Files, Sweep
from instacart_assets.lakehouse.commit import commit_files, spell_lists
from instacart_assets.lakehouse.history import Commit
from instacart_assets.lakehouse.lake import (
    ADDED,
    BY_HAND,
    CANDIDATE,
    NOTES,
    REFUSED_PART,
    WHOLE,
    Candidate,
    Lakehouse,
    LakePathError,
    Pin,
    PublishConflictError,
    explain_conflict,
    locate_good,
)
from instacart_assets.lakehouse.lock import hold_file
from instacart_assets.lakehouse.schema import arrow_schema, conform

MISTAKEN_NAME = re.compile(r"%[0-9A-Fa-f]{2}|\\")
"""What deltalake misreads in the name of a folder: ``%20`` as a space, a backslash as a slash."""

LOCKS = "_locks"
"""Folder beside the layers for the locks of tables."""

LOCK_SECONDS = 3600.0

DATA = "data-"
"""Prefix of the folders that hold published files."""


class FolderLake(Lakehouse):
    """Tables of one lake in a folder of this machine.

    Args:
        root: folder of the lake.
        open_session: returns the engine's session; called only when rows are read or written.
        lock_seconds: how long to wait for a table that another run is working on.
    """

    def __init__(
        self, root: Path, open_session: Callable[[], SparkSession], lock_seconds: float = LOCK_SECONDS
    ) -> None:
        super().__init__(open_session)
        self.root = root.absolute()
        self._lock_seconds = lock_seconds
        if MISTAKEN_NAME.search(str(self.root)):
            raise LakePathError(
                f"{self.root}: a lake cannot lie below a folder with %20 or the like, or a backslash, in its name; "
                "give another"
            )

    @property
    def place(self) -> str:
        """The lake's folder."""
        return str(self.root)

    def locate(self, address: str) -> Path:
        """Folder of the table at ``layer.table``."""
        layer, _, name = address.partition(".")
        return self.root / layer / name

    _candidates_of = locate

    def locate_for_engine(self, address: str) -> str:
        """The same folder, as a path that the engine can read and write."""
        return self._spell_for_engine(self.locate(address))

    def _spell_for_engine(self, path: Path) -> str:
        """A path below the lake, spelled so that the engine reads it as that path and no other.

        The embedded engine finds no table below a folder whose name a URL would escape, such as ``My Documents``,
        and reads some names as patterns, such as ``lake [1]``; such a lake is reached through a link in a temporary
        folder of this process.
        """
        if quote(str(self.root)) == str(self.root):
            return str(path)
        return str(Path(_keep_link(self.root).name, "lake") / path.relative_to(self.root))

    def _open_table(self, address: str) -> DeltaTable | None:
        try:
            return DeltaTable(self.locate(address))
        except TableNotFoundError:
            return None

    def pin(self, address: str) -> Pin:
        """The current version of the table, with the handle that a commit is made against."""
        table = self._open_table(address)
        return Pin(None if table is None else table.version(), table)

    def count_rows(self, address: str, version: int | None = None) -> int:
        """Row count of a version of the table, by default the current one, from its statistics; 0 if there is none."""
        table = self._open_table(address)
        if table is None:
            return 0
        if version is not None and version != table.version():
            table.load_as_version(version)
        return int(table.count())

    def list_tables(self) -> list[str]:
        """Addresses of all published tables, by layer and name, including those with a damaged log."""
        return [
            f"{layer}.{folder.name}"
            for layer in (*LAYERS, QUARANTINE)
            for folder in sorted((self.root / layer).glob("*"))
            if any((folder / "_delta_log").glob("*.json"))
        ]

    def _load(self, address: str, version: int) -> DataFrame:
        folder_care.drop_hint(self.locate(address))  # Spark writes one
        stated = self._open_reader(version).load(self.locate_for_engine(address)).schema
        # Nullable, as candidates are read: whether a column is filled is checked, not assumed. And the engine has
        # trouble with non-nullable columns in joins.
        schema = StructType([StructField(field.name, field.dataType) for field in stated])
        return self._open_reader(version).schema(schema).load(self.locate_for_engine(address))

    def _open_reader(self, version: int) -> DataFrameReader:
        return self.session.read.format("delta").option("versionAsOf", version)

    def stage(self, rows: DataFrame, contract: Contract, pin: Pin, run_id: str) -> Candidate:
        """Write ``rows`` as plain Parquet into a folder of the table that its log does not reference."""
        path = self._name_candidate(contract, run_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        shaped = conform(rows, contract)
        parted = shaped.write.partitionBy(IS_REFUSED) if IS_REFUSED in shaped.columns else shaped.write
        try:
            parted.parquet(self._spell_for_engine(path))
        except PySparkException:  # a partial write is no candidate
            shutil.rmtree(path, ignore_errors=True)
            raise
        good = locate_good(path)
        if any(column.type == "array<string>" for column in contract.columns):
            spell_lists(_list_files(good))
        _fill_empty(good, contract)
        return Candidate(contract, path, _count_rows(good), _count_rows(path / REFUSED_PART), run_id, pin)

    def read_made(self, candidate: Candidate) -> DataFrame:
        """Rebuilt rows of a candidate that are not refused: of a part only its own rows, changed or not."""
        return self._read_aside(locate_good(candidate.path), candidate.contract)

    def _read_aside(self, folder: Path, contract: Contract) -> DataFrame:
        if not _list_files(folder):
            return self.make_none(contract)
        return self._read_folder(folder).select(*contract.column_names)

    def _read_folder(self, folder: Path) -> DataFrame:
        return self.session.read.parquet(*map(self._spell_for_engine, _list_files(folder)))

    def _write_aside(self, rows: DataFrame, folder: Path, contract: Contract) -> int:
        conform(rows, contract).write.parquet(self._spell_for_engine(folder))
        if not _list_files(folder):
            shutil.rmtree(folder, ignore_errors=True)
        return _count_rows(folder)

    def _prepare(self, candidate: Candidate) -> Candidate:
        """Where rows are removed, write the whole new content: a Delta commit here references whole files only."""
        if candidate.change is not None and candidate.change.removed:
            merged = self._merge(candidate, candidate.change)
            self._write_aside(merged, candidate.path / WHOLE, candidate.contract)
            _fill_empty(candidate.path / WHOLE, candidate.contract)  # no rows may be left
        return candidate

    def read_candidate(self, candidate: Candidate) -> DataFrame:
        """Rows that the table would have if a candidate were published."""
        whole = candidate.path / WHOLE
        if whole.is_dir():
            return self._read_aside(whole, candidate.contract)
        return super().read_candidate(candidate)

    def read_refused(self, candidate: Candidate) -> DataFrame:
        """Refused rows of a candidate: the contract's columns, each row's origin, and the rules it breaks."""
        if candidate.refused:
            return self._read_folder(candidate.path / REFUSED_PART)
        return self._make_no_refused(candidate.contract)

    def _commit(self, candidate: Candidate, notes: str) -> int:
        address = candidate.contract.address
        if candidate.pin.handle is not None and self.find_version(address) != candidate.pin.version:
            raise PublishConflictError(explain_conflict(address))
        written = _locate_published(candidate)
        data = candidate.path.with_name(candidate.path.name.replace(CANDIDATE, DATA, 1))
        written.rename(data)
        try:
            return commit_files(
                self.locate(address),
                candidate.pin.handle,
                candidate.contract,
                _list_files(data),
                {NOTES: notes},
                is_appended=written.name == ADDED,
            )
        except CommitFailedError as error:
            data.rename(written)
            raise PublishConflictError(explain_conflict(address)) from error

    def _changes_of(self, address: str) -> Path:
        return self.locate(address)

    def name_for_query(self, address: str) -> str:
        """The table's address, under which it is registered in the session."""
        self.forget_name(address)
        location = self.locate_for_engine(address).replace("\\", "\\\\").replace("'", "\\'")
        self.session.sql(f"CREATE TABLE {address} USING delta LOCATION '{location}'")
        return address

    def forget_name(self, address: str) -> None:
        """Ensure that a name in the session does not refer to a table of another lake."""
        self.session.sql(f"CREATE DATABASE IF NOT EXISTS {address.partition('.')[0]}")
        self.session.sql(f"DROP TABLE IF EXISTS {address}")

    @contextmanager
    def hold(self, address: str, run_id: str = BY_HAND, seconds: float | None = None) -> Iterator[None]:
        """Reserve a table for one run, with a lock that the kernel frees when the process is gone."""
        patience = self._lock_seconds if seconds is None else seconds
        with hold_file(self.root / LOCKS / f"{address}.lock", address, run_id, patience):
            yield

    def list_commits(self, address: str, most: int | None = None) -> list[Commit]:
        """The commits of a table, newest first."""
        table = self._open_table(address)
        return [] if table is None else folder_care.list_commits(table, most)

    def is_readable(self, address: str, version: int, commits: Sequence[Commit]) -> bool:  # noqa: ARG002 - files show
        """Whether the files of a version all exist."""
        return folder_care.is_readable(self.locate(address), version)

    def restore(self, address: str, version: int, notes: str) -> int:
        """Reference the files of an earlier version again, in one commit."""
        try:
            return folder_care.restore(self.locate(address), version, notes)
        except CommitFailedError as error:
            raise PublishConflictError(explain_conflict(address)) from error

    def measure_files(self, address: str) -> Files:
        """Count and size of the current version's data files."""
        return folder_care.measure(DeltaTable(self.locate(address)))

    def compact(self, address: str) -> None:
        """Compact the small files of a table."""
        folder_care.compact(DeltaTable(self.locate(address)))

    def sweep(self, address: str, since: datetime, *, is_rehearsal: bool = False) -> Sweep:
        """Remove files that no version needs; see ``folder_care.py``."""
        return folder_care.sweep(self.locate(address), since, is_rehearsal=is_rehearsal)

    def find_checkpoint(self, address: str) -> int:
        """The version of a table's last checkpoint."""
        return max(folder_care.list_checkpoints(self.locate(address)), default=-1)

    def checkpoint(self, address: str, since: datetime) -> None:
        """Write a checkpoint of a table's log, and shorten the log."""
        folder_care.checkpoint(self.locate(address), since)


@cache
def _keep_link(root: Path) -> TemporaryDirectory[str]:
    """A folder that holds a link ``lake`` to the lake, for as long as the process lives."""
    folder = TemporaryDirectory(prefix="lakehouse-")
    Path(folder.name, "lake").symlink_to(root, target_is_directory=True)
    return folder


def _locate_published(candidate: Candidate) -> Path:
    """Folder of a candidate whose files are to be published: the whole content, or the rows to append."""
    if not candidate.is_part:
        return locate_good(candidate.path)
    whole = candidate.path / WHOLE
    return whole if whole.is_dir() else candidate.path / ADDED


def _fill_empty(folder: Path, contract: Contract) -> None:
    """Ensure that a folder has a file: the engine writes none for zero rows."""
    if not _list_files(folder):
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(arrow_schema(contract).empty_table(), folder / "empty.parquet")


def _list_files(path: Path) -> list[Path]:
    return sorted(path.glob("*.parquet"))


def _count_rows(path: Path) -> int:
    return sum(pq.read_metadata(file).num_rows for file in _list_files(path))
