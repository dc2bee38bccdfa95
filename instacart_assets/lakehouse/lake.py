"""What every lake can do: find tables by their address, read them, and publish what was audited.

Here lives the one interface that tables are built through, and what it hands about. How a lake keeps its tables
is in ``folder_lake.py`` (folders of this machine, for the embedded engine) and ``spark_lake.py`` (Delta tables
that Spark itself writes, by path or by name). What rows mean, and whether they may be published, is decided
elsewhere.

A new version is written in two steps. ``stage`` writes a candidate where no reader of the table looks; ``publish``
makes it the table's content in one Delta commit. Between the two the candidate can be read and judged, and a
process that dies leaves readers with the version they had. What is called a candidate was never published.

A candidate holds the whole table, or the part of it that is made anew (``compare``): then only rows that differ
from the published ones are appended or merged, and they are kept beside the version, so that what is made of the
table can follow (``read_changes``).
"""

import json
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructField, StructType

from instacart_assets.contracts.model import IS_REFUSED, ORIGIN, REASONS, Contract
from instacart_assets.errors import RemediableError
from instacart_assets.places import for_spark

CANDIDATE = "candidate-"
"""First part of the names of folders that hold what may yet be refused."""

GOOD_PART, REFUSED_PART = f"{IS_REFUSED}=false", f"{IS_REFUSED}=true"
"""Folders of a candidate whose rows could be refused."""

ADDED, REMOVED, WHOLE = "added", "removed", "whole"
"""Folders of a compared candidate: rows that the published version lacks, rows that it has too many, and, where a
lake writes that beforehand, all rows that it will have."""

CHANGES = "changes-"
"""First part of the names of folders that hold what a version added and removed."""

CHANGED = "changed"
"""What a version notes of the rows it added and removed: the folders that hold them."""

KEEPS_ROWS = frozenset({"OPTIMIZE", "VACUUM START", "VACUUM END"})
"""What Delta calls operations that change no row."""

LAST_COMMITS = 20
"""Among so many commits of a table one is a publication: maintenance comes after publications, not by itself."""

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
class Change:
    """Rows in which a candidate differs from the published version; a row with another value is both.

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
        refused: how many rows are refused and lie beside those.
        run_id: the run that wrote it.
        pin: the table when the work began.
        change: how it differs from the published version; None where that was not looked at.
        is_part: whether its files hold only a part of the table's rows: those that were made anew.
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
        """Whether publishing it would change what readers see, as far as that was looked at."""
        return self.change is None or self.change.added > 0 or self.change.removed > 0


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
    def read_refused(self, candidate: Candidate) -> DataFrame:
        """Refused rows of a candidate: the contract's columns, where each is from, and the rules it breaks."""

    def compare(
        self, candidate: Candidate, published: DataFrame | None, *, is_part: bool, may_overlap: bool = True
    ) -> Candidate:
        """Find out in which rows a staged candidate differs from the published version.

        Args:
            candidate: what was staged.
            published: the published rows that it stands for; all of them where it is the whole table, None where
                there are none.
            is_part: whether the candidate holds but a part of the table: of the published rows, those that are not
                in ``published`` stay as they are.
            may_overlap: whether any row can be in both.

        Returns:
            The candidate with its change; ``rows`` counts the table as it would be.
        """
        path, contract = candidate.path, candidate.contract
        if published is None:
            shutil.copytree(
                locate_good(path), path / ADDED, copy_function=_link, ignore=shutil.ignore_patterns(ADDED)
            )
            change = Change(candidate.rows, 0)
        else:
            made, held = self._read_good(candidate), published.select(*contract.column_names)
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
        """Write what the lake needs beforehand to publish a part; most need nothing."""
        return candidate

    @abstractmethod
    def _write_aside(self, rows: DataFrame, folder: Path, contract: Contract) -> int:
        """Write rows in the contract's columns as Parquet into a folder of a candidate; their number."""

    @abstractmethod
    def _read_folder(self, folder: Path) -> DataFrame:
        """Rows of the Parquet files of a folder that has some."""

    @abstractmethod
    def _read_aside(self, folder: Path, contract: Contract) -> DataFrame:
        """Rows that ``_write_aside`` wrote; none where it wrote none."""

    @abstractmethod
    def _read_good(self, candidate: Candidate) -> DataFrame:
        """Rows of a candidate's own files that would be published."""

    def read_candidate(self, candidate: Candidate) -> DataFrame:
        """Rows that the table would have if a candidate were published."""
        if not candidate.is_part or candidate.change is None:
            return self._read_good(candidate)
        return self._merge(candidate, candidate.change)

    def _merge(self, candidate: Candidate, change: Change) -> DataFrame:
        """The published rows without those that go, and those that come."""
        contract = candidate.contract
        base = self._load(contract.address, int(candidate.pin.version or 0)).select(*contract.column_names)
        if change.removed:
            gone = self.read_removed(candidate).select(*contract.key)
            base = base.join(gone, [*contract.key], "left_anti").select(*contract.column_names)
        return base.unionByName(self.read_added(candidate)) if change.added else base

    def read_made(self, candidate: Candidate) -> DataFrame:
        """Rows of a candidate that were made anew: of a part only its own, changed or not."""
        return self._read_good(candidate)

    def read_added(self, candidate: Candidate) -> DataFrame:
        """Rows of a compared candidate that the published version lacks."""
        return self._read_aside(candidate.path / ADDED, candidate.contract)

    def read_removed(self, candidate: Candidate) -> DataFrame:
        """Rows of the published version that a compared candidate lacks."""
        return self._read_aside(candidate.path / REMOVED, candidate.contract)

    def read_changes(self, address: str, since: int, until: int) -> DataFrame | None:
        """Rows that versions after ``since`` up to ``until`` added or removed; None where that is not known.

        A row that one version added and a later one removed is among them: whoever follows the table looks at what
        shares its key now. It is not known of versions that somebody else wrote, that were published as a whole
        without being compared, or whose changes were cleared away.

        Args:
            address: the table.
            since: the version that is known.
            until: the version to follow to.
        """
        if since > until:
            return None
        commits = self._list_between(address, since, until)
        if len(commits) < until - since:
            return None
        noted = [commit.notes.get(CHANGED) for commit in commits if commit.changes_rows]
        folders = [self._changes_of(address) / name for names in noted for name in names or ()]
        if None in noted or not all(folder.is_dir() for folder in folders):
            return None
        nothing = self.read(address, until).where(F.lit(False))
        parts = map(self._read_folder, folders)
        return reduce(lambda one, two: one.unionByName(two, allowMissingColumns=True), parts, nothing)

    def has_changed(self, address: str, since: int, until: int) -> bool:
        """Whether any version after ``since`` up to ``until`` has other rows than the one before."""
        between = self._list_between(address, since, until)
        return len(between) != until - since or any(commit.changes_rows for commit in between)

    def _list_between(self, address: str, since: int, until: int) -> list["Commit"]:
        """Commits after a version up to another, as far as the table's log still has them."""
        back = max((self.find_version(address) or 0) - since, 1)
        commits = self._list_commits(address, back) if since < until else []
        return [commit for commit in commits if since < commit.version <= until]

    def remove_changes(self, address: str, before: datetime) -> list[Path]:
        """Remove what versions before a moment added and removed, where it lies apart from the table's own files.

        Returns:
            The folders removed.
        """
        folders = self._changes_of(address).glob(f"{CHANGES}*")
        old = [folder for folder in folders if folder.stat().st_mtime < before.timestamp()]
        for folder in old:
            shutil.rmtree(folder, ignore_errors=True)
        return old

    @abstractmethod
    def _changes_of(self, address: str) -> Path:
        """Folder in which lie the folders that hold the table's changes."""

    @contextmanager
    def keep_aside(self) -> Iterator["Aside"]:
        """A place for rows that are used more than once; gone when the context ends."""
        if self.scratch is not None:
            self.scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="aside-", dir=self.scratch, ignore_cleanup_errors=True) as folder:
            yield Aside(self.session, Path(folder))

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
        said: dict[str, Any] = {"run_id": candidate.run_id, "candidate": candidate.path.name, **notes}
        if candidate.change is not None:
            said[CHANGED] = self._keep_changes(candidate)
        return self._commit(candidate, json.dumps(said))

    @abstractmethod
    def _commit(self, candidate: Candidate, notes: str) -> int:
        """Publish a candidate with notes; see ``publish``."""

    def _keep_changes(self, candidate: Candidate) -> list[str]:
        """Put the changes of a compared candidate where ``read_changes`` finds them; the names of their folders."""
        kept = self._changes_of(candidate.contract.address) / candidate.path.name.replace(
            CANDIDATE, CHANGES, 1
        )
        names = []
        for part in (ADDED, REMOVED):
            if (candidate.path / part).is_dir():
                kept.mkdir(parents=True, exist_ok=True)
                shutil.copytree(candidate.path / part, kept / part, copy_function=_link, dirs_exist_ok=True)
                names.append(f"{kept.name}/{part}")
        return names

    def discard(self, candidate: Candidate) -> None:
        """Remove what is left of a candidate that nobody needs to look at."""
        shutil.rmtree(candidate.path, ignore_errors=True)

    def read_notes(self, address: str, name: str, versions: int) -> list[str]:
        """What the last ``versions`` versions of a table noted under a name, the newest first."""
        commits = self._list_commits(address, versions)
        return [str(commit.notes[name]) for commit in commits if name in commit.notes]

    def read_last_note(self, address: str, name: str) -> str | None:
        """What the newest version that changed rows noted under a name; None where it noted nothing of the kind."""
        for commit in self._list_commits(address, LAST_COMMITS):
            if commit.changes_rows:
                return None if name not in commit.notes else str(commit.notes[name])
        return None

    @abstractmethod
    def _list_commits(self, address: str, versions: int) -> list["Commit"]:
        """The last commits of a table, the newest first; none where there is no table."""

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
        return self._make_none(contract, REFUSED_COLUMNS)

    def _make_none(self, contract: Contract, beside: tuple[tuple[str, str], ...] = ()) -> DataFrame:
        """No rows, in the contract's columns and others beside them."""
        columns = [*((column.name, column.type) for column in contract.columns), *beside]
        return self.session.createDataFrame([], ", ".join(f"`{name}` {kind}" for name, kind in columns))


@dataclass(frozen=True)
class Commit:
    """One commit of a table.

    Attributes:
        version: the version it made.
        operation: what Delta calls it.
        notes: what the version notes of itself; empty where nobody said anything.
    """

    version: int
    operation: str
    notes: Mapping[str, Any]

    @property
    def changes_rows(self) -> bool:
        """Whether the version may have other rows than the one before."""
        return self.operation not in KEEPS_ROWS


class Aside:
    """A place for rows that are used more than once in a build.

    Args:
        session: the engine.
        folder: of the rows, which both the engine and this process reach.
    """

    def __init__(self, session: SparkSession, folder: Path) -> None:
        self._session = session
        self._folder = folder

    def put(self, rows: DataFrame) -> DataFrame:
        """The same rows, evaluated once."""
        path = self._folder / uuid4().hex[:8]
        rows.write.parquet(for_spark(path))
        schema = StructType([StructField(field.name, field.dataType) for field in rows.schema])
        if not any(path.glob("*.parquet")):  # the embedded engine writes no file for no rows
            return self._session.createDataFrame([], schema)
        return self._session.read.schema(schema).parquet(for_spark(path))


def locate_good(path: Path) -> Path:
    """Folder of those rows of a candidate that would be published."""
    part = path / GOOD_PART
    return part if part.exists() or (path / REFUSED_PART).exists() else path


def parse_notes(text: str | None) -> dict[str, Any]:
    """What a commit's ``userMetadata`` says; nothing where it is not the product's own."""
    try:
        said = json.loads(text or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _link(source: str, target: str) -> None:
    """The same file under another name where the file system has links, else a copy."""
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
