"""Which versions a vacuum of Delta's has left."""

from datetime import UTC, datetime, timedelta

from instacart_assets.lakehouse.history import Commit
from instacart_assets.lakehouse.spark_care import is_kept

START = datetime(2026, 3, 1, tzinfo=UTC)
WEEK = {"defaultRetentionMillis": str(7 * 24 * 60 * 60 * 1000)}


def make_commit(version: int, day: int, operation: str = "WRITE", **parameters: str) -> Commit:
    return Commit(version, START + timedelta(days=day), operation, parameters=parameters)


def list_kept(commits: list[Commit]) -> list[int]:
    return sorted(commit.version for commit in commits if is_kept(commits, commit.version))


def test_a_version_that_was_replaced_within_the_retention_is_kept() -> None:
    commits = [
        make_commit(4, 20, "VACUUM END"),
        make_commit(3, 20, "VACUUM START", **WEEK),
        make_commit(2, 15),
        make_commit(1, 2),
        make_commit(0, 0),
    ]
    assert list_kept(commits) == [1, 2, 3, 4]  # the second one stood until day 15
    assert not is_kept(commits, 9)


def test_compaction_replaces_files_and_a_property_does_not() -> None:
    commits = [
        make_commit(4, 20, "VACUUM START", **WEEK),
        make_commit(3, 3, "SET TBLPROPERTIES"),
        make_commit(2, 2, "OPTIMIZE"),
        make_commit(1, 1),
        make_commit(0, 0),
    ]
    assert list_kept(commits) == [2, 3, 4]


def test_what_a_vacuum_was_told_goes_before_what_the_table_says() -> None:
    hour = str(60 * 60 * 1000)
    commits = [
        make_commit(2, 2, "VACUUM START", specifiedRetentionMillis=hour, **WEEK),
        make_commit(1, 1),
        make_commit(0, 0),
    ]
    assert list_kept(commits) == [1, 2]
