"""The only place where things are wired: tables, resources, jobs and automation become Dagster definitions.

Contains assembly and nothing else. Loading this module opens no session and uses no network; tests and
other entry points call ``build_defs`` with their own settings and resources.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from instacart_assets.answers.assets import Reporter, build_report_assets
from instacart_assets.automation.build import build_automation
from instacart_assets.automation.conditions import add_conditions, add_following
from instacart_assets.contracts.load import contracts_of
from instacart_assets.databricks.resource import make_launcher_resource
from instacart_assets.databricks.serverless import ServerlessBuilder
from instacart_assets.graph import all_tables
from instacart_assets.lakehouse.sessions import make_spark
from instacart_assets.maintenance.assets import (
    MAINTENANCE_SELECTION,
    LakeKeeper,
    build_maintenance_assets,
    build_maintenance_job,
)
from instacart_assets.settings import Settings, load_settings
from instacart_assets.tables.assets import Builder, build_assets, build_landed_assets
from instacart_assets.tables.builder import FULL_TAG, EngineBuilder
from instacart_assets.tables.links import add_links

WHOLE_GRAPH_JOB, REBUILD_JOB = "materialise_lakehouse", "rebuild_lakehouse"


def build_defs(
    settings: Settings | None = None, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """The complete code location.

    Args:
        settings: by default those of the environment.
        resource_overrides: resources to use in place of the standard ones, by name.
    """
    settings = settings or load_settings()
    tables = all_tables()
    automation = build_automation(settings, tables, WHOLE_GRAPH_JOB)
    return dg.Definitions(
        assets=[
            *build_landed_assets(contracts_of("bronze")),
            *add_links(add_conditions(build_assets(tables), tables), tables, settings.links),
            *(add_following(report, tables) for report in build_report_assets(settings)),
            *build_maintenance_assets(),
        ],
        resources={**make_resources(settings), **(resource_overrides or {})},
        jobs=[
            dg.define_asset_job(
                WHOLE_GRAPH_JOB,
                selection=dg.AssetSelection.all() - MAINTENANCE_SELECTION,
                description="Every table from the landed files to gold, and the report.",
            ),
            dg.define_asset_job(
                REBUILD_JOB,
                selection=dg.AssetSelection.all() - MAINTENANCE_SELECTION,
                description="The same, with silver and gold rebuilt from bronze, whatever has changed.",
                tags={FULL_TAG: "true"},
            ),
            build_maintenance_job(),
        ],
        sensors=automation.sensors,
        schedules=automation.schedules,
        # A single process imports everything once; a process per step would do so for each table.
        executor=dg.in_process_executor,
    )


def make_resources(settings: Settings) -> dict[str, Any]:
    """The resources that tables are built with on the settings' target; nothing is started for other targets."""
    spark = make_spark(settings.target, settings.spark)
    return {
        "spark": spark,
        "builder": make_builder(settings, spark),
        "keeper": LakeKeeper(settings, lambda: spark.spark_session),
        "reporter": Reporter(settings, lambda: spark.spark_session),
        "pyspark_step_launcher": make_launcher_resource(settings),
    }


def make_builder(settings: Settings, spark: Any) -> Builder:
    """What builds a table: this process, or serverless compute on its request."""
    if settings.target == "serverless":
        return ServerlessBuilder(settings)
    return EngineBuilder(settings, lambda: spark.spark_session)


def define_whole_graph() -> dg.JobDefinition:
    """The job of all assets, with settings from the environment; a process that runs a step loads it by name."""
    return build_defs().resolve_job_def(WHOLE_GRAPH_JOB)


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads: the code location with settings from the environment."""
    return build_defs()
