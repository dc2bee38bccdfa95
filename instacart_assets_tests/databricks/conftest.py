"""An emulated workspace, an instance with a history, and runs that are launched from one to the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from instacart_assets.databricks.staging import DBFS_STAGING
from instacart_assets_tests.databricks.things import build_job
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace

VOLUME = "/Volumes/main/ops/staging"
SECRET = "swordfish-of-the-scope"  # noqa: S105 - what must be found nowhere  # pragma: allowlist secret
PATIENCE = 4


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[EmulatedWorkspace]:
    with EmulatedWorkspace(
        tmp_path / "workspace",
        volumes=["main.ops.staging"],
        secret_values={"vault/database": SECRET},
        has_spark=False,
    ) as emulated:
        yield emulated


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    with dg.instance_for_test(temp_dir=str(tmp_path / "dagster")) as made:
        yield made


@dataclass(frozen=True)
class Launching:
    """The way to launch runs into a workspace, and to see what was left there."""

    workspace: EmulatedWorkspace
    instance: dg.DagsterInstance

    def run(
        self, selection: Sequence[str] = (), executor: str = "in_process", **does: str
    ) -> dg.JobExecutionResult:
        """A run of the small code location; ``raw="raise"`` tells the step raw what to do."""
        return run_things(self.instance, selection, does, executor)

    def list_staged(self) -> list[Path]:
        """Files that lie in either staging folder."""
        folders = (
            self.workspace.folders.dbfs / DBFS_STAGING.strip("/"),
            self.workspace.folders.find(VOLUME),
        )
        return [file for folder in folders if folder.exists() for file in folder.iterdir()]

    def count_submissions(self) -> int:
        """How many runs were asked for."""
        return sum(call.path.endswith("/runs/submit") for call in self.workspace.calls)


def run_things(
    instance: dg.DagsterInstance,
    selection: Sequence[str] = (),
    does: Mapping[str, str] | None = None,
    executor: str = "in_process",
) -> dg.JobExecutionResult:
    """A run of the small code location, in this process; of each step, what it does besides."""
    ops: dict[str, Any] = {name: {"config": {"does": what}} for name, what in (does or {}).items()}
    with dg.execute_job(
        dg.reconstructable(build_job),
        instance=instance,
        run_config={"ops": ops, "execution": {"config": {executor: {}}}},
        asset_selection=[dg.AssetKey(name) for name in selection] or None,
    ) as result:
        return result


@pytest.fixture(params=["databricks", "databricks_uc"])
def target(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def environment(workspace: EmulatedWorkspace) -> dict[str, str]:
    """What the host's environment says of a workspace: a target that stages in DBFS, and short times."""
    return {
        "DATABRICKS_HOST": workspace.host,
        "DATABRICKS_TOKEN": workspace.token,
        "INSTACART_TARGET": "databricks",
        "INSTACART_DATABRICKS__CLUSTER_ID": workspace.cluster_id,
        "INSTACART_DATABRICKS__SECRETS": '{"DATABASE_PASSWORD": "vault/database"}',  # pragma: allowlist secret
        "INSTACART_DATABRICKS__POLL_SECONDS": "0.2",
        "INSTACART_DATABRICKS__OUTAGE_SECONDS": str(PATIENCE),
        "INSTACART_DATABRICKS__TIMEOUT_SECONDS": "90",
    }


@pytest.fixture
def choose_target(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def choose(target: str) -> None:
        monkeypatch.setenv("INSTACART_TARGET", target)
        if target == "databricks_uc":
            monkeypatch.setenv("INSTACART_DATABRICKS__STAGING", VOLUME)

    return choose


@pytest.fixture
def launching(
    workspace: EmulatedWorkspace,
    instance: dg.DagsterInstance,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Launching:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Launching(workspace, instance)
