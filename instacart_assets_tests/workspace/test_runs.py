"""Runs as the Jobs API tells them: states, order, output, cancelling, limits of time."""

import time
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, OperationFailed
from databricks.sdk.service import jobs
from databricks.sdk.service.jobs import RunLifeCycleState, RunResultState

from instacart_assets_tests.workspace.driving import (
    connect,
    describe_task,
    finish,
    read_output,
    read_results,
    submit,
)
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace

SLEEP = """
    import os, pathlib, subprocess, sys, time
    child = subprocess.Popen(["sleep", "600"])
    pathlib.Path("/dbfs/pids.new").write_text(f"{os.getpid()} {child.pid}")
    os.rename("/dbfs/pids.new", "/dbfs/pids")
    time.sleep(600)
"""


def wait_for_pids(workspace: EmulatedWorkspace) -> list[int]:
    """Processes of the sleeping task, once they are there."""
    file = workspace.folders.dbfs / "pids"
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline, "the task has not started"
        time.sleep(0.05)
    return [int(pid) for pid in file.read_text().split()]


def is_running(pid: int) -> bool:
    """Whether a process lives; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def get_state(run: jobs.Run) -> tuple[RunLifeCycleState | None, RunResultState | None, str]:
    assert run.state is not None
    return run.state.life_cycle_state, run.state.result_state, run.state.state_message or ""


def test_a_run_that_succeeds_is_told_as_such(workspace: EmulatedWorkspace, client: WorkspaceClient) -> None:
    task = describe_task(workspace, "import sys; print('heard', sys.argv[1:])", "one", "two")
    run = client.jobs.submit(run_name="greeting", tasks=[task]).result()
    assert get_state(run) == (RunLifeCycleState.TERMINATED, RunResultState.SUCCESS, "")
    assert run.run_name == "greeting"
    assert run.run_page_url == f"{workspace.host}/?o=1#job/{run.job_id}/run/{run.run_id}"
    assert run.start_time
    assert run.end_time
    assert run.end_time >= run.start_time
    assert run.tasks is not None
    assert run.tasks[0].run_id != run.run_id
    assert run.tasks[0].cluster_instance is not None
    assert run.tasks[0].cluster_instance.cluster_id == workspace.cluster_id
    assert read_output(workspace, run).logs == "heard ['one', 'two']\n"


def test_a_task_that_raises_gives_its_trace(workspace: EmulatedWorkspace, client: WorkspaceClient) -> None:
    code = """
        print("before")
        def fall():
            raise ValueError("no such thing")
        fall()
    """
    run_id = submit(workspace, describe_task(workspace, code))
    with pytest.raises(OperationFailed, match="Workload failed, see run output for details"):
        client.jobs.wait_get_run_job_terminated_or_skipped(run_id)
    run = finish(workspace, run_id)
    life, result, message = get_state(run)
    assert (life, result) == (RunLifeCycleState.INTERNAL_ERROR, RunResultState.FAILED)
    assert message.startswith("Task main failed with message: Workload failed")
    output = read_output(workspace, run)
    assert output.error == "ValueError: no such thing"
    assert output.error_trace is not None
    assert output.error_trace.startswith("Traceback")
    assert "in fall\n" in output.error_trace
    assert "start.py" not in output.error_trace
    assert output.logs is not None
    assert output.logs.startswith("before\nTraceback")


@pytest.mark.parametrize(("code", "result"), [(0, "SUCCESS"), (3, "FAILED")])
def test_a_task_may_end_by_exit(workspace: EmulatedWorkspace, code: int, result: str) -> None:
    run = finish(workspace, submit(workspace, describe_task(workspace, f"import sys; sys.exit({code})")))
    assert read_results(run) == {"main": result}


def test_output_is_given_for_tasks_alone(workspace: EmulatedWorkspace, client: WorkspaceClient) -> None:
    run_id = submit(workspace, describe_task(workspace, ""))
    finish(workspace, run_id)
    with pytest.raises(InvalidParameterValue, match="each individual task run"):
        client.jobs.get_run_output(run_id)


def test_cancelling_kills_all_that_the_task_has_started(
    workspace: EmulatedWorkspace, client: WorkspaceClient
) -> None:
    run_id = submit(workspace, describe_task(workspace, SLEEP))
    pids = wait_for_pids(workspace)
    assert all(map(is_running, pids))
    client.jobs.cancel_run(run_id)
    run = finish(workspace, run_id)
    assert get_state(run) == (RunLifeCycleState.TERMINATED, RunResultState.CANCELED, "Run cancelled.")
    assert not any(map(is_running, pids))


@pytest.mark.parametrize("of_task", [False, True], ids=["of the run", "of the task"])
def test_a_run_ends_with_its_time(workspace: EmulatedWorkspace, of_task: bool) -> None:
    task = describe_task(workspace, SLEEP, timeout_seconds=1 if of_task else None)
    run = finish(workspace, submit(workspace, task, timeout_seconds=None if of_task else 1))
    life, result, message = get_state(run)
    assert (life, result) == (RunLifeCycleState.TERMINATED, RunResultState.TIMEDOUT)
    assert "timed out" in message


def test_a_driver_that_dies_fails_the_run(workspace: EmulatedWorkspace) -> None:
    run_id = submit(workspace, describe_task(workspace, SLEEP))
    pids = wait_for_pids(workspace)
    workspace.kill_workers(run_id)
    run = finish(workspace, run_id)
    assert read_results(run) == {"main": "FAILED"}
    assert "exit code 137" in get_state(run)[2]
    assert not any(map(is_running, pids))


def test_a_workspace_that_stops_leaves_no_process(tmp_path: Path) -> None:
    with EmulatedWorkspace(tmp_path, has_spark=False) as workspace:
        submit(workspace, describe_task(workspace, SLEEP))
        pids = wait_for_pids(workspace)
    assert not any(map(is_running, pids))


def test_tasks_run_after_those_they_depend_on(workspace: EmulatedWorkspace) -> None:
    note = "import sys; open('/dbfs/order', 'a').write(sys.argv[1])"
    tasks = [
        describe_task(workspace, note, "c", key="c", depends_on=[{"task_key": "b"}]),
        describe_task(workspace, note, "b", key="b", depends_on=[{"task_key": "a"}]),
        describe_task(workspace, note, "a", key="a"),
    ]
    run = finish(workspace, submit(workspace, *tasks))
    assert get_state(run)[1] == RunResultState.SUCCESS
    assert (workspace.folders.dbfs / "order").read_text() == "abc"


def test_tasks_after_a_failed_one_do_not_run(workspace: EmulatedWorkspace) -> None:
    after = [{"task_key": "fails"}]
    tasks = [
        describe_task(workspace, "1 / 0", key="fails"),
        describe_task(workspace, "", key="waits", depends_on=after),
        describe_task(workspace, "", key="mends", depends_on=after, run_if="ALL_DONE"),
        describe_task(workspace, "", key="far", depends_on=[{"task_key": "waits"}]),
        describe_task(workspace, "", key="free"),
    ]
    run = finish(workspace, submit(workspace, *tasks))
    assert read_results(run) == {
        "fails": "FAILED",
        "waits": "UPSTREAM_FAILED",
        "mends": "SUCCESS",
        "far": "UPSTREAM_FAILED",
        "free": "SUCCESS",
    }
    assert get_state(run)[1] == RunResultState.FAILED


def test_a_token_makes_one_run_of_several_calls(workspace: EmulatedWorkspace) -> None:
    task = describe_task(workspace, "")
    tokens = ("once", "once", "other")
    first, again, other = (submit(workspace, task, idempotency_token=token) for token in tokens)
    assert first == again != other
    assert len(workspace.runs) == 2


def test_what_cannot_be_submitted_is_refused(workspace: EmulatedWorkspace) -> None:
    serverless = {"existing_cluster_id": None, "environment_key": "default"}
    environment = jobs.JobEnvironment.from_dict(
        {"environment_key": "default", "spec": {"environment_version": "4"}}
    )
    library = [{"pypi": {"package": "dagster"}}]
    for message, definition, settings in (
        ("Cluster nowhere does not exist", {"existing_cluster_id": "nowhere"}, {}),
        ("exactly one of", {"existing_cluster_id": None}, {}),
        ("spark_version", {"existing_cluster_id": None, "new_cluster": {"num_workers": 1}}, {}),
        ("unknown environment", serverless, {}),
        ("Libraries field", {**serverless, "libraries": library}, {"environments": [environment]}),
        ("unknown tasks", {"depends_on": [{"task_key": "other"}]}, {}),
        ("in a circle", {"depends_on": [{"task_key": "main"}]}, {}),
    ):
        with pytest.raises(BadRequest, match=message):
            submit(workspace, describe_task(workspace, "", **definition), **settings)
    assert not workspace.runs


def test_a_new_cluster_is_described_by_its_run(workspace: EmulatedWorkspace, client: WorkspaceClient) -> None:
    workspace.clusters.add_policy("policy", {"spark_version": {"type": "fixed", "value": "16.4.x-scala2.12"}})
    new_cluster = {
        "spark_version": "16.4.x-scala2.12",
        "node_type_id": "m5d.large",
        "num_workers": 0,
        "policy_id": "policy",
        "spark_env_vars": {"COLOUR": "blue"},
    }
    code = "import os; print(os.environ['COLOUR'], os.environ['DATABRICKS_RUNTIME_VERSION'])"
    task = describe_task(workspace, code, existing_cluster_id=None, new_cluster=new_cluster)
    run = finish(workspace, submit(workspace, task))
    assert run.tasks is not None
    assert run.tasks[0].cluster_instance is not None
    cluster = client.clusters.get(run.tasks[0].cluster_instance.cluster_id or "")
    assert cluster.spark_version == "16.4.x-scala2.12"
    assert client.cluster_policies.get("policy").definition
    assert read_output(workspace, run).logs == "blue 16.4\n"


def test_clusters_policies_pools_people_and_grants_are_told(
    workspace: EmulatedWorkspace, client: WorkspaceClient
) -> None:
    workspace.clusters.add("shared", data_security_mode="USER_ISOLATION", state="TERMINATED")
    workspace.clusters.add_pool("pool", node_type_id="r5d.large")
    shared = client.clusters.get("shared")
    assert shared.data_security_mode is not None
    assert shared.data_security_mode.value == "USER_ISOLATION"
    assert shared.state is not None
    assert shared.state.value == "TERMINATED"
    assert client.instance_pools.get("pool").node_type_id == "r5d.large"
    assert client.current_user.me().user_name == "tester@example.com"
    grant = {"permission_level": "CAN_VIEW", "group_name": "users"}
    client.api_client.do("PATCH", "/api/2.0/permissions/jobs/17", body={"access_control_list": [grant]})
    assert workspace.people.grants == {"jobs/17": [grant]}
    with pytest.raises(NotFound, match="does not exist"):
        client.clusters.get("nowhere")
    with pytest.raises(NotFound):
        client.cluster_policies.get("nowhere")
    with pytest.raises(NotFound, match="does not exist"):
        client.jobs.get_run(1)


def test_the_sdk_asks_nobody_but_the_workspace(workspace: EmulatedWorkspace) -> None:
    connect(workspace).current_user.me()
    assert [call.path for call in workspace.calls] == ["/api/2.0/preview/scim/v2/Me"]
