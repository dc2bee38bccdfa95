"""What the parity tests ask of an engine, and the process that answers for Apache Spark.

A process has one kind of session. The embedded engine answers in the tests' own process; each Spark in a process
of its own, with a Python of its own perhaps, that reads requests and writes answers, a line of JSON each. Here
lives nothing of what an answer should be.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import dagster as dg
import pyspark
from pyspark.sql import functions as F
from pyspark.sql.types import DateType

from instacart_assets.definitions import build_defs
from instacart_assets.lakehouse.lake import Lakehouse
from instacart_assets.lakehouse.query import run_query
from instacart_assets.lakehouse.sessions import open_lake, open_session
from instacart_assets.runs import QUIET, select_tables
from instacart_assets.settings import Settings, Target
from instacart_assets.silver import parsing
from instacart_assets_tests.drops.follow import build_graph

Answer = Any

CASES = Path(__file__).parent / "on_spark"

SPARK_CONFIG = {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.databricks.delta.writeChecksumFile.enabled": "false",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC",
}
"""Small data are planned and compiled for longer than they are worked on: no code is made for them."""

PASSING = {"run_id", "candidate", "failing_sample"}
"""What a check says that differs between runs that are the same."""


def build_tables(target: Target, landing: str, lake: str, selection: str | None = None) -> Answer:
    """What became of each check and each table of a run; the tables are in the lake."""
    settings = _settings(target, landing=Path(landing), lake=Path(lake))
    defs = build_defs(settings)
    with dg.DagsterInstance.ephemeral(settings={"telemetry": {"enabled": False}}) as instance:
        done = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            asset_selection=select_tables(defs, selection),
            run_config=QUIET,
            raise_on_error=False,
        )
    failures = (event for event in done.all_events if event.is_step_failure)
    return {
        "errors": {event.step_key: _tell_error(event.step_failure_data.error) for event in failures},
        "checks": {
            f"{'.'.join(check.asset_key.path)} {check.check_name}": {
                "passed": check.passed,
                **{name: said.value for name, said in check.metadata.items() if name not in PASSING},
            }
            for check in done.get_asset_check_evaluations()
        },
        "made": {
            ".".join(made.asset_key.path): made.metadata["dagster/row_count"].value
            for event in done.get_asset_materialization_events()
            for made in [event.step_materialization_data.materialization]
        },
    }


def follow_landing(target: Target, landing: str, lake: str) -> Answer:
    """What each table of the graph is made of anew after files have landed, without Dagster."""
    settings = _settings(target, landing=Path(landing), lake=Path(lake))
    results = build_graph(_open(target, lake), settings, "run")
    return {
        address: {
            "rows": result.rows,
            "is_published": result.version is not None,
            "made": result.notes["made"],
            "checks": {outcome.rule.id: outcome.passed for outcome in result.outcomes},
        }
        for address, result in results.items()
    }


def _tell_error(error: Any) -> str:
    """The message of the innermost error."""
    while error.cause is not None:
        error = error.cause
    return str(error.message)[:4_000]


def ask_lake(target: Target, lake: str, sql: str) -> Answer:
    """The answer to a query, as rows."""
    return run_query(_open(target, lake), sql).to_pylist()


def parse_texts(target: Target, texts: list[str]) -> Answer:
    """What each function over one column makes of texts."""
    rows = open_session(target, SPARK_CONFIG).createDataFrame([(text,) for text in texts], "text string")
    named = {name: parse for name, parse in vars(parsing).items() if name.startswith(("parse_", "clean_"))}
    parsed = rows.select("text", *(parse(F.col("text")).alias(name) for name, parse in named.items()))
    # As days since 1970: engines know dates that Python does not.
    days = [
        F.datediff(field.name, F.lit("1970-01-01")).alias(field.name)
        if field.dataType == DateType()
        else field.name
        for field in parsed.schema
    ]
    return {row["text"]: repr(row) for row in parsed.select(*days).collect()}


def read_version(target: Target, lake: str, address: str, version: int) -> Answer:
    """Rows of a version of a table, in an order of their own."""
    return sorted(repr(tuple(row)) for row in _open(target, lake).read(address, version).collect())


def tell_state(target: Target, lake: str, address: str, note: str) -> Answer:
    """The version of a table, its rows, and what its versions noted under a name."""
    opened = _open(target, lake)
    return [opened.find_version(address), opened.count_rows(address), opened.read_notes(address, note, 10)]


def run_cases(target: Target, folder: str) -> Answer:
    """Exit status and report of pytest on the cases for Spark, in this process."""
    import pytest  # noqa: PLC0415 - only this request needs it

    open_session(target, SPARK_CONFIG)
    said, own = StringIO(), sys.stdout
    sys.stdout = said
    try:
        options = [
            "-q",
            "-ra",
            "-p",
            "no:cacheprovider",
            "-o",
            "python_files=cases_*.py",
            f"--basetemp={folder}",
        ]
        status = pytest.main([*options, str(CASES)])
    finally:
        sys.stdout = own
    return [int(status), said.getvalue()]


def start(target: Target) -> Answer:
    """The version of Spark; its session is open."""
    open_session(target, SPARK_CONFIG).sql("SELECT 1").collect()
    return pyspark.__version__


REQUESTS: Mapping[str, Callable[..., Answer]] = {
    request.__name__: request
    for request in (
        build_tables,
        follow_landing,
        parse_texts,
        ask_lake,
        read_version,
        tell_state,
        run_cases,
        start,
    )
}


def _settings(target: Target, **chosen: Any) -> Settings:
    return Settings(target=target, spark=SPARK_CONFIG, **chosen)


def _open(target: Target, lake: str) -> Lakehouse:
    settings = _settings(target, lake=Path(lake))
    return open_lake(settings, lambda: open_session(target, SPARK_CONFIG))


def serve() -> None:
    """Answer until nobody asks any more. What the process prints goes where its errors go."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        name, given = json.loads(line)
        try:
            said = {"answer": REQUESTS[name]("spark", **given)}
        except Exception as error:  # noqa: BLE001 - whoever asked is to know of any
            said = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(said, default=str) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
