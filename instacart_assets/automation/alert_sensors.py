"""The sensors that alert people to problems.

Contains what is remembered between polls, and the order of steps: detect, alert, remember. If sending an alert fails,
the poll fails and nothing is remembered, so the next poll detects and sends the same again. That is why these are plain
sensors: Dagster's own run failure sensor would move on to the next run and lose the alert.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Self

import dagster as dg

from instacart_assets.automation.alerts import Alert, Finding, Streaks
from instacart_assets.automation.delivery import AlertError, deliver
from instacart_assets.automation.environments import FAILURES, QUALITY, Automation
from instacart_assets.automation.reports import (
    RunReport,
    find_last_place,
    judge_checks,
    judge_run,
    read_freshness,
    read_runs,
)
from instacart_assets.contracts.model import Contract
from instacart_assets.settings import Settings

MOST_ALERTS = 20
"""Alerts after which a poll reads no further runs; the next poll continues there."""

Judge = Callable[[RunReport, Mapping[str, Contract]], Iterable[Finding]]
Follow = Callable[["Memory", dg.DagsterInstance], list[Alert]]


@dataclass
class Memory:
    """What a sensor remembers.

    Attributes:
        runs: position in the event log up to which ended runs were read.
        freshness: position up to which freshness changes were read.
        streaks: consecutive failures.
    """

    runs: int
    freshness: int = -1
    streaks: Streaks = field(default_factory=Streaks)

    def write(self) -> str:
        """The memory as text."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def read(cls, text: str | None, instance: dg.DagsterInstance) -> Self:
        """The memory from text that ``write`` returned; for None, one that starts with runs that end from now on."""
        if text is None:
            return cls(runs=find_last_place(instance))
        said = json.loads(text)
        return cls(**{**said, "streaks": Streaks(**said["streaks"])})


def build_alert_sensors(
    settings: Settings,
    contracts: Mapping[str, Contract],
    send: Callable[[Sequence[Alert], Settings], None] = deliver,
) -> list[dg.SensorDefinition]:
    """The sensor that alerts on failed runs, and the one that alerts on failed checks and late tables.

    Args:
        settings: whom to alert, after how many failures, and in which environment this runs.
        contracts: the contracts of all tables, by address.
        send: delivers alerts, all or none.
    """

    def follow_runs(memory: Memory, instance: dg.DagsterInstance, judge: Judge) -> list[Alert]:
        alerts: list[Alert] = []
        for report in read_runs(instance, memory.runs, contracts):
            alerts += memory.streaks.count(judge(report, contracts), settings.alerts.threshold)
            memory.runs = report.place
            if len(alerts) >= MOST_ALERTS:
                break
        return alerts

    def follow_failures(memory: Memory, instance: dg.DagsterInstance) -> list[Alert]:
        return follow_runs(memory, instance, judge_run)

    def follow_quality(memory: Memory, instance: dg.DagsterInstance) -> list[Alert]:
        is_first = memory.freshness < 0
        place, changes = read_freshness(instance, memory.freshness, contracts)
        while is_first and place != memory.freshness:  # the whole backlog
            memory.freshness = place
            place, more = read_freshness(instance, place, contracts)
            changes += more
        memory.freshness = place
        alerts = memory.streaks.count(changes, threshold=1)
        if is_first:  # of the backlog, only tables that are still late
            alerts = [one for one in alerts if one.kind == "late" and _is_last(one, alerts)]
        return [*alerts, *follow_runs(memory, instance, judge_checks)]

    return [
        _build_sensor(FAILURES, settings, follow_failures, send),
        _build_sensor(QUALITY, settings, follow_quality, send),
    ]


def _is_last(alert: Alert, alerts: Sequence[Alert]) -> bool:
    return alert is [one for one in alerts if one.subject == alert.subject][-1]


def _build_sensor(
    automation: Automation,
    settings: Settings,
    follow: Follow,
    send: Callable[[Sequence[Alert], Settings], None],
) -> dg.SensorDefinition:
    is_on = automation.is_on(settings.environment)

    @dg.sensor(
        name=automation.name,
        description=f"{automation.purpose.capitalize()}.",
        minimum_interval_seconds=settings.look_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        memory = Memory.read(context.cursor, context.instance)
        alerts = follow(memory, context.instance)
        if alerts:
            try:
                send(alerts, settings)
            except AlertError as error:
                context.log.critical(str(error))
                raise
        said = (
            f"told of {len(alerts)}: {', '.join(one.subject for one in alerts)}" if alerts else "all is well"
        )
        return dg.SensorResult(skip_reason=said, cursor=memory.write())

    return look
