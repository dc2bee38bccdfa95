"""A workspace is asked with patience, and every call ends."""

import threading
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import requests
from databricks.sdk.errors import InternalError, NotFound, PermissionDenied, TooManyRequests, Unauthenticated
from databricks.sdk.errors.base import DatabricksError

from instacart_assets.databricks.workspace import (
    Workspace,
    WorkspaceError,
    WorkspaceOutageError,
    call_within,
    connect,
)

HOST = "https://shop.cloud.databricks.com"
MOMENT = 0.3
"""Patience of these tests, in seconds."""


@pytest.fixture
def asked() -> Workspace:
    client = mock.Mock()
    client.config.host = HOST
    return Workspace(client, MOMENT)


def answer_after(*errors: Exception) -> Callable[[], str]:
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "the answer"

    return call


@pytest.mark.parametrize(
    "error",
    [
        TooManyRequests("slow down"),
        InternalError("oops"),
        DatabricksError("502"),
        requests.ConnectionError("reset"),
        requests.Timeout("too slow"),
        requests.exceptions.ChunkedEncodingError("cut off"),
        TimeoutError("the SDK gave up"),
        ValueError("b'no healthy upstream'"),
        NotImplementedError("Not supported yet"),
    ],
)
def test_what_passes_is_asked_again(asked: Workspace, error: Exception) -> None:
    assert asked.ask("answer", answer_after(error), within=5) == "the answer"


@pytest.mark.parametrize("error", [NotFound("no such cluster"), PermissionDenied("not for you")])
def test_what_is_refused_is_told_at_once_with_a_remedy(asked: Workspace, error: Exception) -> None:
    with pytest.raises(WorkspaceError, match=f"{HOST} refuses to answer: {error}; ask an admin"):
        asked.ask("answer", answer_after(error), within=60, remedy="ask an admin")


@pytest.mark.parametrize("error", [Unauthenticated("who?"), PermissionDenied("Invalid access token.")])
def test_unknown_credentials_are_told_apart_from_missing_rights(asked: Workspace, error: Exception) -> None:
    with pytest.raises(WorkspaceError, match="DATABRICKS_TOKEN"):
        asked.ask("answer", answer_after(error), remedy="ask an admin")


def test_a_client_that_gets_no_token_is_told_at_once(asked: Workspace) -> None:
    error = ValueError("invalid_client: Client authentication failed")
    with pytest.raises(WorkspaceError, match=r"invalid_client.*DATABRICKS_CLIENT_ID"):
        asked.ask("answer", answer_after(error), within=60)


def test_the_configuration_that_the_sdk_adds_is_not_repeated(asked: Workspace) -> None:
    error = PermissionDenied("not for you. Config: host=https://x, token=***, auth_type=pat")
    with pytest.raises(WorkspaceError) as refused:
        asked.ask("answer", answer_after(error), remedy="ask an admin")
    assert "Config" not in str(refused.value)
    assert "ask an admin" in str(refused.value)


def test_silence_ends_in_time_and_names_the_last_failure(asked: Workspace) -> None:
    def call() -> None:
        raise requests.ConnectionError("connection refused")

    with pytest.raises(
        WorkspaceOutageError, match=rf"{HOST} has not answered for {MOMENT} s.*connection refused"
    ):
        asked.ask("answer", call)


def test_a_call_that_hangs_ends_in_time(asked: Workspace) -> None:
    released = threading.Event()
    with pytest.raises(WorkspaceOutageError):
        asked.ask("answer", lambda: released.wait(60))
    assert not released.is_set()
    released.set()


def test_a_mistake_of_ours_is_no_outage(asked: Workspace) -> None:
    with pytest.raises(KeyError):
        asked.ask("answer", answer_after(KeyError("mistake")))


def test_no_time_left_is_no_call_that_succeeds() -> None:
    with pytest.raises(TimeoutError):
        call_within(-1.0, lambda: time.sleep(0.2))


@pytest.fixture
def _no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)
    monkeypatch.delenv("DATABRICKS_TOKEN", raising=False)


@pytest.mark.usefixtures("_no_credentials")
def test_without_credentials_the_variables_are_named() -> None:
    with pytest.raises(WorkspaceError, match="set DATABRICKS_HOST, and see that DATABRICKS_TOKEN"):
        connect(5.0)


@pytest.mark.usefixtures("_no_credentials")
def test_a_service_principal_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "principal")
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", "not to be shown")
    # Its token is to be fetched from a workspace that is not there.
    with pytest.raises(WorkspaceError) as refused:
        connect(2.0)
    assert "not to be shown" not in str(refused.value)
