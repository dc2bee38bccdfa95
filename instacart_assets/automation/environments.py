"""What runs by itself in which environment: the one place where that is said.

Here lives the table and nothing that acts on it. What is off in an environment can still be started by hand, in
Dagster's web UI.
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
        environments: where it runs from the start.
    """

    name: str
    kind: str
    purpose: str
    environments: frozenset[Environment]

    def is_on(self, environment: Environment) -> bool:
        """Whether it runs in an environment from the start."""
        return environment in self.environments


SHARED: frozenset[Environment] = frozenset({"dev", "staging", "prod"})
"""Environments that are nobody's own machine."""

WATCHED: frozenset[Environment] = frozenset({"staging", "prod"})
"""Environments that somebody is woken for."""

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
