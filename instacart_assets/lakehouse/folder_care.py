"""How the files of a table in a folder are maintained: its log, earlier versions, and files no longer needed.

Contains what ``FolderLake`` does to a table's folder outside publishing, with the library that knows the format. The
caller holds the table's lock: nothing here checks whether a run is working on the table.

``DeltaTable.vacuum`` only lists what no version needs (a dry run), and removes nothing itself: it would take candidates
and changes, which no log names, for orphaned files.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from deltalake import ColumnProperties, CommitProperties, DeltaTable, WriterProperties
from deltalake.exceptions import DeltaError
from deltalake.schema import PrimitiveType

from instacart_assets.lakehouse.care import Files, Sweep, measure_paths
from instacart_assets.lakehouse.commit import KEEP_LOG, MILLISECONDS
from instacart_assets.lakehouse.history import (
    Commit,
    find_standing,
    list_publications,
    list_unnamed_files,
    note_maintenance,
    parse_notes,
)
from instacart_assets.lakehouse.lake import CANDIDATE, CHANGES, NOTES

LOG = "_delta_log"

UNBOUNDED = (PrimitiveType("timestamp"), PrimitiveType("double"))
"""Types for which compaction must write no bounds: it truncates timestamps to milliseconds and skips NaN."""

LEAST_PUBLICATIONS = 50
"""Last published versions whose notes stay in a log however old they are: rules compare with them."""


def list_commits(table: DeltaTable, most: int | None) -> list[Commit]:
    """The commits in a table's log, newest first."""
    return [
        Commit(
            version=commit["version"],
            moment=datetime.fromtimestamp(commit["timestamp"] / MILLISECONDS, UTC),
            operation=commit["operation"],
            notes=parse_notes(commit.get(NOTES)),
            parameters=commit.get("operationParameters", {}),
            metrics=commit.get("operationMetrics", {}),
        )
        for commit in table.history(most)
    ]


def is_readable(root: Path, version: int) -> bool:
    """Whether the log can still reconstruct a version, and all its files exist."""
    try:
        names = DeltaTable(root, version=version).get_add_actions(flatten=True)["path"].to_pylist()
    except DeltaError:
        return False
    return all((root / name).exists() for name in names)


def measure(table: DeltaTable) -> Files:
    """Count and size of the files of a version, from its log."""
    sizes = table.get_add_actions(flatten=True)["size_bytes"].to_pylist()
    return Files(len(sizes), sum(sizes))


def restore(root: Path, version: int, notes: str) -> int:
    """Reference the files of an earlier version again, in one commit with notes.

    Raises:
        CommitFailedError: another writer published meanwhile.
    """
    table = DeltaTable(root)
    table.restore(version, commit_properties=_note(notes), post_commithook_properties=KEEP_LOG)
    return DeltaTable(root).version()


def compact(table: DeltaTable) -> None:
    """Compact small files, in a commit that carries the notes of the version it holds."""
    notes = note_maintenance(list_commits(table, None))
    table.optimize.compact(
        writer_properties=_leave_unbounded(table),
        commit_properties=None if notes is None else _note(notes),
        post_commithook_properties=KEEP_LOG,
    )


def _note(notes: str) -> CommitProperties:
    return CommitProperties(custom_metadata={NOTES: notes})


def _leave_unbounded(table: DeltaTable) -> WriterProperties:
    return WriterProperties(
        compression="ZSTD",
        column_properties={
            field.name: ColumnProperties(statistics_enabled="NONE")
            for field in table.schema().fields
            if field.type in UNBOUNDED
        },
    )


def sweep(root: Path, since: datetime, *, is_rehearsal: bool) -> Sweep:
    """Remove the files that are in no version that readers saw at a given time or later.

    Args:
        root: folder of the table.
        since: that time.
        is_rehearsal: dry run: only report what would be removed.
    """
    table = DeltaTable(root)
    kept = _find_kept(root, list_commits(table, None), since)
    doomed = [*_list_unneeded(root, table, kept), *list_unnamed_files(root.glob(f"{CHANGES}*"), kept)]
    swept = Sweep(
        before=measure_paths(_list_own_files(root)),
        removed=measure_paths(doomed),
        candidates=sum(1 for _ in root.glob(f"{CANDIDATE}*")),
        kept_from=kept[-1].version,
    )
    if not is_rehearsal:
        _remove(root, doomed)
    return swept


def _find_kept(root: Path, commits: Sequence[Commit], since: datetime) -> list[Commit]:
    """The versions that readers saw at a given time or later, as far as the log can reconstruct them."""
    standing = find_standing(commits, since)
    first = 0 if standing is None else standing.version
    checkpoints = list_checkpoints(root)
    is_whole = commits[-1].version == 0
    return [
        commit
        for commit in commits
        if commit.version >= first
        and (is_whole or any(checkpoint <= commit.version for checkpoint in checkpoints))
    ]


def _list_unneeded(root: Path, table: DeltaTable, kept: Sequence[Commit]) -> list[Path]:
    """Files that are in no version to keep, except candidates and changes."""
    found = table.vacuum(
        retention_hours=0,
        dry_run=True,
        enforce_retention_duration=False,
        full=True,
        keep_versions=[commit.version for commit in kept],
    )
    return [root / name for name in found if not name.startswith((CANDIDATE, CHANGES))]


def _list_own_files(root: Path) -> Iterator[Path]:
    return (
        path
        for path in root.rglob("*.parquet")
        if not path.relative_to(root).parts[0].startswith((CANDIDATE, LOG))
    )


def _remove(root: Path, doomed: Sequence[Path]) -> None:
    """Remove files, and folders of the table that are then empty."""
    for path in doomed:
        path.unlink(missing_ok=True)
    for folder in {root / path.relative_to(root).parts[0] for path in doomed} - set(doomed):
        if not any(path.is_file() for path in folder.rglob("*")):
            shutil.rmtree(folder)


def list_checkpoints(root: Path) -> list[int]:
    """The versions for which a table's log has a checkpoint."""
    return sorted({int(path.name.partition(".")[0]) for path in (root / LOG).glob("*.checkpoint*.parquet")})


def checkpoint(root: Path, since: datetime) -> None:
    """Write a checkpoint of a log, and remove the commits before an earlier checkpoint that is old enough.

    Every version that readers saw at the given time or later stays, and so do the notes of the last published versions,
    however old they are.

    Args:
        root: folder of the table.
        since: that time.
    """
    table = DeltaTable(root)
    commits = list_commits(table, None)
    _forget_commits(root, min(_find_kept(root, commits, since)[-1].version, _find_noted(commits)))
    table.create_checkpoint()
    drop_hint(root)


def drop_hint(root: Path) -> None:
    """Remove the file that names the last checkpoint; it is optional, and the checkpoint is found without it.

    The embedded engine (Sail 0.7.2) starts at that checkpoint even when an older version is requested, and fails.
    """
    with suppress(OSError):  # with read-only access the current version is still readable
        (root / LOG / "_last_checkpoint").unlink(missing_ok=True)


def _find_noted(commits: Sequence[Commit]) -> int:
    """The earliest version whose notes must stay."""
    published = list_publications(commits)
    return published[LEAST_PUBLICATIONS - 1].version if len(published) >= LEAST_PUBLICATIONS else 0


def _forget_commits(root: Path, first: int) -> None:
    """Remove the log before the last checkpoint that a version and all later ones can be reconstructed from."""
    bases = [version for version in list_checkpoints(root) if version <= first]
    # Oldest first: an interruption leaves commits without a gap.
    for path in sorted((root / LOG).glob("[0-9]*")) if bases else []:
        if int(path.name.partition(".")[0]) < bases[-1]:
            path.unlink()
