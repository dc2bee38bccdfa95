"""A table's commits, and which of them say something.

Here lives what tells a published version from a commit that only looks after files: pure functions over commits, for
every kind of lake. How commits are read is in the lakes.

A maintenance commit changes no row. It carries the notes of the version that it holds, and says which that is: the
notes outlive the commit that they were written with, whatever a log forgets.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

HOLDS = "holds"
"""Note of a maintenance commit: the published version whose rows it holds."""

RESTORED_FROM = "restored_from"
"""Note of a version that was brought back: the published version whose rows it has."""

COMPACTION, VACUUM = "OPTIMIZE", "VACUUM START"

KEEPING_OPERATIONS = frozenset(
    {
        COMPACTION,
        VACUUM,
        "VACUUM END",
        "ADD CONSTRAINT",
        "ADD FEATURE",
        "CHANGE COLUMN",
        "CLUSTER BY",
        "COMPUTE STATS",
        "DOMAIN METADATA CLEANUP",
        "DROP CONSTRAINT",
        "REORG",
        "SET TBLPROPERTIES",
        "UNSET TBLPROPERTIES",
        "UPGRADE PROTOCOL",
    }
)
"""What Delta calls commits that leave every row as it is; one that it calls otherwise may have changed some."""

REWRITING_OPERATIONS = frozenset({COMPACTION, "REORG"})
"""Those of them that write rows into other files."""

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Commit:
    """One commit of a table's log.

    Attributes:
        version: the version it made.
        moment: when.
        operation: Delta's word for what it did.
        notes: what it notes; empty for one that notes nothing.
        parameters: what the operation was told.
        metrics: what it counted.
    """

    version: int
    moment: datetime
    operation: str
    notes: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)

    @property
    def keeps_rows(self) -> bool:
        """Whether it left every row as it was."""
        return self.operation in KEEPING_OPERATIONS

    @property
    def keeps_files(self) -> bool:
        """Whether it left every file of the version before where it was."""
        return self.keeps_rows and self.operation not in REWRITING_OPERATIONS


@dataclass(frozen=True)
class Publication:
    """A published version.

    Attributes:
        version: its number.
        moment: when it was published.
        notes: what it notes of itself.
    """

    version: int
    moment: datetime
    notes: Mapping[str, str]


def parse_notes(text: str | None) -> Mapping[str, str]:
    """The notes of a commit, which are JSON; those of somebody else's are none."""
    try:
        said = json.loads(text or "{}")
    except json.JSONDecodeError:
        return NOTHING
    return said if isinstance(said, dict) else NOTHING


def list_publications(commits: Iterable[Commit]) -> list[Publication]:
    """The published versions that commits tell of, the newest first.

    Args:
        commits: the newest first.
    """
    found: dict[int, Publication] = {}
    for commit in strike_overtaken(commits):
        if not commit.notes:
            continue
        version = int(commit.notes.get(HOLDS, commit.version))
        # The publication's own commit comes last, and knows best when it was.
        if version not in found or version == commit.version:
            notes = {name: said for name, said in commit.notes.items() if name != HOLDS}
            found[version] = Publication(version, commit.moment, notes)
    return list(found.values())


def strike_overtaken(commits: Iterable[Commit]) -> list[Commit]:
    """The commits, without the notes of maintenance that began before a version was published and ended after it.

    Where a lake has no lock, such a commit holds a newer version than it says.
    """
    given = list(commits)
    writing = [commit.version for commit in given if not commit.keeps_rows]
    return [
        replace(commit, notes=NOTHING)
        if HOLDS in commit.notes
        and any(int(commit.notes[HOLDS]) < version < commit.version for version in writing)
        else commit
        for commit in given
    ]


def find_written(commits: Iterable[Commit]) -> int | None:
    """Version of the last commit that changed rows; of one that is forgotten, as maintenance noted it; else None."""
    given = list(commits)
    written = [commit.version for commit in given if not commit.keeps_rows]
    held = [int(commit.notes[HOLDS]) for commit in given if HOLDS in commit.notes]
    return max(written or held, default=None)


def find_publication(commits: Iterable[Commit], version: int) -> Publication | None:
    """The published version that a version holds; None where nothing was published by then."""
    return next(iter(list_publications(commit for commit in commits if commit.version <= version)), None)


def note_maintenance(commits: Sequence[Commit]) -> str | None:
    """What a maintenance commit notes that follows these commits; None where there is nothing to carry."""
    last = next(iter(list_publications(commits)), None)
    return None if last is None else json.dumps({**last.notes, HOLDS: str(last.version)})


def note_restored(publication: Publication) -> str:
    """What a version notes that brings a published one back."""
    return json.dumps({**publication.notes, RESTORED_FROM: str(publication.version)})


def have_changed(commits: Iterable[Commit], since: int, until: int) -> bool:
    """Whether any commit after one version, up to another, changed rows; one that is not told of may have."""
    between = [commit for commit in commits if since < commit.version <= until]
    return len(between) < until - since or not all(commit.keeps_rows for commit in between)


def list_unnamed_files(folders: Iterable[Path], kept: Sequence[Commit]) -> list[Path]:
    """Files below those folders that no version to keep names in its notes."""
    said = [note for commit in kept for note in commit.notes.values()]
    return [
        path
        for folder in folders
        if not any(folder.name in note for note in said)
        for path in folder.rglob("*")
        if path.is_file()
    ]


def find_standing(commits: Iterable[Commit], moment: datetime) -> Commit | None:
    """The commit that readers saw at a moment; None where there was none that is told of.

    Args:
        commits: the newest first.
        moment: with a time zone.
    """
    return next((commit for commit in commits if commit.moment <= moment), None)


def count_since(commits: Iterable[Commit], version: int) -> int:
    """Published versions after a version."""
    return sum(publication.version > version for publication in list_publications(commits))


def find_last(commits: Iterable[Commit], operation: str) -> int:
    """Version of the last commit of an operation; -1 where there is none."""
    return next((commit.version for commit in commits if commit.operation == operation), -1)


def describe_commit(commit: Commit) -> str:
    """What happened, for people."""
    if commit.notes and HOLDS not in commit.notes:
        restored = commit.notes.get(RESTORED_FROM)
        return "published" if restored is None else f"restored from {restored}"
    if commit.operation == COMPACTION:
        return "compacted"
    return commit.operation.lower()
