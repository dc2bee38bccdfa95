"""The sensors that tell people: what they tell of a history, and what becomes of it when nobody listens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from instacart_assets.automation import reports
from instacart_assets.automation.alert_sensors import build_alert_sensors
from instacart_assets.automation.alerts import Alert
from instacart_assets.automation.delivery import AlertError
from instacart_assets.contracts.model import Contract
from instacart_assets.maintenance.assets import MAINTENANCE_JOB, OWNERS
from instacart_assets.settings import Settings, load_settings
from instacart_assets.tables.assets import asset_key, explain_failure
from instacart_assets_tests.small_contracts import make_column, make_contract

TABLES: dict[str, Contract] = {
    address: make_contract(make_column("thing_id"), address=address)
    for address in ("silver.things", "gold.things")
}
LIMITED, STRICT = "is_limited", "is_strict"


@dataclass
class History:
    """Runs of two small tables, and the two sensors that look at them."""

    instance: dg.DagsterInstance
    threshold: int = 1
    told: list[Alert] = field(default_factory=list)
    cursors: dict[str, str | None] = field(default_factory=dict)
    is_deaf: bool = False

    def run(
        self, *, fails: str | None = None, broken: Sequence[str] = (), tables: Sequence[str] = tuple(TABLES)
    ) -> str:
        """A run in which a table fails, or rules of ``silver.things`` are broken; gives its id."""
        result = dg.materialize(
            [self._make_asset(address, fails, broken) for address in tables],
            instance=self.instance,
            raise_on_error=False,
        )
        return result.run_id

    def _make_asset(self, address: str, fails: str | None, broken: Sequence[str]) -> dg.AssetsDefinition:
        above = [one for one in TABLES if address.startswith("gold") and one != address]
        rules = [LIMITED, STRICT] if address == "silver.things" else []

        @dg.multi_asset(
            name=address.replace(".", "__"),
            specs=[dg.AssetSpec(asset_key(address), deps=[asset_key(one) for one in above])],
            check_specs=[
                dg.AssetCheckSpec(rule, asset=asset_key(address), blocking=rule == STRICT) for rule in rules
            ],
        )
        def build() -> Iterator[Any]:
            for rule in rules:
                severity = dg.AssetCheckSeverity.ERROR if rule == STRICT else dg.AssetCheckSeverity.WARN
                yield dg.AssetCheckResult(
                    passed=rule not in broken,
                    asset_key=asset_key(address),
                    check_name=rule,
                    severity=severity,
                    description="There are few.",
                    metadata={"failed_rows": 3, "severity": "warn"},
                )
            if address == fails or (rules and STRICT in broken):
                raise dg.Failure(description="not published; mend the source", allow_retries=False)
            yield dg.MaterializeResult(asset_key(address))

        return build

    def turn(self, address: str, state: FreshnessState) -> None:
        """Note that a table's freshness changed, as the daemon does."""
        self.instance._report_runless_asset_event(
            FreshnessStateChange(
                key=asset_key(address),
                new_state=state,
                previous_state=FreshnessState.UNKNOWN,
                state_change_timestamp=1.0,
            )
        )

    def look(self, name: str) -> list[Alert]:
        """What is told in one look of a sensor."""
        settings = load_settings(alerts={"threshold": self.threshold})
        (sensor,) = [one for one in build_alert_sensors(settings, TABLES, self._hear) if one.name == name]
        before = len(self.told)
        with dg.build_sensor_context(self.instance, cursor=self.cursors.get(name)) as context:
            self.cursors[name] = sensor.evaluate_tick(context).cursor
        return self.told[before:]

    def _hear(self, alerts: Sequence[Alert], _: Settings) -> None:
        if self.is_deaf:
            raise AlertError("nobody listens")
        self.told += alerts


@pytest.fixture
def history() -> Iterator[History]:
    with dg.DagsterInstance.ephemeral() as instance:
        made = History(instance)
        for name in ("failures", "quality"):
            made.look(name)
        yield made


def summarise(alerts: Sequence[Alert]) -> list[tuple[str, str, str]]:
    return [(alert.kind, alert.subject, alert.rule) for alert in alerts]


def test_a_run_that_goes_well_is_not_told(history: History) -> None:
    history.run()
    assert history.look("failures") == history.look("quality") == []


def test_a_failed_table_is_told_once_with_all_that_helps(history: History) -> None:
    run_id = history.run(fails="gold.things")
    (alert,) = history.look("failures")
    assert (alert.kind, alert.subject, alert.run_id) == ("failed", "gold.things", run_id)
    assert alert.observed == "not published; mend the source"
    assert alert.owners == TABLES["gold.things"].owners != ()
    assert "instacart run --select gold.things+" in alert.remedy
    assert history.look("failures") == []
    history.run(fails="gold.things")
    assert history.look("failures") == []


def test_a_table_that_is_built_again_is_told_too(history: History) -> None:
    history.run(fails="gold.things")
    history.look("failures")
    history.run()
    assert summarise(history.look("failures")) == [("recovered", "gold.things", "the table is built")]


def test_a_table_that_was_blocked_is_told_with_its_rule_and_by_one_sensor(history: History) -> None:
    history.run(broken=[STRICT])
    assert summarise(history.look("failures")) == [("failed", "silver.things", STRICT)]
    assert history.look("quality") == []


def test_a_broken_rule_that_does_not_block_is_told_with_what_was_seen(history: History) -> None:
    run_id = history.run(broken=[LIMITED])
    (alert,) = history.look("quality")
    assert (alert.kind, alert.subject, alert.rule, alert.run_id) == (
        "check failed",
        "silver.things",
        LIMITED,
        run_id,
    )
    assert alert.observed == "There are few. (failed_rows 3)"
    assert history.look("failures") == []
    history.run()
    assert summarise(history.look("quality")) == [("recovered", "silver.things", LIMITED)]


def test_failures_are_counted_in_a_row(history: History) -> None:
    history.threshold = 2
    for fails in ("gold.things", None, "gold.things"):
        history.run(fails=fails)
        assert history.look("failures") == []
    history.run(fails="gold.things")
    (alert,) = history.look("failures")
    assert alert.failures == 2


def test_a_run_that_broke_off_is_told(history: History) -> None:
    run = history.instance.create_run_for_job(
        dg.Definitions(
            assets=[dg.AssetSpec("x")],
            jobs=[dg.JobDefinition(name="whole", graph_def=dg.GraphDefinition(name="g"))],
        ).resolve_job_def("whole")
    )
    history.instance.report_run_failed(run)
    (alert,) = history.look("failures")
    assert (alert.subject, alert.run_id) == ("run of whole", run.run_id)
    assert "broke off" in alert.observed


def test_a_failure_of_maintenance_is_told_with_its_reason_to_those_who_look_after_the_lake(
    history: History,
) -> None:
    @dg.asset(key=["maintenance", "vacuum"])
    def look_after() -> None:
        raise dg.Failure(description="silver.things: its log cannot be read", allow_retries=False)

    dg.materialize([look_after], instance=history.instance, raise_on_error=False)
    (alert,) = history.look("failures")
    assert alert.observed == "maintenance__vacuum: silver.things: its log cannot be read"
    assert alert.owners == OWNERS


def test_a_run_that_cannot_be_read_is_told_and_hides_none_after_it(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = history.run(fails="gold.things"), history.run(fails="gold.things")
    explain = explain_failure

    def stumble(_: dg.DagsterEvent) -> str:
        monkeypatch.setattr(reports, "explain_failure", explain)
        raise KeyError("cause")

    monkeypatch.setattr(reports, "explain_failure", stumble)
    unread, failed, _ = history.look("failures")  # the last says that the run reaches its end again
    assert (unread.run_id, unread.observed) == (first, "events of the run: cannot be read: KeyError('cause')")
    assert (failed.run_id, failed.subject) == (second, "gold.things")


def test_maintenance_that_broke_off_is_told_to_those_who_look_after_the_lake(history: History) -> None:
    whole = dg.Definitions(
        jobs=[dg.JobDefinition(name=MAINTENANCE_JOB, graph_def=dg.GraphDefinition(name="g"))]
    )
    run = history.instance.create_run_for_job(whole.resolve_job_def(MAINTENANCE_JOB))
    history.instance.report_run_failed(run)
    (alert,) = history.look("failures")
    assert (alert.subject, alert.owners) == (f"run of {MAINTENANCE_JOB}", OWNERS)
    assert alert.observed == "it broke off before any table failed; it was to build no table"


def test_a_table_that_turns_late_is_told_and_that_it_is_no_longer(history: History) -> None:
    history.turn("silver.things", FreshnessState.FAIL)
    (alert,) = history.look("quality")
    assert (alert.kind, alert.subject, alert.owners) == (
        "late",
        "silver.things",
        TABLES["silver.things"].owners,
    )
    assert "24 hours" in alert.observed
    assert history.look("quality") == []
    history.turn("silver.things", FreshnessState.PASS)
    assert summarise(history.look("quality")) == [("recovered", "silver.things", "freshness")]


def test_of_much_that_was_before_a_sensor_began_only_what_is_still_late_is_told(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MOST_EVENTS", 2)
    for state in (*[FreshnessState.FAIL, FreshnessState.PASS] * 3, FreshnessState.FAIL):
        history.turn("gold.things", state)
    history.cursors.clear()
    assert [alert.kind for alert in history.look("quality")] == ["late"]
    assert history.look("quality") == []


def test_of_what_was_before_a_sensor_began_only_what_is_still_late_is_told(history: History) -> None:
    for state in (FreshnessState.FAIL, FreshnessState.PASS):
        history.turn("gold.things", state)
    history.turn("silver.things", FreshnessState.FAIL)
    history.run(fails="gold.things")
    history.cursors.clear()
    assert summarise(history.look("quality")) == [("late", "silver.things", "freshness")]
    assert history.look("failures") == []


@pytest.mark.parametrize("sensor", ["failures", "quality"])
def test_what_nobody_heard_is_told_with_the_next_look_and_once(
    history: History, sensor: str, capfd: pytest.CaptureFixture[str]
) -> None:
    history.run(fails="gold.things", broken=[LIMITED])
    history.turn("gold.things", FreshnessState.FAIL)
    history.is_deaf = True
    for _ in range(2):
        with pytest.raises(AlertError):
            history.look(sensor)
    assert "CRITICAL" in capfd.readouterr().err
    history.turn("gold.things", FreshnessState.PASS)  # it is over before anybody heard of it
    history.is_deaf = False
    heard = summarise(history.look(sensor))
    if sensor == "failures":
        assert heard == [("failed", "gold.things", "the table is built")]
    else:
        assert heard == [
            ("late", "gold.things", "freshness"),
            ("recovered", "gold.things", "freshness"),
            ("check failed", "silver.things", LIMITED),
        ]
    assert history.look(sensor) == []


def test_many_runs_are_told_over_several_looks_and_none_is_left_out(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instacart_assets.automation.alert_sensors.MOST_ALERTS", 1)
    monkeypatch.setattr("instacart_assets.automation.reports.MOST_EVENTS", 2)
    for fails in ("gold.things", None, "gold.things", None):
        history.run(fails=fails)
    told = [summarise(history.look("failures")) for _ in range(5)]
    assert [[kind for kind, *_ in one] for one in told] == [
        ["failed"],
        ["recovered"],
        ["failed"],
        ["recovered"],
        [],
    ]


def test_no_failure_is_passed_over_for_a_success_that_came_later(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instacart_assets.automation.reports.MOST_EVENTS", 1)
    for fails in ("gold.things", "silver.things", None):
        history.run(fails=fails)
    told = [(alert.kind, alert.subject) for _ in range(4) for alert in history.look("failures")]
    assert told == [
        ("failed", "gold.things"),
        ("failed", "silver.things"),
        ("recovered", "gold.things"),
        ("recovered", "silver.things"),
    ]
