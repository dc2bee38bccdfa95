"""What every lake can do: find tables by their address, read them, and publish what was audited.

Contains the one interface that tables are built through, and the values it passes around. How a lake stores its
tables is in ``folder_lake.py`` (folders of this machine, for the embedded engine) and ``spark_lake.py`` (Delta tables
that Spark itself writes, by path or by name). What rows mean, and whether they may be published, is decided
elsewhere.

A new version is written in two steps. ``stage`` writes a candidate where no reader of the table looks; ``publish``
makes it the table's content in one Delta commit. Between the two the candidate can be read and audited, and a
process that dies leaves readers with the version they had. What is called a candidate was never published.

A candidate holds the whole table, or the part of it that is rebuilt (``compare``). Of a part, only rows that differ
from the published ones are appended or merged. They are kept beside the version, so that downstream tables can be
refreshed incrementally (``read_changes``).
"""

import json
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructField, StructType

from instacart_assets.contracts.model import IS_REFUSED, ORIGIN, REASONS, Contract
from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.care import Files, Sweep
from instacart_assets.lakehouse.history import (
    RESTORED_FROM,
    Commit,
    Publication,
    find_publication,
    find_standing,
    have_changed,
    list_publications,
    strike_overtaken,
)
from instacart_assets.places import for_spark

CANDIDATE = "candidate-"
"""Prefix of the folders that hold what may still be refused."""

GOOD_PART, REFUSED_PART = f"{IS_REFUSED}=false", f"{IS_REFUSED}=true"
"""Folders of a candidate whose rows can be refused one by one: the accepted and the refused rows."""

ADDED, REMOVED, WHOLE = "added", "removed", "whole"
"""Folders of a compared candidate: rows that the published version lacks, rows that only the published version has,
and, where a lake writes it beforehand, the whole new content."""

CHANGES = "changes-"
"""Prefix of the folders that hold what a version added and removed; the version's notes name them."""

CHANGED = "changed"
"""Note of a version: the folders that hold the rows it added and removed."""

BY_HAND = "by-hand"
"""Used in place of a run id when a person works on a table."""

LAST_COMMITS = 20
"""Number of commits read first in search of notes: maintenance commits carry the notes of what they hold."""

NOTES = "userMetadata"
"""Where a Delta commit stores the notes of a published version, as Spark names it."""

REFUSED_COLUMNS: tuple[tuple[str, str], ...] = (
    *zip(ORIGIN, ("string", "bigint"), strict=True),
    (REASONS, "array<string>"),
)
"""Columns that a refused row has in addition to the contract's, with their types."""


class TableMissingError(RemediableError):
    """A table to be read was never published; the message says which run builds it."""


class VersionMissingError(RemediableError):
    """A version of a table cannot be read; the message says which is the earliest that can."""


class LakePathError(RemediableError):
    """A lake cannot be at the requested location; the message says why."""


class PublishConflictError(RemediableError):
    """Another run published a table first; the message says what to do."""


@dataclass(frozen=True)
class Pin:
    """A table as it was when work on its next version began: another version since then is a conflict.

    Attributes:
        version: the version published then; None if there was none.
        handle: what the lake needs to commit against that version.
    """

    version: int | None
    handle: Any = None


@dataclass(frozen=True)
class Change:
    """Rows in which a candidate differs from the published version; a changed row counts in both.

    Attributes:
        added: how many rows it has that the published version lacks.
        removed: how many rows it lacks that the published version has.
    """

    added: int
    removed: int


@dataclass(frozen=True)
class Candidate:
    """A version of a table that is written but not published.

    Attributes:
        contract: what the table promises.
        path: folder of the candidate, as Python reaches it.
        rows: how many rows would be published.
        refused: how many rows are refused and stored beside those.
        run_id: the run that wrote it.
        pin: the table when the work began.
        change: how it differs from the published version; None if they were not compared.
        is_part: whether its files hold only a part of the table's rows: those that were rebuilt.
    """

    contract: Contract
    path: Path
    rows: int
    refused: int
    run_id: str
    pin: Pin
    change: Change | None = None
    is_part: bool = False

    @property
    def is_news(self) -> bool:
        """Whether publishing it would change what readers see; true if it was not compared."""
        return self.change is None or self.change.added > 0 or self.change.removed > 0


class Lakehouse(ABC):
    """Tables of one lake, by address.

    Args:
        open_session: returns the engine's session; called only when rows are read or written.
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
        """Folder for intermediate data; None where the engine can reach this process's temporary folder."""
        return None

    @abstractmethod
    def pin(self, address: str) -> Pin:
        """The current version of the table, taken before the inputs of its next version are read."""

    def find_version(self, address: str) -> int | None:
        """The table's current version; None if it was never published."""
        return self.pin(address).version

    @abstractmethod
    def count_rows(self, address: str, version: int | None = None) -> int:
        """Row count of a version of the table, by default the current one, from its statistics; 0 if there is none."""

    @abstractmethod
    def list_tables(self) -> list[str]:
        """Addresses of all published tables, by layer and name."""

    def read(self, address: str, version: int | None = None) -> DataFrame:
        """Rows of a table, pinned to one version for as long as they are used.

        Args:
            address: ``layer.table``.
            version: the version to read; by default the current one.

        Raises:
            TableMissingError: the table was never published.
        """
        pinned = self.find_version(address) if version is None else version
        if pinned is None:
            raise TableMissingError(
                f"{address} is not in the lake {self.place}; "
                f"make it first: instacart run --select '{address}'"
            )
        # Without a version, a lazy frame would read whatever is published while it is being used.
        return self._load(address, pinned)

    @abstractmethod
    def _load(self, address: str, version: int) -> DataFrame:
        """Rows of one version of a table."""

    @abstractmethod
    def stage(self, rows: DataFrame, contract: Contract, pin: Pin, run_id: str) -> Candidate:
        """Write ``rows`` as a candidate for the contract's table, in the contract's columns and types.

        Args:
            rows: the rows, evaluated once, here; those marked as refused are stored apart from the others.
            contract: the table they are for.
            pin: the version they are to replace, taken before the inputs were read.
            run_id: names the candidate, with a suffix that keeps two of one run apart.

        Raises:
            ShapeError: the rows lack a column of the contract.
            PySparkException: the engine cannot compute the rows.
        """

    @abstractmethod
    def read_refused(self, candidate: Candidate) -> DataFrame:
        """Refused rows of a candidate: the contract's columns, each row's origin, and the rules it breaks."""

    def compare(
        self, candidate: Candidate, published: DataFrame | None, *, is_part: bool, may_overlap: bool = True
    ) -> Candidate:
        """Find out in which rows a staged candidate differs from the published version.

        Args:
            candidate: what was staged.
            published: the published rows that it replaces: all of them if it is the whole table, None if there are
                none.
            is_part: whether the candidate holds only a part of the table: published rows that are not in
                ``published`` then stay as they are.
            may_overlap: whether any row can be in both.

        Returns:
            The candidate with its change; ``rows`` counts the rows that the table would have.
        """
        path, contract = candidate.path, candidate.contract
        if published is None:
            if candidate.rows:
                _link_files(locate_good(path), path / ADDED)
            change = Change(candidate.rows, 0)
        else:
            made, held = self.read_made(candidate), published.select(*contract.column_names)
            added, removed = (made.subtract(held), held.subtract(made)) if may_overlap else (made, held)
            change = Change(
                self._write_aside(added, path / ADDED, contract),
                self._write_aside(removed, path / REMOVED, contract),
            )
        if not is_part:
            return replace(candidate, change=change)
        held_rows = self.count_rows(contract.address, candidate.pin.version)
        rows = held_rows + change.added - change.removed
        return self._prepare(replace(candidate, change=change, is_part=True, rows=rows))

    def _prepare(self, candidate: Candidate) -> Candidate:
        """Write what the lake needs before it can publish a part; by default nothing."""
        return candidate

    @abstractmethod
    def _write_aside(self, rows: DataFrame, folder: Path, contract: Contract) -> int:
        """Write rows in the contract's columns as Parquet into a folder of a candidate; return their number."""

    @abstractmethod
    def _read_folder(self, folder: Path) -> DataFrame:
        """Rows of the Parquet files of a folder that has some."""

    @abstractmethod
    def _read_aside(self, folder: Path, contract: Contract) -> DataFrame:
        """Rows that ``_write_aside`` wrote; no rows if it wrote none."""

    @abstractmethod
    def read_made(self, candidate: Candidate) -> DataFrame:
        """Rebuilt rows of a candidate that are not refused: of a part only its own rows, changed or not."""

    def read_candidate(self, candidate: Candidate) -> DataFrame:
        """Rows that the table would have if a candidate were published."""
        if not candidate.is_part or candidate.change is None:
            return self.read_made(candidate)
        return self._merge(candidate, candidate.change)

    def _merge(self, candidate: Candidate, change: Change) -> DataFrame:
        """The published rows without the removed ones, plus the added ones."""
        contract = candidate.contract
        base = self._load(contract.address, int(candidate.pin.version or 0)).select(*contract.column_names)
        if change.removed:
            gone = self.read_removed(candidate).select(*contract.key)
            base = base.join(gone, [*contract.key], "left_anti").select(*contract.column_names)
        return base.unionByName(self.read_added(candidate)) if change.added else base

    def read_added(self, candidate: Candidate) -> DataFrame:
        """Rows of a compared candidate that the published version lacks."""
        return self._read_aside(candidate.path / ADDED, candidate.contract)

    def read_removed(self, candidate: Candidate) -> DataFrame:
        """Rows of the published version that a compared candidate lacks."""
        return self._read_aside(candidate.path / REMOVED, candidate.contract)

    def read_changes(self, address: str, since: int, until: int) -> DataFrame | None:
        """Rows that versions after ``since`` up to ``until`` added or removed; None if that is not known.

        A row that one version added and a later one removed is included: an incremental refresh reads the current rows
        with its key. Changes are not known for versions that another writer made, that were published whole without
        being compared, that were restored, or whose changes were cleaned up.

        Args:
            address: the table.
            since: the version that the reader already has.
            until: the version to catch up to.
        """
        if since > until:
            return None
        commits = [one for one in self.list_commits(address) if since < one.version <= until]
        if len(commits) < until - since:
            return None
        writing = [commit.notes for commit in commits if not commit.keeps_rows]
        if not all(CHANGED in notes and RESTORED_FROM not in notes for notes in writing):
            return None
        folders = [
            self._changes_of(address) / name for notes in writing for name in json.loads(notes[CHANGED])
        ]
        # Cleaned up, with or without the folder itself.
        if not all(any(folder.glob("*.parquet")) for folder in folders):
            return None
        nothing = self.read(address, until).limit(0)
        parts = map(self._read_folder, folders)
        return reduce(lambda one, two: one.unionByName(two, allowMissingColumns=True), parts, nothing)

    @abstractmethod
    def _changes_of(self, address: str) -> Path:
        """Folder that contains the folders with the table's changes."""

    @contextmanager
    def keep_aside(self) -> Iterator["Aside"]:
        """Temporary storage for rows that are used more than once; removed when the context ends."""
        if self.scratch is not None:
            self.scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="aside-", dir=self.scratch, ignore_cleanup_errors=True) as folder:
            yield Aside(self.session, Path(folder))

    def publish(self, candidate: Candidate, notes: Mapping[str, str] = MappingProxyType({})) -> int:
        """Make a candidate the table's content, in one commit; its refused rows stay until it is discarded.

        Args:
            candidate: what was staged.
            notes: stored with the version, in addition to the run id; see ``read_notes``.

        Returns:
            The version published.

        Raises:
            PublishConflictError: another run published the table since the candidate's pin was taken.
        """
        said = {"run_id": candidate.run_id, "candidate": candidate.path.name, **notes}
        if candidate.change is not None:
            said[CHANGED] = json.dumps(self._keep_changes(candidate))
        return self._commit(candidate, json.dumps(said))

    @abstractmethod
    def _commit(self, candidate: Candidate, notes: str) -> int:
        """Publish a candidate with notes; see ``publish``."""

    def _keep_changes(self, candidate: Candidate) -> list[str]:
        """Store the changes of a compared candidate for ``read_changes``; return the names of their folders."""
        kept = self._changes_of(candidate.contract.address) / candidate.path.name.replace(
            CANDIDATE, CHANGES, 1
        )
        names = []
        for part in (ADDED, REMOVED):
            if (candidate.path / part).is_dir():
                _link_files(candidate.path / part, kept / part)
                names.append(f"{kept.name}/{part}")
        return names

    def discard(self, candidate: Candidate) -> None:
        """Remove what is left of a candidate that nobody needs to inspect."""
        shutil.rmtree(candidate.path, ignore_errors=True)

    def read_notes(self, address: str, name: str, versions: int) -> list[str]:
        """The notes of a given name of the last ``versions`` published versions of a table, newest first."""
        published = self.list_publications(address, versions)
        return [str(one.notes[name]) for one in published if name in one.notes]

    def read_last_note(self, address: str, name: str) -> str | None:
        """The note of a given name of a table's published version; None if it has none.

        If another writer has changed the table since, there are no notes.
        """
        # Many maintenance commits may come before the one that has notes.
        for most in (LAST_COMMITS, None):
            commits = strike_overtaken(self.list_commits(address, most))
            for commit in commits:
                if commit.notes or not commit.keeps_rows:
                    return commit.notes.get(name)
            if len(commits) < LAST_COMMITS:
                break
        return None

    @abstractmethod
    def name_for_query(self, address: str) -> str:
        """The name under which the session's SQL finds a table of the lake."""

    def forget_name(self, address: str) -> None:  # noqa: B027 - most lakes register no names
        """Ensure that a name in the session does not refer to a table of another lake."""

    @abstractmethod
    def _candidates_of(self, address: str) -> Path:
        """Folder that contains the table's candidates."""

    def list_candidates(self, address: str) -> list[Path]:
        """Folders of the table's candidates that were refused or abandoned, oldest first."""
        return [path for path, _ in self._list_candidates(address)]

    def _list_candidates(self, address: str) -> list[tuple[Path, float]]:
        """Those folders, and when each was written; another run may remove its own meanwhile."""
        found = []
        for path in self._candidates_of(address).glob(f"{CANDIDATE}*"):
            with suppress(FileNotFoundError):
                found.append((path, path.stat().st_mtime))
        return sorted(found, key=lambda one: one[1])

    def remove_candidates(self, address: str, before: datetime) -> list[Path]:
        """Remove those candidates of a table that were written before a moment.

        Returns:
            The folders removed.
        """
        old = [path for path, written in self._list_candidates(address) if written < before.timestamp()]
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        return old

    def _name_candidate(self, contract: Contract, run_id: str) -> Path:
        # Never reuse a name: the files of a published candidate may belong to the table from then on.
        return self._candidates_of(contract.address) / f"{CANDIDATE}{run_id}-{uuid4().hex[:8]}"

    def _make_no_refused(self, contract: Contract) -> DataFrame:
        """An empty frame with the columns of refused rows."""
        return self.make_none(contract, REFUSED_COLUMNS)

    def make_none(self, contract: Contract, beside: tuple[tuple[str, str], ...] = ()) -> DataFrame:
        """An empty frame with the contract's columns, and others beside them."""
        columns = [*((column.name, column.type) for column in contract.columns), *beside]
        return self.session.createDataFrame([], ", ".join(f"`{name}` {kind}" for name, kind in columns))

    @contextmanager
    def hold(self, address: str, run_id: str = BY_HAND, seconds: float | None = None) -> Iterator[None]:  # noqa: ARG002 - see below
        """Reserve a table and its quarantine table for one run, from pinning to publishing.

        Where no lock is available, as in an object store, nothing is reserved: of two runs the later one then gets a
        ``PublishConflictError`` and starts over.

        Args:
            address: ``layer.table``; its quarantine table is held with it.
            run_id: the run that works on it, shown to others that wait.
            seconds: how long to wait; by default as long as the lake is set to.

        Raises:
            TableHeldError: another run held it all that time.
        """
        yield

    @abstractmethod
    def list_commits(self, address: str, most: int | None = None) -> list[Commit]:
        """The commits that a table's log still has, newest first; none if there is no table.

        Args:
            address: ``layer.table``.
            most: how many; by default all.
        """

    def list_publications(self, address: str, most: int) -> list[Publication]:
        """The last published versions of a table, newest first, regardless of maintenance since."""
        some = self.list_commits(address, 2 * most)
        found = list_publications(some)
        if len(found) < most and len(some) == 2 * most:
            found = list_publications(self.list_commits(address))
        return found[:most]

    def has_changed(self, address: str, since: int, until: int) -> bool:
        """Whether a table's rows may differ between two versions: a commit after ``since``, up to ``until``, wrote.

        Maintenance changes no row, however many versions it creates.
        """
        return since < until and have_changed(self.list_commits(address), since, until)

    def find_version_at(self, address: str, moment: datetime) -> int | None:
        """The version that readers of a table saw at a moment; None if the table was not published yet.

        Args:
            address: ``layer.table``.
            moment: with a time zone.

        Raises:
            VersionMissingError: there was one, but it can no longer be read.
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
        """Check that a version of a table can be read.

        Raises:
            VersionMissingError: it never existed, or its files were removed.
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
        """The earliest published version that can be read; None if there is none."""
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
        """A message for people: which version of a table is the earliest that can be read."""
        earliest = self.find_earliest(address)
        if earliest is None:
            return f"it was never published; make it: instacart run --select '{address}'"
        return (
            f"the earliest that can be had is version {earliest.version}, of {earliest.moment.isoformat(' ', 'seconds')}; "
            f"see them all: instacart versions {address}"
        )

    @abstractmethod
    def is_readable(self, address: str, version: int, commits: Sequence[Commit]) -> bool:
        """Whether the files of a version all exist.

        Args:
            address: ``layer.table``.
            version: the version.
            commits: what ``list_commits`` returns for the table; a caller with many versions calls it once.
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
        """Count and size of the current version's data files."""

    @abstractmethod
    def compact(self, address: str) -> None:
        """Compact the small files of a table, in a commit that changes no row; no commit if there is nothing to do."""

    @abstractmethod
    def sweep(self, address: str, since: datetime, *, is_rehearsal: bool = False) -> Sweep:
        """Remove files that are in no version that readers saw at a given time or later; candidates stay.

        Args:
            address: ``layer.table``.
            since: the time from which on every version stays readable.
            is_rehearsal: dry run: only report what would be removed.
        """

    @abstractmethod
    def find_checkpoint(self, address: str) -> int | None:
        """The version of a table's last checkpoint, -1 before the first; None if the engine manages checkpoints."""

    @abstractmethod
    def checkpoint(self, address: str, since: datetime) -> None:
        """Write a checkpoint of a table's log, and remove commits not needed to go back as far as ``since``."""


class Aside:
    """Temporary storage for rows that are used more than once in a build.

    Args:
        session: the engine's session.
        folder: holds the rows; both the engine and this process reach it.
    """

    def __init__(self, session: SparkSession, folder: Path) -> None:
        self._session = session
        self._folder = folder

    def put(self, rows: DataFrame) -> DataFrame:
        """The same rows, evaluated once."""
        path = self._folder / uuid4().hex[:8]
        rows.write.parquet(for_spark(path))
        schema = StructType([StructField(field.name, field.dataType) for field in rows.schema])
        if not any(path.glob("*.parquet")):  # the embedded engine writes no file for zero rows
            return self._session.createDataFrame([], schema)
        return self._session.read.schema(schema).parquet(for_spark(path))


def locate_good(path: Path) -> Path:
    """Folder of the rows of a candidate that are not refused."""
    part = path / GOOD_PART
    return part if part.exists() or (path / REFUSED_PART).exists() else path


def _link_files(source: Path, target: Path) -> None:
    """Link the files of a folder into another one, which is made; a volume lets nobody set times or modes of folders."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        if file.is_file():
            _link(file, target / file.name)


def _link(source: Path, target: Path) -> None:
    """Hard-link a file under another name, or copy it where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def explain_conflict(address: str) -> str:
    """The message of a publish conflict."""
    return (
        f"{address}: another run published it meanwhile, and its version stays; "
        "wait until that run has ended, then run again"
    )
