"""What every lake can do: find tables by their address, read them, and publish what was audited.

Here lives the one interface that tables are built through, and what it hands about. How a lake keeps its tables
is in ``folder_lake.py`` (folders of this machine, for the embedded engine) and ``spark_lake.py`` (Delta tables
that Spark itself writes, by path or by name). What rows mean, and whether they may be published, is decided
elsewhere.

A new version is written in two steps. ``stage`` writes a candidate where no reader of the table looks; ``publish``
makes it the table's content in one Delta commit. Between the two the candidate can be read and judged, and a
process that dies leaves readers with the version they had. What is called a candidate was never published.
"""

import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame, SparkSession

from instacart_assets.contracts.model import ORIGIN, REASONS, Contract
from instacart_assets.errors import RemediableError

CANDIDATE = "candidate-"
"""First part of the names of folders that hold what may yet be refused."""

NOTES = "userMetadata"
"""Where a Delta commit keeps what a published version notes of itself, as Spark names it."""

REFUSED_COLUMNS: tuple[tuple[str, str], ...] = (
    *zip(ORIGIN, ("string", "bigint"), strict=True),
    (REASONS, "array<string>"),
)
"""Columns that a refused row has beside the contract's, with their types."""


class TableMissingError(RemediableError):
    """A table that is to be read was never published; the message says which run makes it."""


class LakePathError(RemediableError):
    """A lake cannot lie where it is asked to; the message says why."""


class PublishConflictError(RemediableError):
    """Another run published a table first; the message says what to do."""


@dataclass(frozen=True)
class Pin:
    """A table as it stood when work on its next version began: another version since then is a conflict.

    Attributes:
        version: the version published then; None where there was none.
        handle: what the lake needs to commit against that version.
    """

    version: int | None
    handle: Any = None


@dataclass(frozen=True)
class Candidate:
    """A version of a table that is written but not published.

    Attributes:
        contract: what the table promises.
        path: folder of the candidate, as Python reaches it.
        rows: how many rows would be published.
        refused: how many rows are refused and lie beside those.
        run_id: the run that wrote it.
        pin: the table when the work began.
    """

    contract: Contract
    path: Path
    rows: int
    refused: int
    run_id: str
    pin: Pin


class Lakehouse(ABC):
    """Tables of one lake, by address.

    Args:
        open_session: gives the engine's session; asked only when rows are read or written.
    """

    def __init__(self, open_session: Callable[[], SparkSession]) -> None:
        self._open_session = open_session

    @property
    def session(self) -> SparkSession:
        """The engine's session."""
        return self._open_session()

    @property
    @abstractmethod
    def place(self) -> str:
        """Where the lake is, for people."""

    @property
    def scratch(self) -> Path | None:
        """Folder for what is no table, where the engine does not reach this process's temporary one."""
        return None

    @abstractmethod
    def pin(self, address: str) -> Pin:
        """The table as it stands now, taken before the inputs of its next version are read."""

    def find_version(self, address: str) -> int | None:
        """The table's version now; None where it was never published."""
        return self.pin(address).version

    @abstractmethod
    def count_rows(self, address: str, version: int | None = None) -> int:
        """Rows of a version of the table, by default the one now, from its statistics; 0 where there is none."""

    @abstractmethod
    def list_tables(self) -> list[str]:
        """Addresses of all published tables, by layer and name."""

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
                f"{address} is not in the lake {self.place}; "
                f"make it first: instacart run --select '{address}'"
            )
        # Without a version, a lazy frame follows the table to whatever is published while it is being used.
        return self._load(address, pinned)

    @abstractmethod
    def _load(self, address: str, version: int) -> DataFrame:
        """Rows of one version of a table."""

    @abstractmethod
    def stage(self, rows: DataFrame, contract: Contract, pin: Pin, run_id: str) -> Candidate:
        """Write ``rows`` as a candidate for the contract's table, in the contract's columns and types.

        Args:
            rows: the rows, evaluated once, here; those that are marked as refused lie apart from the others.
            contract: the table they are for.
            pin: the table they were made to replace, taken before the inputs were read.
            run_id: names the candidate, with a suffix that keeps two of one run apart.

        Raises:
            ShapeError: the rows lack a column of the contract.
            PySparkException: the engine cannot make the rows.
        """

    @abstractmethod
    def read_candidate(self, candidate: Candidate) -> DataFrame:
        """Rows of a candidate that would be published."""

    @abstractmethod
    def read_refused(self, candidate: Candidate) -> DataFrame:
        """Refused rows of a candidate: the contract's columns, where each is from, and the rules it breaks."""

    def publish(self, candidate: Candidate, notes: Mapping[str, str] = MappingProxyType({})) -> int:
        """Make a candidate the table's content, in one commit; its refused rows stay until it is discarded.

        Args:
            candidate: what was staged.
            notes: kept with the version, beside the run; see ``read_notes``.

        Returns:
            The version published.

        Raises:
            PublishConflictError: another run published the table since the candidate's pin was taken.
        """
        said = {"run_id": candidate.run_id, "candidate": candidate.path.name, **notes}
        return self._commit(candidate, json.dumps(said))

    @abstractmethod
    def _commit(self, candidate: Candidate, notes: str) -> int:
        """Publish a candidate with notes; see ``publish``."""

    def discard(self, candidate: Candidate) -> None:
        """Remove what is left of a candidate that nobody needs to look at."""
        shutil.rmtree(candidate.path, ignore_errors=True)

    def read_notes(self, address: str, name: str, versions: int) -> list[str]:
        """What the last ``versions`` versions of a table noted under a name, the newest first."""
        said = (json.loads(notes) for notes in self._read_notes(address, versions))
        return [str(notes[name]) for notes in said if name in notes]

    @abstractmethod
    def _read_notes(self, address: str, versions: int) -> Iterator[str]:
        """The notes of the last versions of a table that have any, the newest first."""

    @abstractmethod
    def name_for_query(self, address: str) -> str:
        """The name under which the session's SQL finds a table of the lake."""

    def forget_name(self, address: str) -> None:  # noqa: B027 - most lakes tell a session nothing
        """See that the session does not take a name for a table of another lake."""

    @abstractmethod
    def _candidates_of(self, address: str) -> Path:
        """Folder in which the table's candidates lie."""

    def list_candidates(self, address: str) -> list[Path]:
        """Folders of the table's candidates that were refused or abandoned, the oldest first."""
        folders = self._candidates_of(address).glob(f"{CANDIDATE}*")
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

    def _name_candidate(self, contract: Contract, run_id: str) -> Path:
        # Never a name used before: the files of a published candidate may be the table's own from then on.
        return self._candidates_of(contract.address) / f"{CANDIDATE}{run_id}-{uuid4().hex[:8]}"

    def _make_no_refused(self, contract: Contract) -> DataFrame:
        """No refused rows, in the columns they would have."""
        columns = [*((column.name, column.type) for column in contract.columns), *REFUSED_COLUMNS]
        return self.session.createDataFrame([], ", ".join(f"`{name}` {kind}" for name, kind in columns))


def explain_conflict(address: str) -> str:
    """The message of a publish conflict."""
    return (
        f"{address}: another run published it meanwhile, and its version stays; "
        "wait until that run has ended, then run again"
    )
