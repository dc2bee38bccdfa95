"""How the files of a table that Spark writes are maintained: with Delta's own SQL.

Contains what ``SparkLake`` does to a table outside publishing, on Apache Spark and on Databricks alike. Delta writes
checkpoints and removes old commits itself, as two table properties say.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from instacart_assets.lakehouse.care import Files, Sweep, measure_paths
from instacart_assets.lakehouse.history import (
    VACUUM,
    Commit,
    find_standing,
    list_unnamed_files,
    note_maintenance,
    parse_notes,
)
from instacart_assets.lakehouse.lake import CANDIDATE, CHANGES, NOTES

NOTES_OF_SESSION = "spark.databricks.delta.commitInfo.userMetadata"
"""Session setting that adds notes to commits of statements that have no option for them."""

RETENTION = ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration")
"""Table properties that set how long Delta keeps commits, and files that are no longer in the table."""

UNNOTED_HOURS = 10 * 365 * 24
"""How long Delta keeps commits where maintenance cannot carry notes: only commits say what a table holds."""

DELTAS_OWN_HOURS = 7 * 24
"""How long Delta keeps removed files if no property is set."""

MILLISECONDS = 1000


def read_commit(row: Any) -> Commit:
    """A commit from a row of ``DESCRIBE HISTORY``."""
    return Commit(
        version=int(row["version"]),
        moment=datetime.fromtimestamp(row["seconds"], UTC),
        operation=row["operation"],
        notes=parse_notes(row[NOTES]),
        parameters=row["operationParameters"] or {},
        metrics=row["operationMetrics"] or {},
    )


def is_kept(commits: Sequence[Commit], version: int) -> bool:
    """Whether readers saw a version so recently that no vacuum has removed files of it.

    Args:
        commits: all commits in the log, newest first.
        version: the version.
    """
    if version not in {commit.version for commit in commits}:
        return False
    after = (commit for commit in reversed(commits) if commit.version > version)
    until = next((commit.moment for commit in after if not commit.keeps_files), None)
    return until is None or all(
        until > _find_reach(commit) for commit in commits if commit.operation == VACUUM
    )


def _find_reach(vacuum: Commit) -> datetime:
    """The time up to which a vacuum removed replaced files."""
    told = vacuum.parameters
    milliseconds = told.get("specifiedRetentionMillis") or told.get("defaultRetentionMillis") or 0
    return vacuum.moment - timedelta(milliseconds=int(milliseconds))


def can_make(session: SparkSession, name: str, version: int) -> bool:
    """Whether a table's log can still reconstruct a version."""
    try:
        session.sql(f"SELECT * FROM {name} VERSION AS OF {version} LIMIT 0").columns  # noqa: B018, S608 - resolves it
    except PySparkException:
        return False
    return True


def measure(session: SparkSession, name: str) -> Files:
    """Count and size of the current version's files."""
    detail = _describe(session, name)
    return Files(int(detail["numFiles"]), int(detail["sizeInBytes"]))


def _describe(session: SparkSession, name: str) -> Any:
    return session.sql(f"DESCRIBE DETAIL {name}").first()


def compact(session: SparkSession, name: str, commits: Sequence[Commit]) -> None:
    """Compact small files, in a commit that carries the notes of the version it holds."""
    with _noting(session, note_maintenance(commits)):
        session.sql(f"OPTIMIZE {name}").collect()


def sweep(
    session: SparkSession,
    name: str,
    commits: Sequence[Commit],
    since: datetime,
    scratch: Path,
    *,
    is_rehearsal: bool,
) -> Sweep:
    """Remove the files that are in no version that readers saw at a given time or later.

    Args:
        session: the session.
        name: the table's name in Spark SQL.
        commits: all commits in its log, newest first.
        since: that time.
        scratch: folder of the table's candidates and changes.
        is_rehearsal: dry run: only report what would be removed.
    """
    # Whole hours: in its first hour, maintenance gives all tables the same value, and the property stays unchanged.
    hours = (datetime.now(UTC) - since) // timedelta(hours=1)
    standing = find_standing(commits, since)
    first = commits[-1].version if standing is None else standing.version
    kept = [commit for commit in commits if commit.version >= first]
    # Changes that no version names may belong to one that is being published: only old ones are orphans.
    changes = [
        path
        for path in list_unnamed_files(scratch.glob(f"{CHANGES}*"), kept)
        if path.stat().st_mtime < since.timestamp()
    ]
    with _noting(session, note_maintenance(commits)) as is_noted:
        if is_rehearsal:
            removed = _rehearse(session, name, hours)
        else:
            removed = _vacuum(session, name, hours, hours if is_noted else UNNOTED_HOURS)
    if not is_rehearsal:
        for path in changes:
            path.unlink(missing_ok=True)
    lost = measure_paths(path for path in changes if is_rehearsal)
    return Sweep(
        before=None,
        removed=Files(removed.count + lost.count, removed.bytes + lost.bytes),
        candidates=sum(1 for _ in scratch.glob(f"{CANDIDATE}*")),
        kept_from=first,
    )


def _rehearse(session: SparkSession, name: str, hours: int) -> Files:
    """What a vacuum would remove; Delta lists names without sizes, and refuses less than the table's retention."""
    is_set = _describe(session, name)["properties"].get(RETENTION[1]) == _spell(hours)
    reach = hours if is_set else max(hours, DELTAS_OWN_HOURS)
    return Files(session.sql(f"VACUUM {name} RETAIN {reach} HOURS DRY RUN").count(), 0)


def _vacuum(session: SparkSession, name: str, hours: int, log_hours: int) -> Files:
    wanted = dict(zip(RETENTION, map(_spell, (log_hours, hours)), strict=True))
    known: Mapping[str, str] = _describe(session, name)["properties"]
    if any(known.get(prop) != said for prop, said in wanted.items()):
        told = ", ".join(f"'{prop}' = '{said}'" for prop, said in wanted.items())
        session.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ({told})").collect()
    session.sql(f"VACUUM {name} RETAIN {hours} HOURS").collect()
    last = session.sql(f"DESCRIBE HISTORY {name} LIMIT 2").collect()
    counted = {key: said for row in last for key, said in (row["operationMetrics"] or {}).items()}
    return Files(int(counted.get("numDeletedFiles", 0)), int(counted.get("sizeOfDataToDelete", 0)))


def _spell(hours: int) -> str:
    return f"interval {hours} hours"


@contextmanager
def _noting(session: SparkSession, notes: str | None) -> Iterator[bool]:
    """Add notes to commits if the session allows it, and yield whether it does: serverless compute does not."""
    try:
        session.conf.set(NOTES_OF_SESSION, notes or "")
    except PySparkException:
        yield False
        return
    try:
        yield True
    finally:
        session.conf.unset(NOTES_OF_SESSION)
