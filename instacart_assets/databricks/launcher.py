"""The step launcher: each step of a Dagster run as one run of a Databricks cluster.

It fixes dagster-databricks' own launcher: it stages in DBFS or in a volume and cleans up, waits no longer than the
settings allow, brings back output while a step runs and the remote traceback when it dies, restores lineage, and
cancels what it started. Dagster's unmodified launcher can be chosen instead. What is passed to a cluster is in
``cluster.py``; what the cluster then does is in ``remote.py``.
"""

import gzip
import hashlib
import inspect
import io
import json
import pickle
import re
import shutil
import sys
import tempfile
import time
import weakref
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.code_pointer import ModuleCodePointer, PackageCodePointer
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.definitions.step_launcher import StepLauncher, StepRunRef
from dagster._core.errors import raise_execution_interrupts
from dagster._core.events import DagsterEvent, DagsterEventType, EngineEventData
from dagster._core.events.log import EventLogEntry
from dagster._core.execution.context.system import StepExecutionContext
from dagster._core.execution.plan.external_step import step_context_to_step_run_ref
from dagster._serdes import deserialize_value
from dagster._utils.warnings import disable_dagster_warnings
from dagster_databricks.databricks_pyspark_step_launcher import DatabricksPySparkStepLauncher
from dagster_shared.record import replace
from databricks.sdk.service.jobs import Run, RunLifeCycleState, RunOutput, RunResultState

import instacart_assets
from instacart_assets.databricks import remote
from instacart_assets.databricks.cluster import describe_remote, describe_run, describe_secrets
from instacart_assets.databricks.lineage import restore_lineage
from instacart_assets.databricks.staging import dbfs_root, make_staging, zip_packages
from instacart_assets.databricks.workspace import Workspace, WorkspaceError, WorkspaceOutageError, connect
from instacart_assets.errors import RemediableError
from instacart_assets.settings import Settings, SettingsError

PACKAGE = Path(inspect.getfile(instacart_assets)).parent
MAIN = "remote.py"

FAREWELL_SECONDS = 30.0
"""Longest time for the work after a step's end: cancel, confirm the cancellation, clean up."""

LAST_LOOKS = 3
"""How often the report of a successful run is read: what a cluster writes may become visible a little later."""

OVER = {RunLifeCycleState.TERMINATED, RunLifeCycleState.SKIPPED, RunLifeCycleState.INTERNAL_ERROR}
STEP_ENDS = {
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.STEP_SKIPPED,
    DagsterEventType.STEP_UP_FOR_RETRY,
}
SHOWN_LINES = 40
TERMINAL_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class LaunchError(RemediableError):
    """A step did not end by itself on the cluster; the message says what is known about it."""


class LaunchedStep:
    """A launched step: where it is staged, which run it became, and how much of its report was read."""

    def __init__(self, context: StepExecutionContext) -> None:
        attempt = context.previous_attempt_count
        self.context = context
        # Keys of steps in a graph contain dots, those of dynamic steps brackets.
        step = re.sub(r"\W", "_", context.step.key)
        self.folder = f"{context.run_id}-{step}-{attempt}"
        self.token = hashlib.sha256(self.folder.encode()).hexdigest()
        self.is_staged = False
        self.is_submitted = False
        self.run: Run | None = None
        self.events = 0
        self.printed = {"stdout": 0, "stderr": 0}
        self.stderr = ""
        self.has_ended = False

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to wait for."""
        state = self.run and self.run.state
        if not state:
            return False
        # A cluster created for the step takes minutes to shut down, and returns nothing meanwhile.
        is_leaving = state.life_cycle_state is RunLifeCycleState.TERMINATING and self.has_ended
        return state.life_cycle_state in OVER or is_leaving

    @property
    def is_good(self) -> bool:
        """Whether Databricks reports its run as a success, as far as is known."""
        state = self.run and self.run.state
        return bool(state and state.result_state in (None, RunResultState.SUCCESS))

    def describe_state(self) -> str:
        """The state of its run, in Databricks' terms."""
        state = self.run and self.run.state
        if not state:
            return "in an unknown state"
        words = [word.value for word in (state.life_cycle_state, state.result_state) if word]
        # How a run ended says more than that it has TERMINATED.
        word = " ".join(words[-1:] if words[:1] == ["TERMINATED"] else words)
        return f"{word}: {state.state_message}" if state.state_message else word

    def describe_run(self) -> str:
        """Its run, and the address of the run's page."""
        run = self.run or Run()
        words = ["the Databricks run", run.run_id, run.run_page_url and f"({run.run_page_url})"]
        return " ".join(str(word) for word in words if word)


class MendedStepLauncher(DatabricksPySparkStepLauncher):
    """Launches steps through DBFS or a volume, within bounded times, and leaves nothing behind.

    Args:
        settings: target, cluster, staging and times.
        workspace: where steps are sent.
        packages: folders of the Python packages whose code is sent to the cluster; the code location is in the first.
    """

    def __init__(
        self, settings: Settings, workspace: Workspace, packages: Sequence[Path] = (PACKAGE,)
    ) -> None:
        databricks = settings.databricks
        self.staging = make_staging(settings, workspace)
        self._workspace = workspace
        self._packages = packages
        self._order = {
            "environment": describe_remote(settings),
            "secrets": describe_secrets(databricks),
        }
        self._timeout_seconds = databricks.timeout_seconds
        self._poll_seconds = databricks.poll_seconds
        self._farewell_seconds = min(FAREWELL_SECONDS, databricks.outage_seconds)
        super().__init__(
            **_configure_stock(settings, workspace),
            staging_prefix=self.staging.root,
            local_dagster_job_package_path=str(packages[0].parent),
        )
        self.databricks_runner.client._workspace_client = workspace.client

    def launch_step(self, step_context: StepExecutionContext) -> Iterator[DagsterEvent]:
        """Run one step on the cluster, and yield its events as they come back.

        Raises:
            dagster.Failure: the step did not end there; a failure of the asset body itself is an event instead.
            dagster.RetryRequested: the same, and the step has a retry policy.
        """
        # As Dagster does at the start of its own steps: later materialisations are not inputs of this one.
        step_context.fetch_external_input_asset_version_info()
        step = LaunchedStep(step_context)
        try:
            with raise_execution_interrupts():
                self._stage(step)
                self._submit(step)
            yield self._announce(step)
            yield from self._follow(step)
            with raise_execution_interrupts():
                self._require_end(step)
        except RemediableError as error:
            if not step.has_ended:
                _raise_failure(step, error)
            step.context.log.warning(f"After the end of the step: {error}")
        finally:
            self._leave(step)

    @cached_property
    def _code(self) -> bytes:
        return zip_packages(self._packages)

    def _stage(self, step: LaunchedStep) -> None:
        reference = clean_reference(
            step_context_to_step_run_ref(step.context, self.local_dagster_job_package_path)
        )
        files = {
            MAIN: Path(inspect.getfile(remote)).read_bytes(),
            remote.CODE: self._code,
            remote.STEP: pickle.dumps(reference),
            remote.ORDER: json.dumps(self._order).encode(),
        }
        for name, content in files.items():
            self.staging.put(step.folder, name, content)
            step.is_staged = True

    def _submit(self, step: LaunchedStep, within: float | None = None) -> None:
        """Submit the step; a repeated submission returns the run of the first one."""
        step.is_submitted = True
        config = {
            **self.run_config,
            "run_name": f"{step.context.job_name} {step.context.step.key} {step.context.run_id}",
            "idempotency_token": step.token,
        }
        task = {
            "spark_python_task": {
                "python_file": self.staging.address(step.folder, MAIN),
                "parameters": [self.staging.mounted(step.folder)],
            }
        }
        try:
            run_id = self._workspace.ask(
                f"run the step {step.context.step.key}",
                lambda: self.databricks_runner.submit_run(config, task),
                within,
                "see INSTACART_DATABRICKS__ settings of the cluster",
            )
        except WorkspaceOutageError:
            raise
        except WorkspaceError:
            step.is_submitted = False
            raise
        step.run = Run(run_id=run_id)

    def _look(self, step: LaunchedStep, within: float | None = None) -> None:
        if step.run is None or step.run.run_id is None:
            return
        run_id = step.run.run_id
        step.run = self._workspace.ask(
            f"show the run {run_id}", lambda: self._workspace.client.jobs.get_run(run_id), within
        )

    def _announce(self, step: LaunchedStep) -> DagsterEvent:
        with raise_execution_interrupts():
            self._look(step)
        run = step.run or Run()
        metadata: dict[str, Any] = {"databricks_run_id": run.run_id}
        if run.run_page_url:
            metadata["databricks_run"] = dg.MetadataValue.url(run.run_page_url)
        return DagsterEvent.from_step(
            event_type=DagsterEventType.ENGINE_EVENT,
            step_context=step.context,
            message=f"The step is run {run.run_id} of {self._workspace.host}.",
            event_specific_data=EngineEventData(metadata=metadata),
        )

    def _follow(self, step: LaunchedStep) -> Iterator[DagsterEvent]:
        """Events of the step until its run is over.

        Raises:
            LaunchError: it took too long.
        """
        deadline = time.monotonic() + self._timeout_seconds
        last_looks = LAST_LOOKS
        while True:
            # Checked before the report is read, so that the report of a finished run is complete.
            is_over = step.is_over
            with raise_execution_interrupts():
                entries = self._read_report(step)
            for entry in entries:
                restored = restore_lineage(entry, step.context)
                step.context.instance.handle_new_event(restored)
                if restored.dagster_event:
                    step.has_ended |= restored.dagster_event.event_type in STEP_ENDS
                    yield restored.dagster_event
            if step.has_ended:
                # A run that outlives its step gets no more time than the rest of the clean-up.
                deadline = min(deadline, time.monotonic() + self._farewell_seconds)
            if is_over:
                last_looks -= 1
                if step.has_ended or not step.is_good or not last_looks:
                    return
            elif time.monotonic() > deadline:
                raise LaunchError(self._explain_lateness(step))
            with raise_execution_interrupts():
                time.sleep(self._poll_seconds)
                self._look(step)

    def _explain_lateness(self, step: LaunchedStep) -> str:
        if step.has_ended:
            return f"{step.describe_run()} went on for {self._farewell_seconds:g} s, and is cancelled"
        return (
            f"{step.describe_run()} was not over after {self._timeout_seconds} s, and is cancelled; it was "
            f"{step.describe_state()}. INSTACART_DATABRICKS__TIMEOUT_SECONDS says how long it may take"
        )

    def _read_report(self, step: LaunchedStep, within: float | None = None) -> list[EventLogEntry]:
        """Read what is new in the step's report: returns events, and writes output to this process's streams."""
        report = parse_report(self.staging.read(step.folder, remote.REPORT, within))
        if report is None:
            return []
        for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
            stream.write(report[name][step.printed[name] :])
            stream.flush()
            step.printed[name] = len(report[name])
        step.stderr = report["stderr"]
        new = report["events"][step.events :]
        step.events += len(new)
        return [deserialize_value(event, EventLogEntry) for event in new]

    def _require_end(self, step: LaunchedStep) -> None:
        """Require that a finished run has ended its step, as a success or as a failure.

        Raises:
            LaunchError: it has not: its process died, or never started Dagster.
        """
        if not step.has_ended:
            raise LaunchError(
                f"{step.describe_run()} is over, and its step has not come to an end: {step.describe_state()}"
                f"{self._find_traceback(step)}"
            )
        if not step.is_good:
            step.context.log.warning(
                f"{step.describe_run()} did not end well after its step: {step.describe_state()}"
            )

    def _find_traceback(self, step: LaunchedStep) -> str:
        """What Databricks and the step itself report about a failed run, to be shown below its state."""
        tasks = step.run and step.run.tasks
        run_id = (tasks and tasks[0].run_id) or (step.run and step.run.run_id)
        try:
            output = self._workspace.ask(
                "show the output of the run",
                lambda: self._workspace.client.jobs.get_run_output(run_id or 0),
                self._farewell_seconds,
            )
        except WorkspaceError as error:
            output = RunOutput(error=str(error))
        said = "".join(f"\n{text}" for text in (output.error, output.error_trace) if text)
        printed = step.stderr or output.logs
        if printed and not output.error_trace:
            said += f"\n\nThe last it printed:\n{_last_lines(printed)}"
        return TERMINAL_COLOURS.sub("", said)

    def _leave(self, step: LaunchedStep) -> None:
        """Cancel a run that is not over, and delete what was staged; failures to do so are logged."""
        deadline = time.monotonic() + self._farewell_seconds
        try:
            if step.is_submitted and not step.is_over:
                self._cancel(step, deadline)
        except WorkspaceError as error:
            step.context.log.critical(
                f"{step.describe_run()} may still be running: cancel it by hand. {error}"
            )
        try:
            self.staging.delete(step.folder, deadline - time.monotonic())
        except WorkspaceError as error:
            if step.is_staged:
                step.context.log.warning(
                    f"{self.staging.root}/{step.folder} stays behind: delete it by hand. {error}"
                )

    def _cancel(self, step: LaunchedStep, deadline: float) -> None:
        if step.run is None:
            # The answer to its submission was lost: the same request returns the run, or starts one to cancel.
            self._submit(step, deadline - time.monotonic())
        run_id = step.run and step.run.run_id
        self._workspace.ask(
            f"cancel the run {run_id}",
            lambda: self._workspace.client.jobs.cancel_run(run_id or 0),
            deadline - time.monotonic(),
        )
        while not step.is_over:
            self._look(step, deadline - time.monotonic())
            time.sleep(min(self._poll_seconds, 1.0))
        self._read_report(step, deadline - time.monotonic())
        step.context.log.info(f"{step.describe_run()} is cancelled.")


def make_launcher(settings: Settings, packages: Sequence[Path] = (PACKAGE,)) -> StepLauncher:
    """The step launcher of a launcher target: the project's own, or dagster-databricks' unmodified one.

    Raises:
        SettingsError: the settings are incomplete.
        WorkspaceError: the workspace cannot be accessed.
    """
    workspace = connect(settings.databricks.outage_seconds)
    is_stock = settings.databricks.launcher == "stock"

    def make() -> StepLauncher:
        # That step launchers are superseded is stated in the documentation, not in every step's output.
        with disable_dagster_warnings():
            return (_make_stock if is_stock else MendedStepLauncher)(settings, workspace, packages)

    # The stock class resolves credentials again, for which some kinds call the workspace.
    return workspace.ask("let a step launcher in", make)


def _make_stock(settings: Settings, workspace: Workspace, packages: Sequence[Path]) -> StepLauncher:
    if settings.target == "databricks_uc":
        raise SettingsError(
            "dagster-databricks' own launcher stages in DBFS alone: unset INSTACART_DATABRICKS__LAUNCHER, or set "
            "INSTACART_TARGET=databricks"
        )
    # It sends a whole folder, so it gets one with nothing else in it, deleted together with the launcher.
    clean = tempfile.mkdtemp()
    with zipfile.ZipFile(io.BytesIO(zip_packages(packages))) as archive:
        archive.extractall(clean)
    launcher = DatabricksPySparkStepLauncher(
        **_configure_stock(settings, workspace),
        staging_prefix=dbfs_root(settings.databricks.staging),
        local_dagster_job_package_path=clean,
    )
    weakref.finalize(launcher, shutil.rmtree, clean, ignore_errors=True)
    return launcher


def _configure_stock(settings: Settings, workspace: Workspace) -> dict[str, Any]:
    """The configuration that both launchers share."""
    databricks = settings.databricks
    return {
        "run_config": describe_run(databricks),
        "permissions": {},
        "databricks_host": workspace.host,
        "secrets_to_env_variables": [
            {"name": name, "scope": scope, "key": key}
            for name, (scope, key) in describe_secrets(databricks).items()
        ],
        "env_variables": describe_remote(settings),
        "wait_for_logs": False,
        "max_completion_wait_time_seconds": databricks.timeout_seconds,
        "poll_interval_sec": databricks.poll_seconds,
    }


def clean_reference(reference: StepRunRef) -> StepRunRef:
    """A step's reference without what concerns only the host: its folders, Python and container environment."""
    job = reference.recon_job
    pointer = job.repository.pointer
    if isinstance(pointer, ModuleCodePointer | PackageCodePointer):
        pointer = replace(pointer, working_directory=None)
    repository = ReconstructableRepository(pointer, repository_load_data=job.repository.repository_load_data)
    return reference._replace(
        recon_job=job._replace(repository=repository),
        dagster_run=replace(reference.dagster_run, job_code_origin=None, remote_job_origin=None),
    )


def parse_report(content: bytes) -> Mapping[str, Any] | None:
    """The report of a step; None if there is none yet, or it was read while being written."""
    try:
        report: Mapping[str, Any] = json.loads(gzip.decompress(content))
    except (EOFError, OSError, ValueError, zlib.error):
        return None
    return report


def _last_lines(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-SHOWN_LINES:])


def _raise_failure(step: LaunchedStep, error: RemediableError) -> None:
    failure = dg.Failure(
        description=str(error),
        metadata={"databricks_run": step.run.run_page_url} if step.run and step.run.run_page_url else {},
    )
    policy = step.context.op_retry_policy
    # A retry is useless where a request was refused: it would be refused again.
    if policy is None or not isinstance(error, LaunchError | WorkspaceOutageError):
        raise failure from None
    raise dg.RetryRequested(
        policy.max_retries, policy.calculate_delay(step.context.previous_attempt_count + 1)
    ) from failure
