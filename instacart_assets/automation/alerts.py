"""Alerts: what they say, after how many failures they are raised, and when a recovery is reported.

Contains the wording and the counting, without Dagster. What is counted comes from ``reports.py``; alerts are sent by
``delivery.py``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["failed", "check failed", "late", "recovered"]

MARKS: Mapping[Kind, str] = {"failed": "🔴", "check failed": "🟠", "late": "🟡", "recovered": "🟢"}

MOST_SECTIONS = 40
"""Alerts that a Slack message shows one by one; Slack allows at most 50 blocks."""

MOST_LETTERS = 700
"""Characters of an observation or a remedy that a message shows; a Slack section takes 3,000."""


@dataclass(frozen=True)
class Alert:
    """Something that the owner of a table should know.

    Attributes:
        kind: what happened.
        subject: the table, or the run's job if no table failed.
        rule: what was violated: a rule of the contract, or one of the product's own, such as ``freshness``.
        observed: what was observed.
        owners: the owners of the table.
        remedy: what to do.
        run_id: the run it happened in; None where there was none.
        failures: number of consecutive failures.
    """

    kind: Kind
    subject: str
    rule: str
    observed: str
    owners: tuple[str, ...]
    remedy: str = ""
    run_id: str | None = None
    failures: int = 1


@dataclass(frozen=True)
class Finding:
    """The result of one rule for one subject at one time: it holds, or what is wrong.

    Attributes:
        subject: table or job.
        rule: a rule of that subject.
        problem: the alert to raise; None where the rule holds.
        run_id: the run in which it was found.
        owners: the owners of the subject.
    """

    subject: str
    rule: str
    problem: Alert | None
    run_id: str | None = None
    owners: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The key by which failures are counted."""
        return f"{self.subject} {self.rule}"


@dataclass
class Streaks:
    """Consecutive failures, by subject and rule.

    Attributes:
        counts: how many, where the last finding was a failure.
        told: keys that were alerted and have not recovered yet.
    """

    counts: dict[str, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def count(self, findings: Iterable[Finding], threshold: int) -> list[Alert]:
        """Count findings in order, and return the resulting alerts.

        An alert is raised once, at the failure that reaches the threshold, and resolved once the rule holds again.
        """
        alerts = []
        for finding in findings:
            alert = (
                self._count_success(finding)
                if finding.problem is None
                else self._count_failure(finding, threshold)
            )
            if alert is not None:
                alerts.append(alert)
        return alerts

    def _count_failure(self, finding: Finding, threshold: int) -> Alert | None:
        failures = self.counts[finding.key] = self.counts.get(finding.key, 0) + 1
        if failures < threshold or finding.key in self.told or finding.problem is None:
            return None
        self.told.append(finding.key)
        return Alert(**{**_fields(finding.problem), "failures": failures})

    def _count_success(self, finding: Finding) -> Alert | None:
        failures = self.counts.pop(finding.key, 0)
        if finding.key not in self.told:
            return None
        self.told.remove(finding.key)
        return Alert(
            kind="recovered",
            subject=finding.subject,
            rule=finding.rule,
            observed=f"is right again, after {failures} failure{'s' * (failures != 1)}",
            owners=finding.owners,
            run_id=finding.run_id,
            failures=0,
        )


def _fields(alert: Alert) -> dict[str, Any]:
    return {name: getattr(alert, name) for name in alert.__dataclass_fields__}


def write_webhook(alerts: Sequence[Alert], environment: str, ui_url: str | None) -> dict[str, Any]:
    """All alerts as JSON, with a text of one line each."""
    return {
        "environment": environment,
        "text": "\n".join(_summarise(alert) for alert in alerts),
        "alerts": [{**asdict(alert), "run_url": link_run(alert, ui_url)} for alert in alerts],
    }


def write_slack(alerts: Sequence[Alert], environment: str, ui_url: str | None) -> dict[str, Any]:
    """The alerts as a Slack message: a text for notifications, and a section for each."""
    shown, rest = alerts[:MOST_SECTIONS], alerts[MOST_SECTIONS:]
    sections = [f"*{environment}*", *(_write_section(alert, ui_url) for alert in shown)]
    if rest:
        sections.append(
            _shorten(f"and {len(rest)} more: {', '.join(f'{one.subject} {one.rule}' for one in rest)}")
        )
    return {
        "text": "\n".join(_summarise(alert) for alert in alerts),
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in sections],
    }


def link_run(alert: Alert, ui_url: str | None) -> str | None:
    """URL of the alert's run in the web UI; None if there is no run or no web UI is set."""
    return f"{ui_url.rstrip('/')}/runs/{alert.run_id}" if ui_url and alert.run_id else None


def _summarise(alert: Alert) -> str:
    return f"{MARKS[alert.kind]} {alert.subject} {alert.kind}: {alert.rule}"


def _write_section(alert: Alert, ui_url: str | None) -> str:
    url = link_run(alert, ui_url)
    run = f"<{url}|{alert.run_id}>" if url else alert.run_id
    lines = [
        f"{MARKS[alert.kind]} *{_escape(alert.subject)}* {alert.kind}: `{_escape(alert.rule)}`",
        _shorten(_escape(alert.observed)),
        f"owners: {', '.join(alert.owners)}",
        f"run: {run}" if run else "",
        f"failures in a row: {alert.failures}" if alert.failures > 1 else "",
        f"remedy: {_shorten(_escape(alert.remedy))}" if alert.remedy else "",
    ]
    return "\n".join(line for line in lines if line)


def _shorten(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"


def _escape(text: str) -> str:
    """Escape the three characters that are special to Slack."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
