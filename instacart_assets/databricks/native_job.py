"""A Databricks job of the whole graph, without a Dagster deployment: a task for each table, in the graph's order.

Here lives the job's description, made from the tables and written nowhere else. A bundle loads it by
``load_resources``; the command that its tasks run is ``instacart_assets.task``.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from instacart_assets.databricks.wheel import ENTRY_POINT, ENVIRONMENT, PACKAGE
from instacart_assets.graph import all_tables
from instacart_assets.tables.declare import Table

if TYPE_CHECKING:
    from databricks.bundles.core import Bundle, Resources
    from databricks.bundles.jobs import JobDict

JOB = "instacart_lakehouse"

PARAMETERS = {
    "landing": "INSTACART_LANDING",
    "catalog": "INSTACART_CATALOG",
    "schema_prefix": "INSTACART_SCHEMA_PREFIX",
    "scratch": "INSTACART_SCRATCH",
}
"""Parameters of the job, and the setting that each is for its tasks; a bundle's variables have the same names."""


def name_task(address: str) -> str:
    """The key of the task that builds the table at ``layer.table``."""
    return address.replace(".", "__")


def describe_job(tables: Iterable[Table], wheel: str) -> dict[str, Any]:
    """The job as the Jobs API has it, on serverless compute.

    Args:
        tables: the graph.
        wheel: path of the project's wheel, as a bundle or a volume has it.
    """
    return {
        "name": "Instacart lakehouse",
        "description": "Every table from the landed files to gold, one task each; made from the asset graph.",
        "max_concurrent_runs": 1,
        "parameters": [{"name": name, "default": f"${{var.{name}}}"} for name in PARAMETERS],
        "tasks": [describe_task(table) for table in tables],
        "environments": [
            {
                "environment_key": ENVIRONMENT,
                "spec": {"environment_version": "4", "dependencies": [wheel]},
            }
        ],
    }


def describe_task(table: Table) -> dict[str, Any]:
    """The task that builds one table, after those that it is built from."""
    settings = [
        word
        for name, variable in PARAMETERS.items()
        for word in ("--set", f"{variable}={{{{job.parameters.{name}}}}}")
    ]
    return {
        "task_key": name_task(table.address),
        "description": table.contract.title,
        "depends_on": [{"task_key": name_task(address)} for address in table.dependencies],
        "environment_key": ENVIRONMENT,
        "python_wheel_task": {
            "package_name": PACKAGE,
            "entry_point": ENTRY_POINT,
            "parameters": ["--select", table.address, "--run-id", "{{job.run_id}}", *settings],
        },
    }


def load_resources(bundle: "Bundle") -> "Resources":  # noqa: ARG001 - a bundle calls it so
    """What a bundle's Python support asks for: the job, under its own name."""
    from databricks.bundles.core import Resources  # noqa: PLC0415 - its licence keeps it out of what is installed
    from databricks.bundles.jobs import Job  # noqa: PLC0415 - as above

    described = describe_job(all_tables(), "./dist/*.whl")
    resources = Resources()  # type: ignore[no-untyped-call] # the library has no types there
    resources.add_job(JOB, Job.from_dict(cast("JobDict", described)))
    return resources
