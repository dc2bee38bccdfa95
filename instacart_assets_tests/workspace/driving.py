"""Short ways to drive an emulated workspace through the real SDK, for tests.

Defines how a script becomes a submitted task. Nothing here knows how the workspace is made.
"""

import io
import textwrap
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.service import jobs

from instacart_assets_tests.workspace.emulator import EmulatedWorkspace

TASK_SECONDS = 120
"""How long a test waits for a run; only one that is stuck takes it."""


def connect(workspace: EmulatedWorkspace, **config: Any) -> WorkspaceClient:
    """The SDK's client of a workspace."""
    return WorkspaceClient(
        config=Config(host=workspace.host, token=workspace.token, auth_type="pat", **config)
    )


def write_script(workspace: EmulatedWorkspace, code: str, path: str = "dbfs:/scripts/task.py") -> str:
    """Put a script into the workspace; gives its path."""
    file = workspace.folders.find(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(code))
    return path


def describe_task(
    workspace: EmulatedWorkspace, code: str, *parameters: str, key: str = "main", **definition: Any
) -> jobs.SubmitTask:
    """A task that runs a script, on the workspace's cluster unless told otherwise."""
    path = write_script(workspace, code, f"dbfs:/scripts/{key}.py")
    task = {
        "task_key": key,
        "spark_python_task": {"python_file": path, "parameters": list(parameters)},
        "existing_cluster_id": workspace.cluster_id,
        **definition,
    }
    return jobs.SubmitTask.from_dict({name: value for name, value in task.items() if value is not None})


def submit(workspace: EmulatedWorkspace, *tasks: jobs.SubmitTask, **settings: Any) -> int:
    """Submit tasks; gives the run's id."""
    return int(connect(workspace).jobs.submit(tasks=list(tasks), **settings).run_id)


def finish(workspace: EmulatedWorkspace, run_id: int) -> jobs.Run:
    """Wait for the end of a run, and have it told by the SDK."""
    assert workspace.find_run(run_id).wait(TASK_SECONDS), "the run has not ended"
    return connect(workspace).jobs.get_run(run_id)


def read_results(run: jobs.Run) -> dict[str, str]:
    """Result of each task, by its key."""
    assert run.tasks is not None
    return {
        task.task_key: task.state.result_state.value
        for task in run.tasks
        if task.state and task.state.result_state
    }


def read_output(workspace: EmulatedWorkspace, run: jobs.Run, task: int = 0) -> jobs.RunOutput:
    """What a task of a run has printed and raised."""
    assert run.tasks is not None
    run_id = run.tasks[task].run_id
    assert run_id is not None
    return connect(workspace).jobs.get_run_output(run_id)


def run_script(
    workspace: EmulatedWorkspace, code: str, *parameters: str, **definition: Any
) -> jobs.RunOutput:
    """Run one script to its end, and give what it has printed and raised."""
    run = finish(workspace, submit(workspace, describe_task(workspace, code, *parameters, **definition)))
    return read_output(workspace, run)


def wait_until_gone(pids: Iterable[int], seconds: float = 10) -> bool:
    """Wait for the end of processes that were killed; whether it came in time."""
    deadline = time.monotonic() + seconds
    while running := [pid for pid in pids if is_running(pid)]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return not running


def is_running(pid: int) -> bool:
    """Whether a process lives; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def build_wheel(
    folder: Path, name: str, code: str, *, requires: str = "", command: str | None = None
) -> Path:
    """A wheel of one module, whose function ``main`` is a command, of the wheel's name if it has no other."""
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    described = f"{name}-1.0.dist-info"
    needed = f"Requires-Dist: {requires}\n" if requires else ""
    content = {
        f"{name}.py": textwrap.dedent(code),
        f"{described}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needed}",
        f"{described}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{described}/entry_points.txt": f"[console_scripts]\n{command or name} = {name}:main\n",
        f"{described}/RECORD": "",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
    return wheel


def upload(workspace: EmulatedWorkspace, file: Path, folder: str) -> str:
    """Upload a file into a volume; gives its path there."""
    path = f"{folder}/{file.name}"
    connect(workspace).files.upload(path, io.BytesIO(file.read_bytes()), overwrite=True)
    return path
