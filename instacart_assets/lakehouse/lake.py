"""The one object that knows where tables lie and how they are read and published on a local lake.

Here lives the way between a table's address and its files: ``<lake>/<layer>/<table>``, each a Delta table. What
the rows mean, and whether they may be published, is decided elsewhere.

A new version is written in two steps. ``stage`` has the engine write plain Parquet into
``<table>/candidate-<run>/``, which no reader sees; ``publish`` makes those files the table's content in one
Delta commit. Between the two the candidate can be read and judged, and a process that dies leaves readers with
the version they had.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.contracts.model import LAYERS, Contract
from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.commit import commit_files
from instacart_assets.lakehouse.schema import arrow_schema, conform

MISTAKEN_NAME = re.compile(r"%[0-9A-Fa-f]{2}|\\")
"""What deltalake takes for something else in the name of a folder: ``%20`` for a space, a backslash for a slash."""


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
        path: folder of the candidate's Parquet files.
        rows: how many rows they hold.
        run_id: the run that wrote it.
        base: handle on the version it would replace; None where the table does not exist yet.
    """

    contract: Contract
    path: Path
    rows: int
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

    def count_rows(self, address: str) -> int:
        """Rows of the table's version now, from its statistics; 0 where it was never published."""
        table = self.open_table(address)
        return 0 if table is None else table.count()

    def list_tables(self) -> list[str]:
        """Addresses of all published tables, by layer and name."""
        return [
            f"{layer}.{folder.name}"
            for layer in LAYERS
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
            rows: the rows; evaluated once, here.
            contract: the table they are for.
            base: handle on the version they were made to replace, taken before the inputs were read.
            run_id: names the candidate, with a suffix that keeps two of one run apart.

        Raises:
            ShapeError: the rows lack a column of the contract.
        """
        # Never a name used before: the files of a published candidate are the table's own from then on.
        path = self.locate(contract.address) / f"candidate-{run_id}-{uuid4().hex[:8]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        conform(rows, contract).write.parquet(self._spell_for_engine(path))
        files = _list_files(path)
        if not files:  # the engine writes no file for no rows
            path.mkdir(exist_ok=True)
            pq.write_table(arrow_schema(contract).empty_table(), path / "empty.parquet")
        return Candidate(contract, path, sum(pq.read_metadata(file).num_rows for file in files), run_id, base)

    def read_candidate(self, candidate: Candidate) -> DataFrame:
        """Rows of a candidate."""
        return self.session.read.parquet(self._spell_for_engine(candidate.path))

    def publish(self, candidate: Candidate) -> int:
        """Make a candidate the table's content, in one commit.

        Returns:
            The version published.

        Raises:
            PublishConflictError: another run published the table since the candidate's base was taken.
        """
        address = candidate.contract.address
        files = _list_files(candidate.path)
        try:
            return commit_files(
                self.locate(address), candidate.base, candidate.contract, files, candidate.run_id
            )
        except CommitFailedError as error:
            raise PublishConflictError(
                f"{address}: another run published it meanwhile, and its version stays; "
                "wait until that run has ended, then run again"
            ) from error

    def read_preview(self, candidate: Candidate, rows: int) -> pa.Table:
        """The first rows of a candidate by its key."""
        key = candidate.contract.key
        return self.read_candidate(candidate).orderBy(*key).limit(rows).toArrow()


@cache
def _keep_link(root: Path) -> TemporaryDirectory[str]:
    """A folder that holds a link ``lake`` to the lake, for as long as the process lives."""
    folder = TemporaryDirectory(prefix="lakehouse-")
    Path(folder.name, "lake").symlink_to(root, target_is_directory=True)
    return folder


def _list_files(path: Path) -> list[Path]:
    return sorted(path.glob("*.parquet"))
