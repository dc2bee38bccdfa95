"""Which checks the targets of a workspace need, and in which order they run.

Contains only the order; what each check examines is in the modules of checks. A workspace that does not answer is
not asked again.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from instacart_assets.databricks.cluster_checks import (
    Compute,
    Host,
    check_access_mode,
    check_cluster,
    check_dagster,
    check_policy,
    check_python,
    check_spark,
    find_compute,
    read_host,
)
from instacart_assets.databricks.library_checks import (
    check_libraries,
    check_own_wheel,
    survey_installation,
)
from instacart_assets.databricks.outcomes import Inspection, Outcome, passed, warned
from instacart_assets.databricks.runtimes import ENVIRONMENTS, find_runtime
from instacart_assets.databricks.spark_checks import judge_spark
from instacart_assets.databricks.staging import VolumeStaging, make_staging
from instacart_assets.databricks.storage_checks import check_place, check_staging
from instacart_assets.databricks.workspace import Workspace, WorkspaceOutageError, connect
from instacart_assets.settings import Settings

ANSWER_SECONDS = 8.0
"""How long a workspace has for one answer, retries included."""


def inspect_workspace(
    settings: Settings, seconds: float, on_check: Callable[[str], object] = str, host: Host | None = None
) -> tuple[Outcome, ...]:
    """Check everything that a run on Databricks needs.

    Args:
        settings: with a target that the launcher or serverless compute runs.
        seconds: after which no further check is started.
        on_check: called with the name of each check before it runs.
        host: versions of this machine; read from it by default.
    """
    inspection = Inspection(seconds, (WorkspaceOutageError,), on_check)
    if settings.target == "serverless":
        _inspect_serverless(settings, inspection)
    else:
        _inspect_launched(settings, host or read_host(), inspection)
    return tuple(inspection.outcomes)


def find_caller(workspace: Workspace) -> str:
    """The name of the person or service principal that the credentials belong to.

    Raises:
        WorkspaceError: they belong to nobody.
    """
    caller = workspace.ask(
        "say whose credentials these are",
        workspace.client.current_user.me,
        remedy="log in again, or have a new token made",
    )
    return caller.user_name or caller.display_name or str(caller.id)


def _enter_workspace(inspection: Inspection, rest: Sequence[str]) -> tuple[Workspace, str] | None:
    """The workspace and its caller; without them the remaining checks are skipped."""

    def enter() -> tuple[Workspace, str]:
        workspace = connect(ANSWER_SECONDS)
        return workspace, find_caller(workspace)

    entered = inspection.find("credentials", enter)
    if entered is None:
        inspection.skip(rest, "nobody is let into the workspace")
        return None
    workspace, user = entered
    inspection.outcomes.append(passed("credentials", f"{user} at {workspace.host}"))
    return entered


def _inspect_launched(settings: Settings, host: Host, inspection: Inspection) -> None:
    """Checks of the targets whose steps the launcher sends to a cluster."""
    of_cluster = ["python", "spark", "access mode"]
    of_libraries = ["libraries", "dagster"]
    entered = _enter_workspace(
        inspection, ["cluster", *of_cluster, *of_libraries, "staging", "landing", "lake"]
    )
    if entered is None:
        return
    workspace, user = entered
    compute = inspection.find("cluster", partial(find_compute, settings.databricks, workspace))
    if compute is None:
        inspection.skip(of_cluster, "the cluster is not known")
    else:
        inspection.judge("cluster", partial(check_cluster, "cluster", compute))
        if compute.verdict and settings.databricks.policy_id:
            inspection.judge(
                "policy", partial(check_policy, "policy", settings.databricks.policy_id, compute.verdict)
            )
        inspection.judge("python", partial(check_python, "python", compute, host))
        inspection.judge("spark", partial(check_spark, "spark", compute))
        inspection.judge("access mode", partial(check_access_mode, "access mode", compute, user))
    _inspect_libraries(settings, host, compute, workspace, inspection)
    inspection.judge("staging", lambda: check_staging("staging", make_staging(settings, workspace)))
    _inspect_places(settings, workspace, inspection)


def _inspect_libraries(
    settings: Settings, host: Host, compute: Compute | None, workspace: Workspace, inspection: Inspection
) -> None:
    databricks = settings.databricks
    runtime = find_runtime(compute.runtime) if compute else None
    python = runtime.python if runtime and compute and not compute.is_custom_image else None
    installation = inspection.find(
        "libraries",
        partial(
            survey_installation,
            databricks.libraries,
            workspace,
            python,
            databricks.cluster_id if compute else None,
        ),
    )
    if installation is None:
        inspection.skip(["dagster"], "the libraries are not known")
        return
    key = compute.runtime if compute else databricks.runtime
    inspection.judge("libraries", partial(check_libraries, "libraries", installation, key, python))
    inspection.judge("dagster", partial(check_dagster, "dagster", installation.libraries, host))


def _inspect_places(settings: Settings, workspace: Workspace, inspection: Inspection) -> None:
    places: list[tuple[str, str | Path | None, str]] = [
        ("landing", settings.landing, "INSTACART_LANDING"),
        # A catalog decides where its tables are stored.
        ("lake", settings.lake if settings.catalog is None else None, "INSTACART_LAKE"),
        ("scratch", settings.scratch, "INSTACART_SCRATCH"),
    ]
    for check, place, variable in places:
        if place is not None:
            inspection.judge(
                check,
                partial(check_place, check, place, variable, workspace, is_input=check == "landing"),
            )


def _inspect_serverless(settings: Settings, inspection: Inspection) -> None:
    """Checks of serverless compute, where asset bodies run from the wheel and no step is pickled."""
    inspection.judge("environment", partial(_check_environment, settings.databricks.environment_version))
    entered = _enter_workspace(inspection, ["libraries", "wheel", "staging", "landing", "lake"])
    if entered is None:
        return
    workspace, _ = entered
    environment = ENVIRONMENTS.get(settings.databricks.environment_version)
    python = environment.python if environment else None
    installation = inspection.find(
        "libraries", partial(survey_installation, settings.databricks.libraries, workspace, python)
    )
    if installation is None:
        inspection.skip(["wheel"], "the libraries are not known")
    else:
        inspection.judge("libraries", partial(check_libraries, "libraries", installation, None, python))
        inspection.judge("wheel", partial(check_own_wheel, "wheel", installation))
    staging = VolumeStaging(workspace, str(settings.databricks.staging))
    inspection.judge("staging", partial(check_staging, "staging", staging))
    _inspect_places(settings, workspace, inspection)


def _check_environment(version: str) -> Outcome:
    """Whether tables were tested on the Spark version of the environment's client."""
    environment = ENVIRONMENTS.get(version)
    if environment is None:
        return warned(
            "environment",
            f"what the serverless environment {version} has is not known here",
            f"set INSTACART_DATABRICKS__ENVIRONMENT_VERSION to one of {', '.join(ENVIRONMENTS)}",
        )
    where = f"the serverless environment {version} (Databricks Connect {environment.client})"
    return judge_spark("environment", environment.spark, where, "INSTACART_DATABRICKS__ENVIRONMENT_VERSION=4")
