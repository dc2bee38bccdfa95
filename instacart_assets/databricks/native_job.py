"""A Databricks job of the whole graph, without a Dagster deployment: a task for each table, in the graph's order.

The job's description is generated from the tables and written nowhere else. A bundle loads it through
``load_resources``; the command that its tasks run is ``instacart_assets.task``. What differs between targets of the
bundle is set by variables and by the target's mode, which pauses the trigger in development.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from instacart_assets.contracts.model import LANDING
from instacart_assets.databricks.wheel import ENTRY_POINT, ENVIRONMENT, PACKAGE
from instacart_assets.graph import all_tables
from instacart_assets.settings import DatabricksSettings
from instacart_assets.tables.declare import Table

if TYPE_CHECKING:
    from databricks.bundles.core import Bundle, Resources
    from databricks.bundles.jobs import JobDict

JOB = "instacart_lakehouse"

WHEEL = "./dist/*.whl"
"""Path of the project's wheel in a bundle."""

PARAMETERS = {
    "landing": "INSTACART_LANDING",
    "catalog": "INSTACART_CATALOG",
    "schema_prefix": "INSTACART_SCHEMA_PREFIX",
    "scratch": "INSTACART_SCRATCH",
}
"""Parameters of the job, and the setting that each becomes for its tasks; a bundle's variables have the same names."""

RUN_PARAMETERS = {"full": ("INSTACART_FULL", "false"), "as_of": ("INSTACART_AS_OF", "")}
"""Parameters that a single run can override: the setting and its default."""

OPERATORS = "team:data-engineering"
"""Who is notified when a run fails or takes long, whoever owns the table."""

TAGS = {"project": "instacart"}
"""Tags to find every job by and to attribute its costs; a bundle's target adds its own."""

QUIET_SECONDS = 60
"""Least time without a landed file before a run starts, and between two starts; Databricks accepts no less."""

TASK_SECONDS, RUN_SECONDS = 2 * 60 * 60, 4 * 60 * 60
"""Time after which a task, and a run, is cancelled."""

LONG_SECONDS = 60 * 60
"""Time after which the operators are notified that a run takes long."""

RETRY_MILLISECONDS = 60_000


def name_task(address: str) -> str:
    """The key of the task that builds the table at ``layer.table``."""
    return address.replace(".", "__")


def name_mailbox(owner: str) -> str:
    """The e-mail address of an owner: its own, or for a team the bundle variable that holds it.

    Args:
        owner: an e-mail address, or ``team:name``.
    """
    team = owner.removeprefix("team:").replace("-", "_")
    return owner if "@" in owner else f"${{var.{team}_email}}"


def describe_job(tables: Iterable[Table], wheel: str = WHEEL) -> dict[str, Any]:
    """The job in the Jobs API's form, on serverless compute, triggered by landed files.

    Args:
        tables: the graph.
        wheel: path of the project's wheel, in a bundle or a volume.
    """
    return {
        "name": "Instacart lakehouse",
        "description": "Every table from the landed files to gold, one task each; made from the asset graph.",
        **describe_watch(RUN_SECONDS),
        "trigger": describe_trigger("${var.landing}"),
        "parameters": describe_parameters(
            PARAMETERS, {name: usual for name, (_, usual) in RUN_PARAMETERS.items()}
        ),
        "tasks": [describe_task(table) for table in tables],
        "environments": describe_environments(wheel),
    }


def describe_watch(run_seconds: int) -> dict[str, Any]:
    """What every job of the lakehouse has: one run at a time, a timeout and notifications.

    Args:
        run_seconds: time after which a run is cancelled.
    """
    operators = [name_mailbox(OPERATORS)]
    return {
        "tags": dict(TAGS),
        "max_concurrent_runs": 1,
        # A trigger that fires during a run is not skipped: its run waits in the queue.
        "queue": {"enabled": True},
        "timeout_seconds": run_seconds,
        "health": {
            "rules": [{"metric": "RUN_DURATION_SECONDS", "op": "GREATER_THAN", "value": LONG_SECONDS}]
        },
        "email_notifications": {
            "on_failure": operators,
            "on_duration_warning_threshold_exceeded": operators,
        },
        "notification_settings": {"no_alert_for_skipped_runs": True, "no_alert_for_canceled_runs": True},
    }


def describe_parameters(variables: Iterable[str], usual: Mapping[str, str]) -> list[dict[str, str]]:
    """Parameters of a job: those set by bundle variables of the same name, and others with their defaults."""
    defaults = {name: f"${{var.{name}}}" for name in variables} | dict(usual)
    return [{"name": name, "default": default} for name, default in defaults.items()]


def describe_environments(wheel: str) -> list[dict[str, Any]]:
    """The serverless environment that tasks run in, with the project's wheel."""
    version = DatabricksSettings().environment_version
    return [
        {
            "environment_key": ENVIRONMENT,
            "spec": {"environment_version": version, "dependencies": [wheel]},
        }
    ]


def describe_trigger(watched: str) -> dict[str, Any]:
    """The trigger that starts the job once files have landed in or below a folder and no more follow at once."""
    return {
        "file_arrival": {
            "url": f"{watched.rstrip('/')}/",
            "min_time_between_triggers_seconds": QUIET_SECONDS,
            "wait_after_last_change_seconds": QUIET_SECONDS,
        },
    }


def describe_task(table: Table) -> dict[str, Any]:
    """The task that builds one table, after its sources; the table's owner is notified when it fails."""
    variables = PARAMETERS | {name: variable for name, (variable, _) in RUN_PARAMETERS.items()}
    owners = [name_mailbox(owner) for owner in table.contract.owners if owner != OPERATORS]
    return {
        "task_key": name_task(table.address),
        "description": table.contract.title,
        "depends_on": [
            {"task_key": name_task(address)}
            for address in table.dependencies
            if not address.startswith(f"{LANDING}.")
        ],
        **describe_command(["--select", table.address], variables),
        **({"email_notifications": {"on_failure": owners}} if owners else {}),
    }


def describe_command(words: list[str], variables: Mapping[str, str]) -> dict[str, Any]:
    """The part of a task that runs the wheel's command, and retries it once after a minute.

    Args:
        words: arguments of the command.
        variables: settings, by the job parameters that set them.
    """
    settings = [
        word
        for name, variable in variables.items()
        for word in ("--set", f"{variable}={{{{job.parameters.{name}}}}}")
    ]
    return {
        "environment_key": ENVIRONMENT,
        "python_wheel_task": {
            "package_name": PACKAGE,
            "entry_point": ENTRY_POINT,
            "parameters": [*words, "--run-id", "{{job.run_id}}", *settings],
        },
        "timeout_seconds": TASK_SECONDS,
        "max_retries": 1,
        "min_retry_interval_millis": RETRY_MILLISECONDS,
        "retry_on_timeout": False,
        # Serverless compute would retry by itself, even what a rule has refused.
        "disable_auto_optimization": True,
        "notification_settings": {"alert_on_last_attempt": True},
    }


def load_resources(bundle: "Bundle") -> "Resources":  # noqa: ARG001 - the bundle passes it
    """What a bundle's Python support loads: the job, under its own name."""
    return hold_jobs({JOB: describe_job(all_tables())})


def hold_jobs(described: Mapping[str, Mapping[str, Any]]) -> "Resources":
    """Jobs by name, in the form that a bundle loads."""
    from databricks.bundles.core import Resources  # noqa: PLC0415 - not installed with the package, for its licence
    from databricks.bundles.jobs import Job  # noqa: PLC0415 - as above

    resources = Resources()  # type: ignore[no-untyped-call] # the library has no types there
    for name, job in described.items():
        resources.add_job(name, Job.from_dict(cast("JobDict", job)))
    return resources
