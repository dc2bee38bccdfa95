"""Where there is nothing to ask, and where the report is no part of the graph."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from instacart_assets.answers.assets import REPORT_KEY, Reporter, build_report_assets, list_sources
from instacart_assets.answers.report import write_report
from instacart_assets.definitions import build_defs
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.lake import TableMissingError
from instacart_assets.settings import DatabricksSettings, Settings
from instacart_assets.tables.assets import table_address


def open_nothing() -> None:
    raise AssertionError("no session is needed to see that there is nothing")


def test_tables_that_were_never_published_are_told_with_the_run_that_makes_them(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path / "lake", open_nothing, 1.0)  # type: ignore[arg-type] # it is never asked
    with pytest.raises(TableMissingError, match=r'instacart run --select "\+gold\..* or \+gold\.'):
        write_report(lake, tmp_path / "report.html", datetime.now(UTC))
    assert not (tmp_path / "report.html").exists()


def test_the_asset_fails_with_the_same_words_and_is_not_tried_again(tmp_path: Path) -> None:
    settings = Settings(lake=tmp_path / "lake", report=tmp_path / "report.html")
    reporter = Reporter(settings, open_nothing)  # type: ignore[arg-type] # see above
    with pytest.raises(dg.Failure, match="instacart run --select") as failed:
        dg.materialize(build_report_assets(settings), resources={"reporter": reporter})
    assert failed.value.allow_retries is False


def test_the_report_follows_the_tables_that_its_questions_read() -> None:
    node = build_defs().resolve_asset_graph().get(REPORT_KEY)
    assert tuple(sorted(table_address(key) for key in node.parent_keys)) == list_sources()
    assert node.automation_condition is not None
    assert all(address.startswith("gold.") for address in list_sources())


def test_in_a_workspace_the_dashboard_takes_its_place() -> None:
    staging = DatabricksSettings(staging="/Volumes/main/ops/staging")
    for target in ("databricks_uc", "databricks_remote", "serverless"):
        assert build_report_assets(Settings(target=target, lake="dbfs:/lake", databricks=staging)) == []
    assert len(build_report_assets(Settings(target="spark"))) == 1
