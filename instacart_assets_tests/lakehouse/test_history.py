"""What tells a published version from a commit that only looks after files."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from instacart_assets.lakehouse.history import (
    Commit,
    count_since,
    describe_commit,
    find_publication,
    find_standing,
    find_written,
    have_changed,
    list_publications,
    note_maintenance,
    note_restored,
    parse_notes,
    strike_overtaken,
)

START = datetime(2026, 3, 1, tzinfo=UTC)


def make_commit(version: int, operation: str = "WRITE", **notes: str) -> Commit:
    return Commit(version, START + timedelta(days=version), operation, notes)


def follow(commits: list[Commit], operation: str) -> Commit:
    """A maintenance commit that carries the notes of the version it holds."""
    return make_commit(commits[0].version + 1, operation, **parse_notes(note_maintenance(commits)))


FIRST = [make_commit(1, run_id="monday"), make_commit(0, run_id="sunday")]


def test_notes_are_found_behind_maintenance_and_stand_once() -> None:
    commits = FIRST
    for operation in ("OPTIMIZE", "VACUUM START", "VACUUM END"):
        commits = [follow(commits, operation), *commits]
    assert [(one.version, one.notes) for one in list_publications(commits)] == [
        (1, {"run_id": "monday"}),
        (0, {"run_id": "sunday"}),
    ]
    assert list_publications(commits)[0].moment == START + timedelta(days=1)


def test_notes_outlive_the_commit_they_were_written_with() -> None:
    (publication,) = list_publications([follow(FIRST, "OPTIMIZE")])
    assert (publication.version, publication.notes) == (1, {"run_id": "monday"})


def test_maintenance_that_was_overtaken_says_nothing() -> None:
    begun = parse_notes(note_maintenance(FIRST))
    commits = [make_commit(3, "VACUUM END", **begun), make_commit(2, run_id="tuesday"), *FIRST]
    assert [one.version for one in list_publications(commits)] == [2, 1, 0]
    assert [commit.notes for commit in strike_overtaken(commits)] == [{}, *[one.notes for one in commits[1:]]]
    assert parse_notes(note_maintenance(commits))["run_id"] == "tuesday"


def test_the_last_commit_that_changed_rows_is_known_over_maintenance_and_after_its_log() -> None:
    compacted = follow(FIRST, "OPTIMIZE")
    assert find_written([compacted, *FIRST]) == find_written(FIRST) == find_written([compacted]) == 1
    assert find_written([make_commit(4, "VACUUM END")]) is None


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        ("OPTIMIZE", False),
        ("VACUUM START", False),
        ("SET TBLPROPERTIES", False),
        ("WRITE", True),
        ("DELETE", True),
        ("RESTORE", True),
        ("A WORD OF TOMORROW", True),
    ],
)
def test_only_commits_that_write_rows_change_a_table(operation: str, changed: bool) -> None:
    assert have_changed([make_commit(2, operation), *FIRST], since=1, until=2) is changed


def test_a_commit_that_the_log_has_forgotten_may_have_changed_rows() -> None:
    assert have_changed([make_commit(5, "OPTIMIZE")], since=3, until=5)
    assert not have_changed([make_commit(5, "OPTIMIZE")], since=4, until=5)


def test_a_maintenance_version_stands_for_the_published_one_before_it() -> None:
    commits = [follow(FIRST, "OPTIMIZE"), *FIRST]
    held = find_publication(commits, 2)
    assert held is not None
    assert held.version == 1
    assert find_publication([make_commit(0, "CREATE TABLE")], 0) is None


def test_what_stood_at_a_moment_is_the_last_commit_up_to_it() -> None:
    standing = find_standing(FIRST, START + timedelta(days=1))
    assert standing is not None
    assert standing.version == 1
    assert find_standing(FIRST, START - timedelta(seconds=1)) is None


def test_published_versions_are_counted_since_the_last_time() -> None:
    commits = [follow(FIRST, "OPTIMIZE"), *FIRST]
    assert (count_since(commits, -1), count_since(commits, 0), count_since(commits, 2)) == (2, 1, 0)


def test_a_restored_version_says_which_it_was() -> None:
    (monday, sunday) = list_publications(FIRST)
    assert json.loads(note_restored(sunday)) == {"run_id": "sunday", "restored_from": "0"}
    assert describe_commit(make_commit(2, restored_from="0")) == "restored from 0"
    assert describe_commit(follow(FIRST, "OPTIMIZE")) == "compacted"
    assert describe_commit(FIRST[0]) == "published"
    assert monday.version == 1


def test_notes_that_somebody_else_wrote_are_none() -> None:
    assert [dict(parse_notes(text)) for text in (None, "", "by Anna", "[1]", '{"a": "b"}')] == [
        {},
        {},
        {},
        {},
        {"a": "b"},
    ]
