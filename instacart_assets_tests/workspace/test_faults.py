"""Trouble that was ordered comes, and only that: what the SDK makes of it is what it makes of it on Databricks."""

import base64

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InternalError, PermissionDenied, Unauthenticated
from databricks.sdk.service.jobs import RunLifeCycleState, RunResultState

from instacart_assets_tests.workspace.driving import connect, describe_task, finish, submit
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace

ME = "/api/2.0/preview/scim/v2/Me"


def read_statuses(workspace: EmulatedWorkspace) -> list[int]:
    return [call.status for call in workspace.calls]


@pytest.mark.parametrize("status", [429, 503])
def test_the_sdk_tries_again_when_told_to_wait(
    workspace: EmulatedWorkspace, client: WorkspaceClient, status: int
) -> None:
    workspace.faults.add("GET", ME, status=status, times=2, retry_after=0)
    assert client.current_user.me().active
    assert read_statuses(workspace) == [status, status, 200]


def test_an_internal_error_is_given_at_once(workspace: EmulatedWorkspace, client: WorkspaceClient) -> None:
    workspace.faults.add("GET", ME, status=500, after=1)
    assert client.current_user.me().active
    with pytest.raises(InternalError, match="told to fail"):
        client.current_user.me()
    assert client.current_user.me().active
    assert read_statuses(workspace) == [200, 500, 200]


def test_the_sdk_tries_again_after_a_lost_connection(
    workspace: EmulatedWorkspace, client: WorkspaceClient
) -> None:
    workspace.faults.drop("GET", ME)
    assert client.current_user.me().active
    assert read_statuses(workspace) == [0, 200]


def test_an_answer_that_is_lost_leaves_the_work_done(
    workspace: EmulatedWorkspace, client: WorkspaceClient
) -> None:
    workspace.faults.drop("POST", "/api/2.0/dbfs/put", is_late=True)
    client.dbfs.put("/file", contents=base64.b64encode(b"x").decode(), overwrite=True)
    assert [call.status for call in workspace.calls] == [0, 200]
    workspace.faults.drop("POST", ".*/runs/submit", is_late=True)
    submit(workspace, describe_task(workspace, ""))
    assert len(workspace.runs) == 2, "the SDK submits again what it has no answer to"


@pytest.mark.parametrize("is_silent", [False, True], ids=["hung up", "silent"])
def test_a_dark_workspace_answers_nobody_until_it_is_back(
    workspace: EmulatedWorkspace, client: WorkspaceClient, is_silent: bool
) -> None:
    assert client.current_user.me().active
    workspace.go_dark(is_silent=is_silent)
    hasty = connect(workspace, http_timeout_seconds=0.2, retry_timeout_seconds=1)
    with pytest.raises(TimeoutError):
        hasty.current_user.me()
    workspace.come_back()
    assert client.current_user.me().active
    assert connect(workspace).current_user.me().active


def test_a_token_that_is_wrong_or_missing_is_refused(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = workspace.token
    workspace.token = "dapi-other"  # noqa: S105 - made up
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        connect(workspace).current_user.me()
    workspace.token = good
    client = connect(workspace)
    monkeypatch.setattr(client.config, "_header_factory", dict)
    with pytest.raises(Unauthenticated, match="Credential was not sent"):
        client.current_user.me()


def test_a_cluster_that_never_starts_keeps_its_run_waiting(
    workspace: EmulatedWorkspace, client: WorkspaceClient
) -> None:
    workspace.faults.hold_run()
    run_id = submit(workspace, describe_task(workspace, ""))
    state = client.jobs.get_run(run_id).state
    assert state is not None
    assert state.life_cycle_state == RunLifeCycleState.PENDING
    client.jobs.cancel_run(run_id)
    state = finish(workspace, run_id).state
    assert state is not None
    assert state.result_state == RunResultState.CANCELED


@pytest.mark.parametrize(
    ("life", "result"),
    [("INTERNAL_ERROR", "FAILED"), ("INTERNAL_ERROR", ""), ("SKIPPED", ""), ("TERMINATED", "EXCLUDED")],
)
def test_a_run_ends_as_it_is_told_to(workspace: EmulatedWorkspace, life: str, result: str) -> None:
    workspace.faults.end_run(life, result, "as told")
    run = finish(workspace, submit(workspace, describe_task(workspace, "open('/dbfs/ran', 'w')")))
    assert run.state is not None
    assert run.state.life_cycle_state == RunLifeCycleState(life)
    assert run.state.result_state == (RunResultState(result) if result else None)
    assert run.state.state_message == "as told"
    assert not (workspace.folders.dbfs / "ran").exists()
