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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame, SparkSession

from instacart_assets.contracts.model import ORIGIN, REASONS, Contract
from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.care import Files, Sweep
from instacart_assets.lakehouse.history import (
    Commit,
    Publication,
    find_publication,
    find_standing,
    have_changed,
    list_publications,
)

CANDIDATE = "candidate-"
"""First part of the names of folders that hold what may yet be refused."""

CHANGES = "changes-"
"""First part of the names of folders that hold what a version changed; the version's notes name them."""

BY_HAND = "by-hand"
"""Stands for the run where a person works on a table."""

NOTES = "userMetadata"
"""Where a Delta commit keeps what a published version notes of itself, as Spark names it."""

REFUSED_COLUMNS: tuple[tuple[str, str], ...] = (
    *zip(ORIGIN, ("string", "bigint"), strict=True),
    (REASONS, "array<string>"),
)
"""Columns that a refused row has beside the contract's, with their types."""


class TableMissingError(RemediableError):
    """A table that is to be read was never published; the message says which run makes it."""


class VersionMissingError(RemediableError):
    """A version of a table cannot be had; the message says which is the earliest that can."""


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
        """What the last ``versions`` published versions of a table noted under a name, the newest first."""
        published = self.list_publications(address, versions)
        return [str(one.notes[name]) for one in published if name in one.notes]

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

    @contextmanager
    def hold(self, address: str, run_id: str = BY_HAND, seconds: float | None = None) -> Iterator[None]:  # noqa: ARG002 - see below
        """Keep a table and what it refuses to one run, from pinning to publishing.

        Where no lock can be had, as in an object store, nothing is held: of two runs the later one then meets a
        ``PublishConflictError`` and begins anew.

        Args:
            address: ``layer.table``; what the table refuses is held with it.
            run_id: who works on it, for whoever waits.
            seconds: how long to wait; by default as long as the lake is set to.

        Raises:
            TableHeldError: somebody else held it all that time.
        """
        yield

    @abstractmethod
    def list_commits(self, address: str, most: int | None = None) -> list[Commit]:
        """The commits of a table that its log still tells of, the newest first; none where there is no table.

        Args:
            address: ``layer.table``.
            most: how many; by default all.
        """

    def list_publications(self, address: str, most: int) -> list[Publication]:
        """The last published versions of a table, the newest first, whatever maintenance has done since."""
        some = self.list_commits(address, 2 * most)
        found = list_publications(some)
        if len(found) < most and len(some) == 2 * most:
            found = list_publications(self.list_commits(address))
        return found[:most]

    def has_changed(self, address: str, since: int, until: int) -> bool:
        """Whether a table's rows may differ between two versions: a commit after ``since``, up to ``until``, wrote some.

        Maintenance changes no row, whatever number of versions it makes.
        """
        return since < until and have_changed(self.list_commits(address), since, until)

    def find_version_at(self, address: str, moment: datetime) -> int | None:
        """The version that readers of a table saw at a moment; None where the table was not published yet.

        Args:
            address: ``layer.table``.
            moment: with a time zone.

        Raises:
            VersionMissingError: there was one, and it cannot be read any more.
        """
        commits = self.list_commits(address)
        standing = find_standing(commits, moment)
        if standing is not None and find_publication(commits, standing.version) is not None:
            self.check_version(address, standing.version)
            return standing.version
        if commits and commits[-1].version > 0 and moment < commits[-1].moment:
            raise VersionMissingError(
                f"{address}: its log no longer says what it held at {moment.isoformat()}; {self.tell_earliest(address)}"
            )
        return None

    def check_version(self, address: str, version: int) -> None:
        """See that a version of a table can be read.

        Raises:
            VersionMissingError: it cannot, as it never was or as its files are removed.
        """
        commits = self.list_commits(address)
        if not commits or not 0 <= version <= commits[0].version:
            raise VersionMissingError(
                f"{address}: there is no version {version}; {self.tell_earliest(address)}"
            )
        if not self.is_readable(address, version, commits):
            raise VersionMissingError(
                f"{address}: the files of version {version} are no longer kept; {self.tell_earliest(address)}"
            )

    def find_earliest(self, address: str) -> Commit | None:
        """The earliest published version that can be read; None where nothing was published."""
        commits = self.list_commits(address)
        published = {publication.version for publication in list_publications(commits)}
        readable = (
            commit
            for commit in reversed(commits)
            if min(published, default=commit.version + 1) <= commit.version
            and self.is_readable(address, commit.version, commits)
        )
        return next(readable, None)

    def tell_earliest(self, address: str) -> str:
        """Which version of a table is the earliest that can be had, for people."""
        earliest = self.find_earliest(address)
        if earliest is None:
            return f"it was never published; make it: instacart run --select '{address}'"
        return (
            f"the earliest that can be had is version {earliest.version}, of {earliest.moment.isoformat(' ', 'seconds')}; "
            f"see them all: instacart versions {address}"
        )

    @abstractmethod
    def is_readable(self, address: str, version: int, commits: Sequence[Commit]) -> bool:
        """Whether the files of a version are all there.

        Args:
            address: ``layer.table``.
            version: the version.
            commits: what ``list_commits`` tells of the table: who asks of many versions asks for it once.
        """

    @abstractmethod
    def restore(self, address: str, version: int, notes: str) -> int:
        """Make an earlier version's rows the table's content, in one commit; see ``time_travel.py``.

        Returns:
            The version published.

        Raises:
            PublishConflictError: another run published the table meanwhile.
        """

    @abstractmethod
    def measure_files(self, address: str) -> Files:
        """The data files of the version that is published now."""

    @abstractmethod
    def compact(self, address: str) -> None:
        """Write small files of a table together, in a commit that changes no row; none where there is nothing to do."""

    @abstractmethod
    def sweep(self, address: str, since: datetime, *, is_rehearsal: bool = False) -> Sweep:
        """Remove what no version needs that readers saw at a moment or have seen since; candidates stay.

        Args:
            address: ``layer.table``.
            since: from which moment on every version stays readable.
            is_rehearsal: only say what would be removed.
        """

    @abstractmethod
    def find_checkpoint(self, address: str) -> int | None:
        """The version of a table's last checkpoint, -1 before the first; None where the engine sees to them."""

    @abstractmethod
    def checkpoint(self, address: str, since: datetime) -> None:
        """Sum a table's log up in one file, and forget commits that nobody asks for who goes back to a moment."""


def explain_conflict(address: str) -> str:
    """The message of a publish conflict."""
    return (
        f"{address}: another run published it meanwhile, and its version stays; "
        "wait until that run has ended, then run again"
    )
