"""The Jobs API 2.2 for one-time runs: what may be submitted, and what is told of it.

Defines what ``/api/2.2/jobs/runs/…`` answers, and how a submitted task becomes work for a process. States of runs
are in ``runs``.
"""

import itertools
import tempfile
import threading
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from instacart_assets_tests.workspace.answers import Answer, ApiError, Request, Route
from instacart_assets_tests.workspace.clusters import Cluster, Clusters
from instacart_assets_tests.workspace.engine import Engine
from instacart_assets_tests.workspace.faults import Faults
from instacart_assets_tests.workspace.folders import Folders, NoSuchPlaceError
from instacart_assets_tests.workspace.libraries import (
    InstallationError,
    install_in_environment,
    install_on_cluster,
)
from instacart_assets_tests.workspace.runs import CANCELLED, Run, TaskRun, check_order
from instacart_assets_tests.workspace.workers import OUTCOME, Start, Work, Worker, start_worker

RUNS = r"/api/2\.[12]/jobs/runs/"
COMPUTE = ("existing_cluster_id", "new_cluster", "environment_key")
KINDS = ("spark_python_task", "python_wheel_task")
SERVERLESS_RUNTIME = "client.4.0"
LONGEST_TOKEN = 64
STOP_SECONDS = 10
LOG_CHARACTERS = 5 << 20


class Jobs:
    """One-time runs of a workspace."""

    def __init__(
        self,
        folders: Folders,
        clusters: Clusters,
        faults: Faults,
        engine: Engine | None,
        *,
        secrets: Mapping[str, str],
        start: Start,
        is_dbfs_enabled: bool,
    ) -> None:
        self.runs: dict[int, Run] = {}
        self.host = ""
        self._folders = folders
        self._clusters = clusters
        self._faults = faults
        self._engine = engine
        self._secrets = dict(secrets)
        self._start = start
        self._is_dbfs_enabled = is_dbfs_enabled
        self._by_token: dict[str, Run] = {}
        self._numbers = itertools.count(100_000_000_000_001, 7)
        self._lock = threading.Lock()

    def routes(self) -> list[Route]:
        """What answers which call."""
        return [
            ("POST", f"{RUNS}submit", self._submit),
            ("POST", f"{RUNS}cancel", self._cancel),
            ("GET", f"{RUNS}get", self._get),
            ("GET", f"{RUNS}get-output", self._get_output),
        ]

    def stop(self) -> None:
        """End all runs."""
        for run in self.runs.values():
            run.stop(*CANCELLED)
        for run in self.runs.values():
            run.wait(STOP_SECONDS)

    def find(self, run_id: int) -> tuple[Run, TaskRun | None]:
        """The run of this id, or the run and its task of this id.

        Raises:
            ApiError: there is none.
        """
        for run in self.runs.values():
            if run.run_id == run_id:
                return run, None
            for task in run.tasks:
                if task.run_id == run_id:
                    return run, task
        raise ApiError.invalid(f"Run {run_id} does not exist")

    def _submit(self, request: Request) -> Answer:
        submitted = request.given
        token = submitted.get("idempotency_token") or ""
        if len(token) > LONGEST_TOKEN:
            raise ApiError.invalid(f"The idempotency token has more than {LONGEST_TOKEN} characters.")
        with self._lock:
            if token not in self._by_token:
                run = self._make_run(submitted)
                run.start(self._launch, self._faults.take_run())
                self.runs[run.run_id] = run
                if not token:
                    return Answer.of({"run_id": run.run_id})
                self._by_token[token] = run
            return Answer.of({"run_id": self._by_token[token].run_id})

    def _make_run(self, submitted: Mapping[str, Any]) -> Run:
        if not submitted.get("tasks"):
            raise ApiError.invalid("At least one task must be given.")
        environments = {each["environment_key"]: each["spec"] for each in submitted.get("environments", ())}
        run_id = next(self._numbers)
        tasks = [self._make_task(each, environments) for each in submitted["tasks"]]
        check_order(tasks)
        return Run(run_id, next(self._numbers), submitted, tasks)

    def _make_task(self, given: Mapping[str, Any], environments: Mapping[str, Any]) -> TaskRun:
        key = given.get("task_key")
        if not key or sum(kind in given for kind in KINDS) != 1:
            raise ApiError.invalid(f"Task {key} must have a key, and be one of: {', '.join(KINDS)}.")
        if sum(bool(given.get(each)) for each in COMPUTE) != 1:
            raise ApiError.invalid(f"Task {key} must have exactly one of: {', '.join(COMPUTE)}.")
        number = next(self._numbers)
        if environment_key := given.get("environment_key"):
            if environment_key not in environments:
                raise ApiError.invalid(f"Task {key} refers to an unknown environment: {environment_key}.")
            if given.get("libraries"):
                raise ApiError.invalid(
                    "Libraries field is not supported for serverless task, "
                    "please specify libraries in environment."
                )
            return TaskRun(number, given, None, environments[environment_key].get("dependencies") or ())
        return TaskRun(number, given, self._find_cluster(given), ())

    def _find_cluster(self, given: Mapping[str, Any]) -> Cluster:
        if cluster_id := given.get("existing_cluster_id"):
            cluster = self._clusters.find(cluster_id)
            cluster.state = "RUNNING"
            return cluster
        spec = given["new_cluster"]
        if not spec.get("spark_version"):
            raise ApiError.invalid("Missing required field: settings.cluster_spec.new_cluster.spark_version")
        if not (spec.get("node_type_id") or spec.get("instance_pool_id")):
            raise ApiError.invalid("Missing required field: settings.cluster_spec.new_cluster.node_type_id")
        self._clusters.check(spec)
        return self._clusters.add(**spec)

    def _cancel(self, request: Request) -> Answer:
        run, _ = self.find(int(request.require("run_id")))
        threading.Thread(target=run.stop, args=CANCELLED, daemon=True).start()
        return Answer.of({})

    def _get(self, request: Request) -> Answer:
        run, task = self.find(int(request.require("run_id")))
        return Answer.of(run.describe_task(self.host, task) if task else run.describe(self.host))

    def _get_output(self, request: Request) -> Answer:
        run, task = self.find(int(request.require("run_id")))
        if not task:
            raise ApiError(
                HTTPStatus.BAD_REQUEST,
                "INVALID_PARAMETER_VALUE",
                "Retrieving the output of runs with multiple tasks is not supported. "
                "Please retrieve the output of each individual task run instead.",
            )
        output: dict[str, Any] = {"metadata": run.describe_task(self.host, task)}
        if task.worker:
            logs = task.worker.output
            output |= {"logs": logs[-LOG_CHARACTERS:], "logs_truncated": len(logs) > LOG_CHARACTERS}
        if task.outcome and task.outcome.error:
            output |= {"error": task.outcome.error, "error_trace": task.outcome.error_trace}
        elif task.state.result not in ("", "SUCCESS"):
            output["error"] = task.state.message
        return Answer.of(output)

    def _launch(self, task: TaskRun) -> Worker:
        """Install a task's libraries and start its process."""
        folder = Path(tempfile.mkdtemp(prefix="task-", dir=self._folders.root))
        libraries = folder / "libraries"
        libraries.mkdir()
        if task.cluster:
            given = task.definition.get("libraries") or ()
            install_on_cluster(given, self._folders, task.cluster.runtime, libraries)
            environment = {
                "DATABRICKS_RUNTIME_VERSION": ".".join(map(str, task.cluster.runtime)),
                **task.cluster.spec.get("spark_env_vars", {}),
            }
        else:
            install_in_environment(task.dependencies, self._folders, libraries)
            environment = {"DATABRICKS_RUNTIME_VERSION": SERVERLESS_RUNTIME}
        is_connect = task.cluster is None or task.cluster.is_shared
        work = Work(
            **self._read_task(task),
            mounts=self._find_mounts(is_connect=is_connect),
            libraries=str(libraries),
            secrets=self._secrets,
            has_globals=not is_connect,
            is_connect=is_connect,
            is_serverless=task.cluster is None,
            spark_conf=task.cluster.spec.get("spark_conf", {}) if task.cluster else {},
            engine=self._engine.address if self._engine else None,
            outcome=str(folder / OUTCOME),
        )
        return start_worker(self._start, work, folder, environment)

    def _find_mounts(self, *, is_connect: bool) -> dict[str, str]:
        folders = {"/Volumes": self._folders.volumes, "/Workspace": self._folders.workspace}
        if self._is_dbfs_enabled and not is_connect:
            folders["/dbfs"] = self._folders.dbfs
        return {path: str(folder) for path, folder in folders.items()}

    def _read_task(self, task: TaskRun) -> dict[str, Any]:
        if wheel := task.definition.get("python_wheel_task"):
            return {
                "package": wheel["package_name"],
                "entry_point": wheel["entry_point"],
                "parameters": wheel.get("parameters") or [],
                "named_parameters": wheel.get("named_parameters") or {},
            }
        python = task.definition["spark_python_task"]
        try:
            script = self._folders.find(python["python_file"])
        except NoSuchPlaceError as error:
            raise InstallationError(str(error)) from error
        if not script.is_file():
            raise InstallationError(f"Cannot read the python file {python['python_file']}: no such file.")
        return {"script": str(script), "parameters": python.get("parameters") or []}
