"""Steps launched into an emulated workspace, which really runs them: what comes back, and what is left there."""

import gzip
import io
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from instacart_assets.databricks.launcher import FAREWELL_SECONDS, PACKAGE, make_launcher
from instacart_assets.databricks.staging import Staging
from instacart_assets.settings import SettingsError, load_settings
from instacart_assets_tests.databricks import things
from instacart_assets_tests.databricks.conftest import PATIENCE, SECRET, Launching, run_things
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace

ALL = ("raw", "clean", "totals", "shares")
SLACK = 8
"""Seconds for what a bounded time does not count: Dagster's own start and end of a run."""


def read_failure(result: dg.JobExecutionResult, step: str) -> str:
    """All that the failure of a step says."""
    failure = result.failure_data_for_node(step)
    assert failure is not None
    return str(failure.error)


def read_log(instance: dg.DagsterInstance, run_id: str) -> str:
    """Every line of a run's event log."""
    return "\n".join(entry.message for entry in instance.all_logs(run_id))


def read_compute_logs(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str]:
    """What a run has printed, as Dagster shows it."""
    (key,) = instance.compute_log_manager.get_log_keys_for_log_key_prefix(
        [run_id, "compute_logs"], io_type=dg._core.storage.compute_log_manager.ComputeIOType.STDERR
    )
    data = instance.compute_log_manager.get_log_data(list(key))
    return (data.stdout or b"").decode(), (data.stderr or b"").decode()


def find_statuses(instance: dg.DagsterInstance) -> dict[str, StaleStatus]:
    """Whether Dagster shows each asset as fresh or stale."""
    resolver = CachingStaleStatusResolver(
        instance, things.build_defs().resolve_asset_graph(), LoadingContextForTest(instance)
    )
    return {name: resolver.get_status(dg.AssetKey(name)) for name in ALL}


def find_versions(instance: dg.DagsterInstance, name: str) -> dict[str, str]:
    """Tags of an asset's last materialisation that say what it was made from."""
    event = instance.get_latest_materialization_event(dg.AssetKey(name))
    assert event is not None
    assert event.asset_materialization is not None
    return dict(event.asset_materialization.tags or {})


def find_storage_id(instance: dg.DagsterInstance, name: str) -> int:
    return instance.fetch_materializations(dg.AssetKey(name), limit=1).records[0].storage_id


@pytest.mark.slow
def test_a_launched_run_is_to_dagster_what_a_local_one_is(
    launching: Launching,
    choose_target: Callable[[str], None],
    target: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose_target(target)
    monkeypatch.setenv("INSTACART_FULL", "1")
    monkeypatch.setenv("INSTACART_AS_OF", "2026-11-23T18:30:00+01:00")
    result = launching.run()
    assert result.success
    assert launching.count_submissions() == 4
    assert launching.list_staged() == []

    (raw,) = result.asset_materializations_for_node("raw")
    assert raw.metadata["rows"].value == things.ROWS
    assert raw.metadata["target"].value == "databricks_remote"
    assert raw.metadata["full"].value is True
    assert raw.metadata["as_of"].value == "2026-11-23 18:30:00+01:00"
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert {name: check.passed for name, check in checks.items()} == {
        "is_whole": True,
        "is_pretty": False,
        "is_plausible": True,
    }
    assert checks["is_whole"].metadata["lost"].value == 0
    stdout, stderr = read_compute_logs(launching.instance, result.run_id)
    assert stdout.count("told to succeed\n") == 2
    assert stderr.count("and doing so\n") == 2

    monkeypatch.setenv("INSTACART_TARGET", "local")
    (tmp_path / "local").mkdir()
    with dg.instance_for_test(temp_dir=str(tmp_path / "local")) as local:
        assert run_things(local).success
        for name in ALL:
            launched_tags, local_tags = find_versions(launching.instance, name), find_versions(local, name)
            pointers = {tag for tag in local_tags if "input_event_pointer" in tag}
            assert launched_tags.keys() == local_tags.keys()
            assert {tag: launched_tags[tag] for tag in launched_tags.keys() - pointers} == {
                tag: local_tags[tag] for tag in local_tags.keys() - pointers
            }
            assert {tag: launched_tags[tag] for tag in pointers} == {
                tag: str(find_storage_id(launching.instance, tag.split("/")[-1])) for tag in pointers
            }
        assert find_statuses(launching.instance) == find_statuses(local)
    assert set(find_statuses(launching.instance).values()) == {StaleStatus.FRESH}
    for check in checks.values():
        assert check.target_materialization_data is not None
        assert check.target_materialization_data.storage_id == find_storage_id(launching.instance, "clean")


@pytest.mark.slow
def test_a_part_is_made_from_what_an_earlier_run_made(launching: Launching) -> None:
    assert launching.run(["raw"]).success
    first = find_storage_id(launching.instance, "raw")
    assert launching.run(["clean"]).success
    tags = find_versions(launching.instance, "clean")
    assert tags["dagster/input_data_version/raw"] == "raw-1"
    assert tags["dagster/input_event_pointer/raw"] == str(first)
    assert launching.run(["clean"]).success
    # A table with the separate check of it, each time.
    assert launching.count_submissions() == 1 + 2 + 2


@pytest.mark.slow
def test_a_blocking_check_keeps_what_is_downstream_from_being_submitted(launching: Launching) -> None:
    result = launching.run(["clean", "totals", "shares"], clean="fail_check")
    assert not result.success
    assert len(result.asset_materializations_for_node("clean")) == 1
    assert launching.count_submissions() == 1


@pytest.mark.slow
def test_the_error_of_a_body_is_what_its_step_shows(launching: Launching) -> None:
    result = launching.run(["clean"], clean="raise")
    failure = read_failure(result, "clean")
    assert "Mishap: the body could not go on" in failure
    assert "things.py" in failure
    assert launching.list_staged() == []


@pytest.mark.slow
@pytest.mark.parametrize("mishap", ["raise_once", "die_once"])
def test_a_step_with_a_retry_policy_is_launched_again(launching: Launching, mishap: str) -> None:
    result = launching.run(["raw"], raw=mishap)
    assert result.success
    assert launching.count_submissions() == 2
    assert launching.list_staged() == []


@pytest.mark.slow
def test_a_step_is_launched_no_more_often_than_its_policy_says(launching: Launching) -> None:
    result = launching.run(["raw"], raw="die")
    assert "exit code 137" in read_failure(result, "raw")
    assert launching.count_submissions() == 2
    assert launching.list_staged() == []


@pytest.mark.slow
def test_each_step_may_have_a_process_of_its_own(launching: Launching) -> None:
    assert launching.run(["raw"], executor="multiprocess").success
    assert launching.count_submissions() == 1
    assert launching.list_staged() == []


def test_a_step_without_a_cluster_gets_a_new_one(
    launching: Launching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INSTACART_DATABRICKS__CLUSTER_ID")
    monkeypatch.setenv("INSTACART_DATABRICKS__NODE_TYPE_ID", "m5d.large")
    monkeypatch.setenv("INSTACART_DATABRICKS__LIBRARIES", '["dagster==1.13.27"]')
    launching.workspace.faults.end_run("INTERNAL_ERROR", "FAILED", "no nodes left")
    assert "no nodes left" in read_failure(launching.run(["clean"]), "clean")
    (run,) = launching.workspace.runs
    (task,) = run.tasks
    assert task.definition["new_cluster"]["data_security_mode"] == "SINGLE_USER"
    assert task.definition["new_cluster"]["node_type_id"] == "m5d.large"
    assert task.definition["libraries"] == [{"pypi": {"package": "dagster==1.13.27"}}]


@pytest.mark.slow
def test_of_a_process_that_dies_its_state_and_last_words_are_shown(launching: Launching) -> None:
    result = launching.run(["clean"], clean="die")
    failure = read_failure(result, "clean")
    assert "FAILED: " in failure
    assert "exit code 137" in failure
    assert "and doing so" in failure
    assert "told to die" in read_compute_logs(launching.instance, result.run_id)[0]
    assert launching.list_staged() == []


@pytest.mark.slow
def test_of_code_that_cannot_be_loaded_the_remote_traceback_is_shown(
    launching: Launching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(things, "PACKAGES", (PACKAGE,))
    failure = read_failure(launching.run(["clean"]), "clean")
    assert "Traceback (most recent call last)" in failure
    assert "No module named 'instacart_assets_tests'" in failure


ENDS = [
    ("INTERNAL_ERROR", "FAILED", "INTERNAL_ERROR"),
    ("INTERNAL_ERROR", "", "INTERNAL_ERROR"),
    ("SKIPPED", "", "SKIPPED"),
    ("TERMINATED", "EXCLUDED", "EXCLUDED"),
    ("TERMINATED", "UPSTREAM_FAILED", "UPSTREAM_FAILED"),
    ("TERMINATED", "TIMEDOUT", "TIMEDOUT"),
    ("TERMINATED", "CANCELED", "CANCELED"),
    ("TERMINATED", "SUCCESS", "SUCCESS"),
    ("TERMINATED", "SOMETHING_NEW", "TERMINATED"),
]


@pytest.mark.parametrize(("life_cycle", "result_state", "shown"), ENDS)
def test_whatever_a_run_ends_as_a_step_without_an_end_has_failed(
    launching: Launching, life_cycle: str, result_state: str, shown: str
) -> None:
    launching.workspace.faults.end_run(life_cycle, result_state, "the reason it gives")
    failure = read_failure(launching.run(["clean"]), "clean")
    assert shown in failure
    assert "the reason it gives" in failure
    assert launching.list_staged() == []


def test_a_cluster_that_never_starts_is_waited_for_so_long_and_no_longer(
    launching: Launching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTACART_DATABRICKS__TIMEOUT_SECONDS", "2")
    launching.workspace.faults.hold_run()
    failure = read_failure(launching.run(["clean"]), "clean")
    assert "not over after 2 s" in failure or "TIMEDOUT" in failure
    (run,) = launching.workspace.runs
    assert run.state.life_cycle == "TERMINATED"
    assert launching.list_staged() == []


@pytest.mark.slow
def test_a_step_that_takes_too_long_is_cancelled(
    launching: Launching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTACART_DATABRICKS__TIMEOUT_SECONDS", "6")
    failure = read_failure(launching.run(["clean"], clean="sleep"), "clean")
    assert "not over after 6 s" in failure or "TIMEDOUT" in failure
    (run,) = launching.workspace.runs
    assert run.state.life_cycle == "TERMINATED"
    assert launching.list_staged() == []


@pytest.mark.slow
def test_a_workspace_that_stumbles_is_asked_again(
    launching: Launching, choose_target: Callable[[str], None], target: str
) -> None:
    choose_target(target)
    faults = launching.workspace.faults
    faults.drop("POST", ".*/runs/submit", is_late=True)
    faults.add("POST", ".*/runs/submit", status=429, retry_after=1)
    faults.add("GET", ".*/runs/get", status=500, times=2, after=1)
    faults.drop("GET", ".*/runs/get", times=2, after=4)
    faults.add("GET", ".*/runs/get", status=502, after=6)
    faults.add("", "/api/2.0/(dbfs/add-block|fs/files/.*)", status=503, after=1, retry_after=1)
    faults.drop("", "/api/2.0/(dbfs/create|fs/files/.*)", after=3)
    assert launching.run(["clean"]).success
    # The table and the separate check of it: a submission that is made again makes no run of its own.
    assert len(launching.workspace.runs) == 2
    assert launching.list_staged() == []


def test_an_outage_before_anything_is_submitted_ends_in_time(launching: Launching) -> None:
    launching.workspace.go_dark()
    started = time.monotonic()
    failure = read_failure(launching.run(["clean"]), "clean")
    assert time.monotonic() - started < 2 * PATIENCE + SLACK
    assert f"{launching.workspace.host} has not answered for {PATIENCE} s" in failure
    assert "INSTACART_DATABRICKS__OUTAGE_SECONDS" in failure


def test_an_outage_of_a_run_that_goes_on_ends_in_time_and_says_what_may_still_be_running(
    launching: Launching,
) -> None:
    launching.workspace.faults.hold_run()
    stopped: list[float] = []

    def go_dark_when_submitted() -> None:
        while not launching.workspace.runs:
            time.sleep(0.05)
        stopped.append(time.monotonic())
        launching.workspace.go_dark()

    watcher = threading.Thread(target=go_dark_when_submitted)
    watcher.start()
    result = launching.run(["clean"])
    watcher.join()
    assert time.monotonic() - stopped[0] < 2 * PATIENCE + SLACK
    assert f"{launching.workspace.host} has not answered for {PATIENCE} s" in read_failure(result, "clean")
    assert "may still be running: cancel it by hand" in read_log(launching.instance, result.run_id)


@pytest.mark.slow
@pytest.mark.parametrize("is_dark", [False, True])
def test_what_becomes_of_a_run_after_its_step_does_not_make_the_step_fail(
    launching: Launching, is_dark: bool
) -> None:
    def go_dark_when_ended() -> None:
        while "STEP_SUCCESS" not in {
            entry.dagster_event_type and entry.dagster_event_type.value
            for run in launching.instance.get_run_ids()
            for entry in launching.instance.all_logs(run)
        }:
            time.sleep(0.1)
        launching.workspace.go_dark()

    watcher = threading.Thread(target=go_dark_when_ended, daemon=True)
    if is_dark:
        watcher.start()
    result = launching.run(["raw"], raw="linger")
    assert result.success
    log = read_log(launching.instance, result.run_id)
    assert "After the end of the step" in log
    if is_dark:
        watcher.join()
        assert "may still be running: cancel it by hand" in log
    else:
        assert [run.state.result for run in launching.workspace.runs] == ["CANCELED"]
        assert launching.list_staged() == []


def test_a_submission_that_is_refused_leaves_nothing_to_be_cancelled(launching: Launching) -> None:
    launching.workspace.faults.add("POST", ".*/runs/submit", status=400, message="no such policy")
    result = launching.run(["raw"])
    failure = read_failure(result, "raw")
    assert "refuses to run the step raw: no such policy" in failure
    assert launching.count_submissions() == 1
    assert "cancel it by hand" not in read_log(launching.instance, result.run_id)
    assert launching.list_staged() == []


def test_a_wrong_token_is_told_at_once(launching: Launching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "not-the-token")
    result = launching.run(["raw"])
    assert result.retry_attempts_for_node("raw") == 0
    failure = read_failure(result, "raw")
    assert "Invalid access token" in failure
    assert "see that DATABRICKS_TOKEN is valid" in failure
    assert "not-the-token" not in failure


def test_a_workspace_without_a_dbfs_root_names_the_other_target(
    tmp_path: Path, launching: Launching, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmulatedWorkspace(tmp_path / "closed", is_dbfs_enabled=False, has_spark=False) as closed:
        monkeypatch.setenv("DATABRICKS_HOST", closed.host)
        monkeypatch.setenv("DATABRICKS_TOKEN", closed.token)
        failure = read_failure(launching.run(["clean"]), "clean")
    assert "INSTACART_TARGET=databricks_uc" in failure


@pytest.mark.slow
def test_what_cannot_be_deleted_is_told_and_no_failure(launching: Launching) -> None:
    launching.workspace.faults.add("POST", ".*/dbfs/delete", status=403)
    result = launching.run(["clean"])
    assert result.success
    assert "stays behind: delete it by hand" in read_log(launching.instance, result.run_id)
    assert len(launching.list_staged()) == 1


@pytest.mark.slow
def test_no_secret_is_staged_or_logged(
    launching: Launching,
    choose_target: Callable[[str], None],
    target: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose_target(target)
    monkeypatch.setattr(Staging, "delete", lambda *_: None)
    result = launching.run(["clean"], clean="tell_secret_length")
    assert result.success
    stdout, _ = read_compute_logs(launching.instance, result.run_id)
    assert f"length of the secret: {len(SECRET)}\n" in stdout
    kept = [*launching.list_staged(), tmp_path / "dagster"]
    contents = {name: content for place in kept for name, content in read_everything(place)}
    assert any(name.endswith("things.py") for name in contents)
    assert any(b"DATABASE_PASSWORD" in content for content in contents.values())
    for name, content in contents.items():
        assert launching.workspace.token.encode() not in content, name
        # The test's own code is staged too, and says it once.
        assert SECRET.encode() not in content or name.endswith("conftest.py"), name


def read_everything(place: Path) -> Iterator[tuple[str, bytes]]:
    """Content of all files below a folder, and of what is packed in them."""
    for file in place.rglob("*"):
        if not file.is_file():
            continue
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
        yield str(file), content
        if file.suffix == ".zip":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                yield from ((name, archive.read(name)) for name in archive.namelist())


CANCELLED_RUN = """
import sys
import dagster as dg
from instacart_assets_tests.databricks.conftest import run_things
with dg.instance_for_test(temp_dir=sys.argv[1]) as instance:
    run_things(instance, ["clean"], {"clean": "sleep"}, sys.argv[2])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("executor", "is_dark"), [("in_process", False), ("in_process", True), ("multiprocess", False)]
)
def test_cancelling_a_dagster_run_cancels_the_databricks_run(
    launching: Launching, tmp_path: Path, executor: str, is_dark: bool
) -> None:
    (tmp_path / "cancelled").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", CANCELLED_RUN, str(tmp_path / "cancelled"), executor],
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            wait_until_running(launching.workspace, process)
            if is_dark:
                launching.workspace.go_dark()
            asked = time.monotonic()
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=FAREWELL_SECONDS + SLACK)
        finally:
            process.kill()
    (run,) = launching.workspace.runs
    if is_dark:
        assert time.monotonic() - asked < PATIENCE + SLACK
        assert "may still be running: cancel it by hand" in output
    else:
        assert run.state.result == "CANCELED", output
        assert "is cancelled." in output
        assert launching.list_staged() == []


def wait_until_running(workspace: EmulatedWorkspace, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not any(run.state.life_cycle == "RUNNING" for run in workspace.runs):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_the_stock_launcher_can_be_chosen_and_is_as_it_is(
    launching: Launching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTACART_DATABRICKS__LAUNCHER", "stock")
    assert launching.run(["raw"]).success
    assert launching.run(["clean"]).success
    tags = find_versions(launching.instance, "clean")
    assert tags["dagster/input_data_version/raw"] == "INITIAL"
    assert launching.list_staged() != []


def test_the_stock_launcher_is_refused_where_it_cannot_stage(
    launching: Launching, choose_target: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_target("databricks_uc")
    monkeypatch.setenv("INSTACART_DATABRICKS__LAUNCHER", "stock")
    with pytest.raises(SettingsError, match="stages in DBFS alone"):
        make_launcher(load_settings())
    assert not launching.workspace.calls
