"""The only place where things are wired: tables, resources and jobs become Dagster definitions.

Here lives assembly and nothing else. Loading this module opens no session and reaches no network; tests and
other doors call ``build_defs`` with settings and resources of their own.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from instacart_assets import gold, silver
from instacart_assets.bronze.landed import make_bronze_tables
from instacart_assets.contracts.load import contracts_of
from instacart_assets.lakehouse.sessions import make_spark
from instacart_assets.settings import Settings, load_settings
from instacart_assets.tables.assets import build_assets, build_landed_assets
from instacart_assets.tables.builder import EngineBuilder
from instacart_assets.tables.declare import Table, find_tables

WHOLE_GRAPH_JOB = "materialise_lakehouse"


def all_tables() -> tuple[Table, ...]:
    """Every table of the product, by layer and name."""
    return (*make_bronze_tables(), *find_tables(silver), *find_tables(gold))


def build_defs(
    settings: Settings | None = None, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """The whole code location.

    Args:
        settings: by default those of the environment.
        resource_overrides: resources to use in place of the standard ones, by name.
    """
    return dg.Definitions(
        assets=[*build_landed_assets(contracts_of("bronze")), *build_assets(all_tables())],
        resources={**make_resources(settings or load_settings()), **(resource_overrides or {})},
        jobs=[
            dg.define_asset_job(
                WHOLE_GRAPH_JOB,
                selection=dg.AssetSelection.all(),
                description="Every table from the landed files to gold.",
            )
        ],
        # One process pays the imports once; a process per step would pay them for each table.
        executor=dg.in_process_executor,
    )


def make_resources(settings: Settings) -> dict[str, Any]:
    """What tables are built with on the target of the settings; nothing is started or imported for another."""
    spark = make_spark(settings.target, settings.spark)
    return {
        "spark": spark,
        "builder": EngineBuilder(settings, lambda: spark.spark_session),
        "pyspark_step_launcher": dg.ResourceDefinition.none_resource(),
    }


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads: the code location with the settings of the environment."""
    return build_defs()
