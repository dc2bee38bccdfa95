"""Time travel: which versions of a table there are, from when, and how one is restored.

Contains what people ask about a table's past, for every kind of lake. How runs use the past is in ``tables/``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from instacart_assets.contracts.model import QUARANTINE
from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.history import (
    Commit,
    describe_commit,
    find_publication,
    list_publications,
    note_restored,
)
from instacart_assets.lakehouse.lake import BY_HAND, Lakehouse, TableMissingError
from instacart_assets.lakehouse.retry import begin_anew

BOOKKEEPING = frozenset({"CREATE TABLE", "SET TBLPROPERTIES", "VACUUM START", "VACUUM END"})
"""Commits that are left out of the list of versions, unless they publish something."""


class MomentError(RemediableError):
    """A text is not a moment, or not a version of a table; the message says how one is written."""


class RestoreError(RemediableError):
    """A table cannot be restored to a version; the message says why not."""


@dataclass(frozen=True)
class TableVersion:
    """A version of a table, for people.

    Attributes:
        version: its number.
        moment: when it was created.
        run_id: the run that published its rows; empty if its commit does not say.
        rows: how many there are; None if they can no longer be counted.
        what: what happened.
        is_readable: whether it can be queried and restored.
    """

    version: int
    moment: datetime
    run_id: str
    rows: int | None
    what: str
    is_readable: bool


def parse_moment(text: str) -> datetime:
    """A moment from an ISO date or timestamp: a date means its start, and UTC applies if no zone is given.

    Raises:
        MomentError: the text is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise MomentError(
            f"{text} is no moment; write a date, as 2026-11-23, or a moment, as 2026-11-23T18:30 (UTC) or "
            "2026-11-23T18:30+01:00"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_versions(texts: Sequence[str]) -> dict[str, int]:
    """Versions by address, each written ``TABLE=N``.

    Raises:
        MomentError: one is not.
    """
    found = {}
    for text in texts:
        address, _, version = text.partition("=")
        if not (address and version.isdecimal()):
            raise MomentError(f"{text} is no version of a table; write it as gold.dim_product=3")
        found[address.lower()] = int(version)
    return found


def list_versions(lake: Lakehouse, address: str) -> list[TableVersion]:
    """The versions of a table that its log has, newest first.

    Raises:
        TableMissingError: the table was never published.
    """
    _require_published(lake, address)
    return list(_describe_versions(lake, address))


def _describe_versions(lake: Lakehouse, address: str) -> Iterator[TableVersion]:
    commits = lake.list_commits(address)
    for commit in commits:
        if commit.operation not in BOOKKEEPING or describe_commit(commit) == "published":
            is_readable = lake.is_readable(address, commit.version, commits)
            yield TableVersion(
                commit.version,
                commit.moment,
                commit.notes.get("run_id", ""),
                _count_rows(lake, address, commit) if is_readable else None,
                describe_commit(commit),
                is_readable,
            )


def _count_rows(lake: Lakehouse, address: str, commit: Commit) -> int:
    """Row count of a version, from the commit's metrics if it wrote all rows."""
    is_whole = commit.parameters.get("mode") == "Overwrite"
    written = commit.metrics.get("numOutputRows") if is_whole else None
    return lake.count_rows(address, commit.version) if written is None else int(written)


def restore_table(lake: Lakehouse, address: str, version: int) -> int:
    """Restore an earlier published version of a table, in one commit that carries its notes.

    The quarantine table stays as it is. A maintenance version stands for the published one whose rows it holds.

    Args:
        lake: where the table is.
        address: ``layer.table``.
        version: the version to restore.

    Returns:
        The version published.

    Raises:
        TableMissingError: the table was never published.
        VersionMissingError: there is no such version, or its files were removed.
        RestoreError: the table holds that version already, or is a quarantine table.
        PublishConflictError: other runs published the table at every attempt.
    """
    if address.startswith(f"{QUARANTINE}."):
        raise RestoreError(
            f"{address} keeps what was refused, and nothing of it is taken back; "
            f"a query sees it as it was with: --version {address}={version}"
        )

    def restore() -> int:
        with lake.hold(address, BY_HAND):
            return _restore(lake, address, version)

    return begin_anew(restore)


def _restore(lake: Lakehouse, address: str, version: int) -> int:
    _require_published(lake, address)
    lake.check_version(address, version)
    commits = lake.list_commits(address)
    publication = find_publication(commits, version)
    if publication is None or publication.version == _find_current(commits):
        raise RestoreError(
            f"{address}: version {version} holds no earlier published version than the one that stands; "
            f"see which there are: instacart versions {address}"
        )
    return lake.restore(address, version, note_restored(publication))


def _find_current(commits: list[Commit]) -> int:
    """The current published version; -1 if another writer has changed rows since."""
    current = list_publications(commits)[0].version
    is_as_published = all(commit.keeps_rows for commit in commits if commit.version > current)
    return current if is_as_published else -1


def _require_published(lake: Lakehouse, address: str) -> None:
    if lake.find_version(address) is None:
        raise TableMissingError(
            f"{address} is not in the lake {lake.place}; make it first: instacart run --select '{address}'"
        )
