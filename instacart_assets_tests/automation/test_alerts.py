"""Counting failures, and what is said of them."""

import json
from dataclasses import replace

import pytest

from instacart_assets.automation.alerts import (
    MOST_SECTIONS,
    Alert,
    Finding,
    Streaks,
    write_slack,
    write_webhook,
)

ALERT = Alert(
    kind="check failed",
    subject="silver.orders",
    rule="hour_is_in_day",
    observed="the hour is 0 to 23 (failed_rows 3) <b> & more",
    owners=("team:sales", "team:data"),
    remedy="instacart quarantine show silver.orders",
    run_id="1234",
)
GOOD = Finding("silver.orders", "hour_is_in_day", None, "5678", ("team:sales",))
BAD = replace(GOOD, problem=ALERT)


def count(findings: list[Finding], threshold: int) -> list[tuple[str, int]]:
    """Kind and failures in a row of each alert, with a memory that is written and read in between."""
    streaks = Streaks()
    told = []
    for finding in findings:
        told += streaks.count([finding], threshold)
        streaks = Streaks(**json.loads(json.dumps({"counts": streaks.counts, "told": streaks.told})))
    return [(alert.kind, alert.failures) for alert in told]


@pytest.mark.parametrize(
    ("findings", "threshold", "told"),
    [
        ([GOOD, GOOD], 1, []),
        ([BAD], 1, [("check failed", 1)]),
        ([BAD, BAD, BAD], 1, [("check failed", 1)]),
        ([BAD, BAD], 3, []),
        ([BAD, BAD, BAD], 3, [("check failed", 3)]),
        ([BAD, BAD, GOOD, BAD, BAD], 3, []),
        ([BAD, GOOD], 2, []),
        ([BAD, GOOD, GOOD], 1, [("check failed", 1), ("recovered", 0)]),
        ([BAD, GOOD, BAD], 1, [("check failed", 1), ("recovered", 0), ("check failed", 1)]),
    ],
)
def test_an_alert_comes_once_at_the_threshold_and_is_taken_back(
    findings: list[Finding], threshold: int, told: list[tuple[str, int]]
) -> None:
    assert count(findings, threshold) == told


def test_rules_and_tables_are_counted_apart() -> None:
    others = [replace(BAD, rule="other"), replace(BAD, subject="gold.dim_date")]
    assert count([BAD, *others], 2) == []


def test_a_webhook_gets_everything() -> None:
    said = write_webhook([ALERT], "prod", "https://dagster.example/")
    (alert,) = said["alerts"]
    assert said["environment"] == "prod"
    assert alert["run_url"] == "https://dagster.example/runs/1234"
    assert {name: alert[name] for name in ("subject", "rule", "owners", "remedy", "run_id")} == {
        "subject": "silver.orders",
        "rule": "hour_is_in_day",
        "owners": ("team:sales", "team:data"),
        "remedy": "instacart quarantine show silver.orders",
        "run_id": "1234",
    }
    assert write_webhook([ALERT], "prod", None)["alerts"][0]["run_url"] is None


def test_slack_gets_a_text_and_a_section_for_each() -> None:
    said = write_slack([ALERT, ALERT], "prod", "https://dagster.example")
    assert "silver.orders check failed: hour_is_in_day" in said["text"]
    _, section, _ = said["blocks"]
    text = section["text"]["text"]
    for part in ("silver.orders", "hour_is_in_day", "failed_rows 3", "team:sales", "quarantine show", "prod"):
        assert part in text or part == "prod"
    assert "<https://dagster.example/runs/1234|1234>" in text
    assert "&lt;b&gt; &amp; more" in text
    assert said["blocks"][0]["text"]["text"] == "*prod*"


def test_a_message_of_slack_keeps_to_its_limits() -> None:
    many = [replace(ALERT, subject=f"silver.table_{number}", observed="x" * 9_000) for number in range(90)]
    said = write_slack(many, "prod", None)
    assert len(said["blocks"]) == MOST_SECTIONS + 2 <= 50
    assert all(len(block["text"]["text"]) <= 3_000 for block in said["blocks"])
    assert "and 50 more: silver.table_40" in said["blocks"][-1]["text"]["text"]
