"""A table's commits, and which of them are publications.

Contains what distinguishes a published version from a commit that only maintains files: pure functions over commits,
for every kind of lake. How commits are read is in the lakes.

A maintenance commit changes no row. It carries the notes of the published version whose rows it holds, and that
version's number: the notes survive even if the log forgets the original commit.
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
"""Note of a restored version: the published version whose rows it has."""

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
"""Delta's names for operations that change no row; any other operation may have changed some."""

REWRITING_OPERATIONS = frozenset({COMPACTION, "REORG"})
"""Those of them that rewrite rows into other files."""

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Commit:
    """One commit of a table's log.

    Attributes:
        version: the version it created.
        moment: when.
        operation: Delta's name for what it did.
        notes: its notes; empty if it has none.
        parameters: the operation's parameters.
        metrics: the operation's metrics.
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
        notes: its notes.
    """

    version: int
    moment: datetime
    notes: Mapping[str, str]


def parse_notes(text: str | None) -> Mapping[str, str]:
    """The notes of a commit, a JSON object; anything else counts as no notes."""
    try:
        said = json.loads(text or "{}")
    except json.JSONDecodeError:
        return NOTHING
    return said if isinstance(said, dict) else NOTHING


def list_publications(commits: Iterable[Commit]) -> list[Publication]:
    """The published versions that commits name, newest first.

    Args:
        commits: newest first.
    """
    found: dict[int, Publication] = {}
    for commit in strike_overtaken(commits):
        if not commit.notes:
            continue
        version = int(commit.notes.get(HOLDS, commit.version))
        # The publication's own commit comes last, and has the exact time.
        if version not in found or version == commit.version:
            notes = {name: said for name, said in commit.notes.items() if name != HOLDS}
            found[version] = Publication(version, commit.moment, notes)
    return list(found.values())


def strike_overtaken(commits: Iterable[Commit]) -> list[Commit]:
    """The commits, without the notes of maintenance that began before a version was published and ended after it.

    Where a lake has no lock, such a commit holds a newer version than its notes say.
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
    """Version of the last commit that changed rows, as maintenance noted it if the log forgot it; else None."""
    given = list(commits)
    written = [commit.version for commit in given if not commit.keeps_rows]
    held = [int(commit.notes[HOLDS]) for commit in given if HOLDS in commit.notes]
    return max(written or held, default=None)


def find_publication(commits: Iterable[Commit], version: int) -> Publication | None:
    """The published version that a version holds; None if nothing was published by then."""
    return next(iter(list_publications(commit for commit in commits if commit.version <= version)), None)


def note_maintenance(commits: Sequence[Commit]) -> str | None:
    """The notes of a maintenance commit that follows these commits; None if there is nothing to carry."""
    last = next(iter(list_publications(commits)), None)
    return None if last is None else json.dumps({**last.notes, HOLDS: str(last.version)})


def note_restored(publication: Publication) -> str:
    """The notes of a version that restores a published one."""
    return json.dumps({**publication.notes, RESTORED_FROM: str(publication.version)})


def have_changed(commits: Iterable[Commit], since: int, until: int) -> bool:
    """Whether any commit after one version, up to another, changed rows; a missing commit counts as a change."""
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
    """The commit that readers saw at a moment; None if these commits contain none.

    Args:
        commits: newest first.
        moment: with a time zone.
    """
    return next((commit for commit in commits if commit.moment <= moment), None)


def count_since(commits: Iterable[Commit], version: int) -> int:
    """Number of versions published after a version."""
    return sum(publication.version > version for publication in list_publications(commits))


def find_last(commits: Iterable[Commit], operation: str) -> int:
    """Version of the last commit of an operation; -1 if there is none."""
    return next((commit.version for commit in commits if commit.operation == operation), -1)


def describe_commit(commit: Commit) -> str:
    """What happened, for people."""
    if commit.notes and HOLDS not in commit.notes:
        restored = commit.notes.get(RESTORED_FROM)
        return "published" if restored is None else f"restored from {restored}"
    if commit.operation == COMPACTION:
        return "compacted"
    return commit.operation.lower()
