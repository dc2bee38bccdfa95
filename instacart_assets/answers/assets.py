"""The report in Dagster: an asset at the end of the graph.

Contains everything that is specific to Dagster around ``report.py``.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pyspark.sql import SparkSession

from instacart_assets.answers.question import load_questions
from instacart_assets.answers.report import WrittenReport, write_report
from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.sessions import open_lake
from instacart_assets.settings import Settings
from instacart_assets.tables.assets import asset_key

REPORT_GROUP = "report"
"""The group of the asset, and the first part of its key."""

REPORT_KEY = dg.AssetKey([REPORT_GROUP, "answers"])

OWNERS = ("team:analytics",)

REPORT_TARGETS = frozenset({"local", "spark"})
"""Targets whose lake this process can query; in a workspace the dashboard replaces the report."""


class Reporter:
    """Writes the report of the configured lake on demand.

    Args:
        settings: the lake, and the path of the report.
        open_session: returns the engine's session.
    """

    def __init__(self, settings: Settings, open_session: Callable[[], SparkSession]) -> None:
        self._settings = settings
        self._open_session = open_session

    def write(self) -> WrittenReport:
        """Ask all questions and write the report; see ``write_report``."""
        lake = open_lake(self._settings, self._open_session)
        return write_report(lake, self._settings.report, datetime.now(UTC))


def list_sources() -> tuple[str, ...]:
    """Addresses of the tables that the questions read, in order."""
    return tuple(sorted({table for question in load_questions() for table in question.tables}))


def build_report_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The report's asset, if this process can query the lake."""
    return [_build_asset()] if settings.target in REPORT_TARGETS else []


def _build_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=REPORT_KEY,
        deps=[asset_key(table) for table in list_sources()],
        group_name=REPORT_GROUP,
        description="The questions of those who plan and buy, answered by gold: one page that opens anywhere.",
        owners=list(OWNERS),
        kinds={"html"},
        tags={"layer": REPORT_GROUP},
    )
    def answer(
        context: dg.AssetExecutionContext, reporter: dg.ResourceParam[Reporter]
    ) -> dg.MaterializeResult[Any]:
        try:
            report = reporter.write()
        except RemediableError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        for name in report.without_rows:
            context.log.info(f"no row answers {name}")
        return dg.MaterializeResult(metadata=describe_report(report))

    return answer


def describe_report(report: WrittenReport) -> dict[str, Any]:
    """The written report as metadata."""
    return {
        "path": dg.MetadataValue.path(report.path.resolve()),
        "charts": report.charts,
        "without_rows": ", ".join(report.without_rows) or "none",
        "bytes": report.size,
        "versions": dg.MetadataValue.md(
            "\n".join(f"- {table}: {one}" for table, one in report.versions.items())
        ),
    }
