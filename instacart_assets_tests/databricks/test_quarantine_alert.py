"""The alert of open quarantine rows: what it counts, asked of tables with rows in them."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.quarantine import quarantine_address
from instacart_assets.databricks.quarantine_alert import ALERT, OPEN_ROWS, SCHEMA, describe_alert, spell_query
from instacart_assets_tests.databricks.test_native_job import build_bundle


@pytest.fixture
def answers(spark: SparkSession) -> dict[str, int]:
    """What the query says where two rows of orders are open, and one line of products; else only resolved ones."""
    spark.sql("CREATE SCHEMA IF NOT EXISTS alert_quarantine")
    for contract in load_contracts().values():
        if contract.has_quarantine:
            address = quarantine_address(contract)
            is_open = {"quarantine.orders": 2, "quarantine.products__lines": 1}.get(address, 0)
            rows = [("open",)] * is_open + [("resolved",)]
            view = f"waiting_{address.partition('.')[2]}"
            spark.createDataFrame(rows, "status string").createOrReplaceTempView(view)
    sql = spell_query().replace(f"{SCHEMA}.`", "`waiting_")
    return {row["quarantine"]: row[OPEN_ROWS] for row in spark.sql(sql).collect()}


def test_open_rows_of_every_quarantine_are_counted(answers: dict[str, int]) -> None:
    refusing = {
        quarantine_address(contract) for contract in load_contracts().values() if contract.has_quarantine
    }
    assert set(answers) == refusing
    counted = {address: rows for address, rows in answers.items() if rows}
    assert counted == {"quarantine.orders": 2, "quarantine.products__lines": 1}
    assert next(iter(answers)) == "quarantine.orders"


def test_it_is_raised_by_a_single_row() -> None:
    evaluation = describe_alert()["evaluation"]
    assert evaluation["source"] == {"name": OPEN_ROWS, "aggregation": "SUM"}
    assert evaluation["comparison_operator"] == "GREATER_THAN"
    assert evaluation["threshold"] == {"value": {"double_value": 0}}


def test_a_bundle_takes_it(tmp_path: Path) -> None:
    loader = "instacart_assets.databricks.quarantine_alert:load_resources"
    assert build_bundle(tmp_path, loader)["alerts"][ALERT]["query_text"] == spell_query()
