"""Suites of Great Expectations, and what validating by them does not do."""

import os
import subprocess
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from instacart_assets.contracts.rules import compile_rules
from instacart_assets.quality.expectations import compile_suite, validate_rows
from instacart_assets_tests.small_contracts import make_column, make_contract, make_rule

THINGS = make_contract(
    make_column("thing_id", "int", required=True),
    make_column("price", "double"),
    rules=(
        make_rule("cheap", "price < 10", severity="warn"),
        make_rule("few", "count(*) < 3", scope="table"),
        make_rule("alone", "SELECT * FROM {batch} WHERE thing_id > 2", scope="query"),
    ),
)
PROJECT = Path(__file__).parents[2]


def test_every_rule_is_an_expectation_that_names_it() -> None:
    suite = compile_suite(THINGS, compile_rules(THINGS))
    assert suite.name == "silver.things"
    assert [
        (expectation.meta, expectation.severity, expectation.expectation_type)
        for expectation in suite.expectations
        if expectation.meta
    ] == [
        (
            {"rule": "key_is_unique", "severity": "block", "dimension": "uniqueness"},
            "critical",
            "finds_nothing",
        ),
        (
            {"rule": "thing_id_is_filled", "severity": "block", "dimension": "completeness"},
            "critical",
            "expect_column_values_to_not_be_null",
        ),
        (
            {"rule": "cheap", "severity": "warn", "dimension": "conformity"},
            "warning",
            "expect_column_values_to_be_in_set",
        ),
        ({"rule": "few", "severity": "block", "dimension": "conformity"}, "critical", "finds_nothing"),
        ({"rule": "alone", "severity": "block", "dimension": "conformity"}, "critical", "finds_nothing"),
    ]


def test_results_come_in_the_order_of_the_rules(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(1, 1.0), (3, 20.0)], "thing_id int, price double")
    rules = compile_rules(THINGS)[::-1]
    validated = validate_rows(rows, THINGS, rules)
    assert [(rule.id, success) for rule, _, success in validated] == [
        ("alone", False),
        ("few", True),
        ("cheap", False),
        ("thing_id_is_filled", True),
        ("key_is_unique", True),
    ]


VALIDATE_QUIETLY = """
import socket, sys

def guard(name, holder):
    original = getattr(holder, name)
    def guarded(*arguments, **named):
        target = arguments[-1] if name == "connect" else arguments[0]
        host = str(target[0] if isinstance(target, tuple) else target)
        if not host.startswith(("127.", "localhost", "::1")):
            print(f"reached for {host}", file=sys.stderr, flush=True)
            raise OSError(host)
        return original(*arguments, **named)
    setattr(holder, name, guarded)

guard("connect", socket.socket)
guard("getaddrinfo", socket)
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.lakehouse.sessions import open_session
from instacart_assets.quality.expectations import validate_rows
from instacart_assets_tests.quality.test_expectations import THINGS
rows = open_session().createDataFrame([(1, 1.0)], "thing_id int, price double")
print(sum(success for _, _, success in validate_rows(rows, THINGS, compile_rules(THINGS))))
"""


def test_validating_reaches_for_no_host_and_leaves_no_file(tmp_path: Path) -> None:
    validated = subprocess.run(
        [sys.executable, "-c", VALIDATE_QUIETLY],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("GX_")}
        | {"PYTHONPATH": str(PROJECT)},
    )
    assert validated.returncode == 0, validated.stderr
    assert validated.stdout.strip() == "5"
    assert "reached for" not in validated.stderr
    assert list(tmp_path.iterdir()) == []
