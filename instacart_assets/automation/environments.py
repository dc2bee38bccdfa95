"""What runs automatically in which environment: the only place where this is defined.

Contains the list and nothing that acts on it. What is off in an environment can still be started by hand in Dagster's
web UI.
"""

from dataclasses import dataclass

from instacart_assets.settings import Environment


@dataclass(frozen=True)
class Automation:
    """A sensor or a schedule.

    Attributes:
        name: its name in Dagster.
        kind: ``sensor`` or ``schedule``.
        purpose: what it does, as a sentence without a full stop.
        environments: where it is on by default.
    """

    name: str
    kind: str
    purpose: str
    environments: frozenset[Environment]

    def is_on(self, environment: Environment) -> bool:
        """Whether it is on by default in an environment."""
        return environment in self.environments


SHARED: frozenset[Environment] = frozenset({"dev", "staging", "prod"})
"""Environments other than somebody's own machine."""

WATCHED: frozenset[Environment] = frozenset({"staging", "prod"})
"""Environments that somebody is on call for."""

LANDING = Automation(
    "landing", "sensor", "ingests what landed, once its files are complete: the bronze tables", SHARED
)
DOWNSTREAM = Automation(
    "downstream", "sensor", "builds silver and gold tables once what they are made of is there", SHARED
)
DAILY = Automation("daily", "schedule", "builds every table once a day, whatever landed", WATCHED)
MAINTENANCE = Automation("maintenance", "schedule", "maintains the files of all tables once a day", SHARED)
FAILURES = Automation("failures", "sensor", "alerts of failed tables, and of runs that broke off", WATCHED)
QUALITY = Automation("quality", "sensor", "alerts of failed checks, and of late tables", WATCHED)

AUTOMATIONS = (LANDING, DOWNSTREAM, DAILY, MAINTENANCE, FAILURES, QUALITY)
