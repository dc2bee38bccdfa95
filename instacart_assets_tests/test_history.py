"""Dagster's history in files that stay open is the one that Dagster's own class keeps."""

import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from instacart_assets.history import OPEN_DATABASES, SqliteHistory
from instacart_assets_tests.processes import open_history

SECONDS = 60

OWN = """\
event_log_storage:
  module: instacart_assets.history
  class: SqliteHistory
  config: { home: { env: DAGSTER_HOME } }
"""


@dg.asset(check_specs=[dg.AssetCheckSpec("is_counted", asset="things")])
def things() -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster reads the plain class
    return dg.MaterializeResult(
        metadata={"rows": 3}, check_results=[dg.AssetCheckResult(check_name="is_counted", passed=True)]
    )


GRAPH = dg.Definitions(assets=[things]).resolve_asset_graph()


def configure(home: Path, said: str) -> Path:
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(said)
    return home


def tell(instance: dg.DagsterInstance) -> list[tuple[str, list[str]]]:
    """Events of every run, oldest first, and what is known of the asset and its check."""
    return [
        (run.status.value, [event.dagster_event_type.value for event in read_events(instance, run.run_id)])
        for run in reversed(instance.get_runs())
    ]


def read_events(instance: dg.DagsterInstance, run_id: str) -> list[Any]:
    records = instance.get_records_for_run(run_id).records
    return [record.event_log_entry for record in records if record.event_log_entry.is_dagster_event]


def test_events_are_those_that_dagsters_own_class_keeps(tmp_path: Path) -> None:
    told = []
    for name, said in (("own", OWN), ("dagsters", "")):
        with open_history(configure(tmp_path / name, said)) as instance:
            assert isinstance(instance.event_log_storage, SqliteHistory) == bool(said)
            assert dg.materialize([things], instance=instance).success
            told.append(tell(instance))
    assert told[0] == told[1]
    assert "ASSET_CHECK_EVALUATION" in told[0][0][1]


def test_a_history_is_continued_by_either_class(tmp_path: Path) -> None:
    for said in (OWN, "", OWN):
        with open_history(configure(tmp_path / "home", said)) as instance:
            assert dg.materialize([things], instance=instance).success
    with open_history(configure(tmp_path / "home", "")) as instance:
        assert [status for status, _ in tell(instance)] == ["SUCCESS"] * 3
        assert len(instance.fetch_materializations(things.key, limit=9).records) == 3
        (key,) = things.check_keys
        assert len(instance.event_log_storage.get_asset_check_execution_history(key, limit=9)) == 3


def test_two_histories_of_one_home_see_what_the_other_writes(tmp_path: Path) -> None:
    home = configure(tmp_path / "home", OWN)
    with open_history(home) as one, open_history(home) as other:
        for instance in (one, other, one):
            assert dg.materialize([things], instance=instance).success
        assert tell(one) == tell(other)
        assert len(tell(one)) == 3


def test_no_more_databases_stay_open_than_were_asked_for_last(tmp_path: Path) -> None:
    with open_history(configure(tmp_path / "home", OWN)) as instance:
        runs = [dg.materialize([things], instance=instance).run_id for _ in range(OPEN_DATABASES + 2)]
        open_files = {path.resolve().name for path in Path("/proc/self/fd").iterdir()}
        assert f"{runs[-1]}.db" in open_files
        assert f"{runs[0]}.db" not in open_files
        assert len(read_events(instance, runs[0])) == len(read_events(instance, runs[-1]))
    closed = {path.resolve().name for path in Path("/proc/self/fd").iterdir()}
    assert not {f"{run_id}.db" for run_id in runs} & closed


def test_who_watches_a_run_is_told_of_its_events_while_databases_stay_open(tmp_path: Path) -> None:
    home = configure(tmp_path / "home", OWN)
    told: list[str] = []
    with open_history(home) as watching, open_history(home) as working:
        run = working.create_run_for_job(dg.define_asset_job("build").resolve(asset_graph=GRAPH))
        watching.watch_event_logs(run.run_id, None, lambda entry, _: told.append(entry.message))
        for step in ("first", "second"):
            working.report_engine_event(step, run)
            deadline = time.monotonic() + SECONDS
            while step not in told and time.monotonic() < deadline:
                time.sleep(0.02)
        assert told[-2:] == ["first", "second"]


@pytest.mark.parametrize("table", ["asset_check_executions", "concurrency_limits"])
def test_a_table_that_is_there_is_looked_for_once(tmp_path: Path, table: str) -> None:
    history = SqliteHistory(str(tmp_path))
    assert history.has_table(table)
    (tmp_path / "index.db").rename(tmp_path / "elsewhere.db")
    assert history.has_table(table)
    assert not history.has_table("strange")
    history.dispose()
