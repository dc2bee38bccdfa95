"""Serverless tasks through Dagster's client: whatever becomes of a task, the step ends in time and says what is known."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.errors import DagsterExecutionInterruptedError

from instacart_assets.databricks import pipes
from instacart_assets.databricks.pipes import ServerlessTaskError, ServerlessTasks
from instacart_assets.databricks.wheel import ENTRY_POINT, PACKAGE
from instacart_assets.databricks.workspace import WorkspaceError
from instacart_assets.errors import RemediableError
from instacart_assets.settings import SettingsError, load_settings
from instacart_assets_tests.workspace.driving import build_wheel, finish, upload
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace

VOLUME = "/Volumes/main/ops/staging"
PATIENCE = 3.0
POLL = r"/api/2\.\d/jobs/runs/get"

BEHAVE = """
    import os, signal, sys, time
    from dagster_pipes import (
        PipesCliArgsParamsLoader,
        PipesUnityCatalogVolumesContextLoader,
        PipesUnityCatalogVolumesMessageWriter,
        open_dagster_pipes,
    )

    def main():
        with open_dagster_pipes(
            context_loader=PipesUnityCatalogVolumesContextLoader(),
            message_writer=PipesUnityCatalogVolumesMessageWriter(interval=0.2),
            params_loader=PipesCliArgsParamsLoader(),
        ) as pipes:
            print("told to", sys.argv)
            if "raise" in sys.argv:
                raise RuntimeError("the body could not go on")
            if "die" in sys.argv:
                os.kill(os.getpid(), signal.SIGKILL)
            if "sleep" in sys.argv:
                time.sleep(300)
            if "refuse" in sys.argv:
                pipes.report_custom_message({"refused": "orders.csv: is empty; land it again"})
            if "tell" in sys.argv:
                settings = [word for word in sys.argv if "=" in word]
                pipes.report_custom_message({"result": " ".join(settings)})
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedWorkspace]:
    with EmulatedWorkspace(tmp_path / "workspace", volumes=["main.ops.staging"], has_spark=False) as made:
        wheel = upload(made, build_wheel(tmp_path, PACKAGE, BEHAVE, command=ENTRY_POINT), VOLUME)
        for name, value in {
            "DATABRICKS_HOST": made.host,
            "DATABRICKS_TOKEN": made.token,
            "INSTACART_TARGET": "serverless",
            "INSTACART_CATALOG": "main",
            "INSTACART_DATABRICKS__STAGING": VOLUME,
            "INSTACART_DATABRICKS__LIBRARIES": f'["{wheel}"]',
            "INSTACART_DATABRICKS__POLL_SECONDS": "0.2",
            "INSTACART_DATABRICKS__TIMEOUT_SECONDS": "60",
            "INSTACART_DATABRICKS__OUTAGE_SECONDS": str(PATIENCE),
        }.items():
            monkeypatch.setenv(name, value)
        yield made


def run(*arguments: str) -> str:
    """What a task says that runs with these arguments, asked for by the body of an asset."""
    said: list[str] = []
    raised: list[BaseException] = []

    @dg.asset
    def things(context: dg.AssetExecutionContext) -> None:
        try:
            said.append(ServerlessTasks(load_settings()).run(arguments, "silver.things", context))
        except BaseException as error:
            raised.append(error)
            raise

    dg.materialize([things], raise_on_error=False)
    if raised:
        raise raised[0]
    return said[0]


def read_only_state(workspace: EmulatedWorkspace) -> str:
    (made,) = workspace.runs
    state = finish(workspace, made.run_id).state
    assert state is not None
    return str(state.result_state and state.result_state.value)


def test_a_result_comes_back_and_settings_went_there(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTACART_FULL", "1")
    monkeypatch.setenv("INSTACART_AS_OF", "2026-11-23T18:30:00+01:00")
    told = run("tell")
    assert "INSTACART_TARGET=databricks_remote" in told
    assert "INSTACART_CATALOG=main" in told
    assert "INSTACART_FULL=True" in told
    assert "INSTACART_AS_OF=2026-11-23T18:30:00+01:00" in told
    assert workspace.token not in told
    assert list(workspace.folders.find(VOLUME).glob("*/*")) == []


@pytest.mark.usefixtures("workspace")
def test_what_a_person_can_mend_comes_back_as_its_message() -> None:
    with pytest.raises(ServerlessTaskError) as refused:
        run("refuse")
    assert str(refused.value) == "orders.csv: is empty; land it again"


@pytest.mark.parametrize(
    ("behaviour", "known"),
    [
        ("raise", "RuntimeError: the body could not go on"),
        ("die", "INTERNAL_ERROR FAILED"),
        ("nothing", "it ended without a result"),
    ],
)
@pytest.mark.usefixtures("workspace")
def test_a_task_without_a_result_says_what_is_known(behaviour: str, known: str) -> None:
    with pytest.raises(ServerlessTaskError, match=known):
        run(behaviour)


def test_a_task_that_takes_too_long_is_cancelled(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTACART_DATABRICKS__TIMEOUT_SECONDS", "2")
    # Databricks' own timeout, which is sent along, would come first.
    monkeypatch.setattr(
        ServerlessTasks,
        "_describe_submission",
        lambda *_: {name: value for name, value in describe(*_).items() if name != "timeout_seconds"},
    )
    with pytest.raises(ServerlessTaskError, match="was not over after 2 s, and is cancelled"):
        run("sleep")
    assert read_only_state(workspace) == "CANCELED"


describe = ServerlessTasks._describe_submission


def test_a_submission_whose_answer_is_lost_is_one_run(workspace: EmulatedWorkspace) -> None:
    workspace.faults.drop("POST", ".*/runs/submit", is_late=True)
    assert "INSTACART_TARGET=databricks_remote" in run("tell")
    assert len(workspace.runs) == 1


def test_an_outage_ends_in_the_time_that_is_set(workspace: EmulatedWorkspace) -> None:
    workspace.faults.add("GET", POLL, status=503, times=10_000)
    with pytest.raises(WorkspaceError, match="has not answered for 3 s"):
        run("sleep")


def test_a_passing_outage_is_survived(workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTACART_DATABRICKS__OUTAGE_SECONDS", "20")
    workspace.faults.add("GET", POLL, status=503, times=2)
    workspace.faults.drop("GET", POLL, times=1)
    workspace.faults.add("PUT", "/api/2.0/fs/files/.*", status=503, times=1)
    assert "INSTACART_TARGET=databricks_remote" in run("tell")
    assert sum(call.status == 503 for call in workspace.calls) == 3


def test_an_interrupted_step_cancels_its_task_and_stays_interrupted(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.sleep
    calls = iter(range(1000))

    def interrupt(seconds: float) -> None:
        real(seconds)
        if next(calls) == 1:
            raise DagsterExecutionInterruptedError

    monkeypatch.setattr(pipes, "time", SimpleNamespace(sleep=interrupt, monotonic=time.monotonic))
    with pytest.raises(DagsterExecutionInterruptedError):
        run("sleep")
    assert read_only_state(workspace) == "CANCELED"


@pytest.mark.usefixtures("workspace")
def test_without_a_wheel_it_is_told_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTACART_DATABRICKS__LIBRARIES", "[]")
    with pytest.raises(SettingsError, match="INSTACART_DATABRICKS__LIBRARIES"):
        run("tell")


@pytest.mark.usefixtures("workspace")
def test_a_wrong_token_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi0")
    with pytest.raises(RemediableError, match="DATABRICKS_TOKEN"):
        run("tell")
