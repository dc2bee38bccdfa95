"""A Databricks job of the whole graph, without a Dagster deployment: a task for each table, in the graph's order.

Here lives the job's description, made from the tables and written nowhere else. A bundle loads it by
``load_resources``, or by ``load_watching_resources`` with a trigger that starts it when files land; the command that its
tasks run is ``instacart_assets.task``.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from instacart_assets.contracts.model import LANDING
from instacart_assets.databricks.wheel import ENTRY_POINT, ENVIRONMENT, PACKAGE
from instacart_assets.graph import all_tables
from instacart_assets.tables.declare import Table

if TYPE_CHECKING:
    from databricks.bundles.core import Bundle, Resources
    from databricks.bundles.jobs import JobDict

JOB = "instacart_lakehouse"

WHEEL = "./dist/*.whl"
"""Where a bundle has the project's wheel."""

PARAMETERS = {
    "landing": "INSTACART_LANDING",
    "catalog": "INSTACART_CATALOG",
    "schema_prefix": "INSTACART_SCHEMA_PREFIX",
    "scratch": "INSTACART_SCRATCH",
}
"""Parameters of the job, and the setting that each is for its tasks; a bundle's variables have the same names."""

RUN_PARAMETERS = {"full": ("INSTACART_FULL", "false"), "as_of": ("INSTACART_AS_OF", "")}
"""Parameters that a single run is started with where it is to be another than usual: the setting and what it is else."""

QUIET_SECONDS = 60
"""So long nothing must have landed before a run starts, and between two starts; Databricks takes no less."""


def name_task(address: str) -> str:
    """The key of the task that builds the table at ``layer.table``."""
    return address.replace(".", "__")


def describe_job(tables: Iterable[Table], wheel: str, watched: str | None = None) -> dict[str, Any]:
    """The job as the Jobs API has it, on serverless compute.

    Args:
        tables: the graph.
        wheel: path of the project's wheel, as a bundle or a volume has it.
        watched: folder of a volume in which a new file starts the job; None where nothing starts it by itself.
    """
    defaults = {name: f"${{var.{name}}}" for name in PARAMETERS}
    defaults |= {name: default for name, (_, default) in RUN_PARAMETERS.items()}
    trigger = {} if watched is None else {"trigger": describe_trigger(watched)}
    return {
        **trigger,
        "name": "Instacart lakehouse",
        "description": "Every table from the landed files to gold, one task each; made from the asset graph.",
        "max_concurrent_runs": 1,
        # A file that lands while a run is under way is taken in by the next one, which waits and is not passed over.
        "queue": {"enabled": True},
        "parameters": [{"name": name, "default": default} for name, default in defaults.items()],
        "tasks": [describe_task(table) for table in tables],
        "environments": [
            {
                "environment_key": ENVIRONMENT,
                "spec": {"environment_version": "4", "dependencies": [wheel]},
            }
        ],
    }


def describe_trigger(watched: str) -> dict[str, Any]:
    """What starts the job when a new file has landed in a folder, or in one below it, and no other follows at once."""
    return {
        "pause_status": "UNPAUSED",
        "file_arrival": {
            "url": f"{watched.rstrip('/')}/",
            "min_time_between_triggers_seconds": QUIET_SECONDS,
            "wait_after_last_change_seconds": QUIET_SECONDS,
        },
    }


def describe_task(table: Table) -> dict[str, Any]:
    """The task that builds one table, after those that it is built from."""
    variables = PARAMETERS | {name: variable for name, (variable, _) in RUN_PARAMETERS.items()}
    settings = [
        word
        for name, variable in variables.items()
        for word in ("--set", f"{variable}={{{{job.parameters.{name}}}}}")
    ]
    return {
        "task_key": name_task(table.address),
        "description": table.contract.title,
        "depends_on": [
            {"task_key": name_task(address)}
            for address in table.dependencies
            if not address.startswith(f"{LANDING}.")
        ],
        "environment_key": ENVIRONMENT,
        "python_wheel_task": {
            "package_name": PACKAGE,
            "entry_point": ENTRY_POINT,
            "parameters": ["--select", table.address, "--run-id", "{{job.run_id}}", *settings],
        },
    }


def load_resources(bundle: "Bundle") -> "Resources":  # noqa: ARG001 - a bundle calls it so
    """What a bundle's Python support asks for: the job, under its own name."""
    return _hold(describe_job(all_tables(), WHEEL))


def load_watching_resources(bundle: "Bundle") -> "Resources":  # noqa: ARG001 - a bundle calls it so
    """The same job, started by files that land in the folder of its parameter ``landing``."""
    return _hold(describe_job(all_tables(), WHEEL, "${var.landing}"))


def _hold(described: dict[str, Any]) -> "Resources":
    from databricks.bundles.core import Resources  # noqa: PLC0415 - its licence keeps it out of what is installed
    from databricks.bundles.jobs import Job  # noqa: PLC0415 - as above

    resources = Resources()  # type: ignore[no-untyped-call] # the library has no types there
    resources.add_job(JOB, Job.from_dict(cast("JobDict", described)))
    return resources
