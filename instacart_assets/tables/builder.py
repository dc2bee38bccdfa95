"""Builds tables with an engine that this process reaches: embedded, or on the cluster that it runs on.

Contains the builder of every target whose asset bodies run where the engine is. The builder that delegates to
serverless compute is in the package ``databricks``.
"""

from collections.abc import Callable, Sequence

import dagster as dg
from pyspark.sql import SparkSession

from instacart_assets.contracts.model import Contract
from instacart_assets.lakehouse.sessions import open_lake
from instacart_assets.landing.files import survey
from instacart_assets.places import for_python
from instacart_assets.settings import Settings
from instacart_assets.tables.build import build_table
from instacart_assets.tables.declare import Table
from instacart_assets.tables.notes import find_held
from instacart_assets.tables.result import BuildResult

FULL_TAG = "instacart/full"
"""Run tag that, if ``true``, rebuilds silver and gold from bronze, whatever has changed."""


def settings_of(context: dg.AssetExecutionContext, settings: Settings) -> Settings:
    """The settings, overridden by the tags of the run."""
    is_full = context.run.tags.get(FULL_TAG, "").lower() == "true"
    return settings.model_copy(update={"full": True}) if is_full else settings


class EngineBuilder:
    """Builds tables in this process.

    Args:
        settings: landing folder, lake and the settings that transforms ask for.
        open_session: returns the engine's session; called when the first table is built.
    """

    def __init__(self, settings: Settings, open_session: Callable[[], SparkSession]) -> None:
        self._settings = settings
        self._open_session = open_session

    def build(
        self, table: Table, landed: Sequence[Contract], context: dg.AssetExecutionContext
    ) -> BuildResult:
        """Build and publish the next version of a table; see ``build_table``."""
        settings = settings_of(context, self._settings)
        lake = open_lake(settings, self._open_session)
        if landed:
            survey(for_python(settings.landing), landed, find_held(lake, landed))
        return build_table(table, lake, settings, context.run.run_id)
