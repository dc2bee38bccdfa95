"""Tasks on serverless compute, through Dagster's own client, with a limit to every wait.

Submits a task of the installed wheel and follows it. The client opens the channels in a volume through which the task
receives its context and sends messages back. Two faults of the client are fixed here: it polls forever while a
workspace is unreachable, and treats an interrupted step as one that continued.
"""

import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import dagster as dg
import requests
from dagster._core.errors import DagsterExecutionInterruptedError, DagsterPipesExecutionError
from dagster_databricks.pipes import (
    PipesDatabricksServerlessClient,
    PipesUnityCatalogVolumesMessageReader,
)
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service import compute, jobs

from instacart_assets.databricks.cluster import describe_remote
from instacart_assets.databricks.wheel import ENTRY_POINT, ENVIRONMENT, PACKAGE
from instacart_assets.databricks.workspace import Workspace, WorkspaceError, connect
from instacart_assets.errors import RemediableError
from instacart_assets.settings import Settings, SettingsError
from instacart_assets.tables.builder import settings_of

FAREWELL_SECONDS = 30.0
"""Longest wait for a cancelled run to end."""

OVER = {
    jobs.RunLifeCycleState.TERMINATED,
    jobs.RunLifeCycleState.SKIPPED,
    jobs.RunLifeCycleState.INTERNAL_ERROR,
}


class ServerlessTaskError(RemediableError):
    """A task returned no result; the message says what is known about it."""


class MendedServerlessClient(PipesDatabricksServerlessClient):
    """Dagster's client for serverless tasks, within bounded times.

    Args:
        workspace: where tasks are sent.
        settings: the folder in a volume for both channels, and times.
    """

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        volume = str(settings.databricks.staging).rstrip("/")
        client = connect(settings.databricks.outage_seconds, is_client_patient=True).client
        super().__init__(
            client=client,
            volume_path=volume,
            message_reader=PipesUnityCatalogVolumesMessageReader(
                interval=settings.databricks.poll_seconds, client=client, volume_path=volume
            ),
            poll_interval_seconds=settings.databricks.poll_seconds,
        )
        self._workspace = workspace
        self._timeout_seconds = settings.databricks.timeout_seconds
        self.run_id: int | None = None
        self.is_interrupted = False

    def _get_run_state(self, run_id: int) -> jobs.RunState:
        state = self._workspace.ask(
            f"show the run {run_id}", lambda: self._workspace.client.jobs.get_run(run_id)
        ).state
        return state or jobs.RunState()

    def _poll_til_success(self, context: Any, run_id: int) -> None:  # noqa: ARG002 - as Dagster calls it
        """Wait until the run is over.

        Raises:
            ServerlessTaskError: it took too long.
            DagsterPipesExecutionError: it did not succeed.
            WorkspaceError: the workspace did not answer.
        """
        self.run_id = run_id
        deadline = time.monotonic() + self._timeout_seconds
        try:
            while True:
                state = self._get_run_state(run_id)
                if state.life_cycle_state in OVER:
                    break
                if time.monotonic() > deadline:
                    raise ServerlessTaskError(
                        f"the Databricks run {run_id} was not over after {self._timeout_seconds} s, and is "
                        "cancelled; INSTACART_DATABRICKS__TIMEOUT_SECONDS says how long it may take"
                    )
                time.sleep(self.poll_interval_seconds)
        except DagsterExecutionInterruptedError:
            self.is_interrupted = True
            raise
        except RemediableError:
            self._cancel(run_id)
            raise
        if state.result_state is not jobs.RunResultState.SUCCESS:
            raise DagsterPipesExecutionError(describe_state(state))

    def _poll_til_terminating(self, run_id: int) -> None:
        """Wait some seconds for the end of a cancelled run."""
        deadline = time.monotonic() + FAREWELL_SECONDS
        while time.monotonic() < deadline and self._get_run_state(run_id).life_cycle_state not in OVER:
            time.sleep(min(self.poll_interval_seconds, 1.0))

    def _cancel(self, run_id: int) -> None:
        try:
            self._workspace.ask(
                f"cancel the run {run_id}",
                lambda: self._workspace.client.jobs.cancel_run(run_id),
                FAREWELL_SECONDS,
            )
        except WorkspaceError:
            return  # the first error is the one to report


class ServerlessTasks:
    """Runs the wheel's command as serverless tasks.

    Args:
        settings: lake, landing, wheel, and where to stage.

    Raises:
        SettingsError: no wheel is named.
        WorkspaceError: address or credentials are missing.
    """

    def __init__(self, settings: Settings) -> None:
        databricks = settings.databricks
        if not any(library.endswith(".whl") for library in databricks.libraries):
            raise SettingsError(
                "serverless tasks run from the project's wheel: upload it to a volume (make wheel builds it), and "
                'set INSTACART_DATABRICKS__LIBRARIES to ["/Volumes/…/instacart_assets-…-py3-none-any.whl"]'
            )
        self._settings = settings
        self._workspace = connect(databricks.outage_seconds)

    def run(self, arguments: Sequence[str], name: str, context: dg.AssetExecutionContext) -> str:
        """Run the command with arguments to its end.

        Args:
            arguments: of the command, without settings.
            name: the task's display name.
            context: of the step.

        Returns:
            The result, as the command wrote it.

        Raises:
            RemediableError: the command was stopped by an error that a person can fix, or returned no result.
        """
        client = MendedServerlessClient(self._workspace, self._settings)
        settings = [
            word
            for variable, value in describe_remote(settings_of(context, self._settings)).items()
            for word in ("--set", f"{variable}={value}")
        ]
        task = jobs.SubmitTask(
            task_key=name.replace(".", "__"),
            environment_key=ENVIRONMENT,
            python_wheel_task=jobs.PythonWheelTask(
                package_name=PACKAGE, entry_point=ENTRY_POINT, parameters=[*settings, *arguments]
            ),
        )
        try:
            done = client.run(
                context=context, task=task, submit_args=self._describe_submission(name, context)
            )
        except DagsterPipesExecutionError as error:
            raise ServerlessTaskError(self._explain(client.run_id, str(error))) from error
        except DatabricksError as error:
            refused = self._workspace.explain_refusal(f"run the task {name}", error)
            raise ServerlessTaskError(refused) from error
        except (requests.RequestException, TimeoutError) as error:
            raise ServerlessTaskError(
                f"the workspace {self._workspace.host} did not answer when it was to run the task {name}: {error}"
            ) from error
        if client.is_interrupted:
            # The client cancelled the run, and continued as if nothing had happened.
            raise DagsterExecutionInterruptedError
        for said in done.get_custom_messages():
            if isinstance(said, Mapping):
                return self._read(said)
        raise ServerlessTaskError(self._explain(client.run_id, "it ended without a result"))

    def _describe_submission(self, name: str, context: dg.AssetExecutionContext) -> dict[str, Any]:
        databricks = self._settings.databricks
        environment = compute.Environment(
            environment_version=databricks.environment_version, dependencies=list(databricks.libraries)
        )
        return {
            "run_name": f"{name} {context.run.run_id}",
            "environments": [jobs.JobEnvironment(environment_key=ENVIRONMENT, spec=environment)],
            "timeout_seconds": databricks.timeout_seconds,
            # The SDK submits again where no answer came, though the first submission may have arrived.
            "idempotency_token": sha256(
                f"{context.run.run_id} {name} {context.retry_number}".encode()
            ).hexdigest(),
        }

    def _read(self, said: Mapping[str, Any]) -> str:
        if "refused" in said:
            raise ServerlessTaskError(str(said["refused"]))
        return str(said["result"])

    def _explain(self, run_id: int | None, state: str) -> str:
        """What is known about a task that returned no result, including its traceback."""
        if run_id is None:
            return f"the task was not run: {state}"
        client = self._workspace.client.jobs

        def find_output() -> jobs.RunOutput:
            tasks = client.get_run(run_id).tasks or []
            return client.get_run_output((tasks[0].run_id if tasks else None) or run_id)

        said = f"the Databricks run {run_id} ended as {state}"
        try:
            output = self._workspace.ask("show the output of the run", find_output, FAREWELL_SECONDS)
        except WorkspaceError as error:
            return f"{said}\n{error}"
        return "\n".join([said, *(text for text in (output.error, output.error_trace) if text)])


def describe_state(state: jobs.RunState) -> str:
    """The state of a run, in Databricks' terms."""
    words = (state.life_cycle_state, state.result_state)
    said = " ".join(word.value for word in words if word)
    return f"{said}: {state.state_message}" if state.state_message else said
