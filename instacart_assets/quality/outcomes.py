"""The outcome of a rule: whether it passed, what was observed, and a few rows that broke it.

Contains the shape of an outcome, without an engine and without Dagster. For how rows are audited, see
``audit.py``; for counts, see ``accounting.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from instacart_assets.contracts.model import Rule

SAMPLE_ROWS = 5
"""How many of the rows that break a rule are shown."""


@dataclass(frozen=True)
class RuleOutcome:
    """What an audit found about one rule.

    Attributes:
        rule: the rule that was checked.
        passed: whether the rule is met.
        observed: measured values by name, e.g. ``failing_rows``, and the ``threshold`` they were compared with.
        sample: a few of the rows that break it, as mappings from column to value.
        blocks: whether this blocks the version from being published.
    """

    rule: Rule
    passed: bool
    observed: Mapping[str, Any] = field(default_factory=dict)
    sample: tuple[Mapping[str, Any], ...] = ()
    blocks: bool = False


def write_outcome(outcome: RuleOutcome) -> dict[str, Any]:
    """The outcome as plain values; its rule is given by name."""
    return {**{name: getattr(outcome, name) for name in _PLAIN}, "rule": outcome.rule.id}


def read_outcome(said: Mapping[str, Any], rule: Rule) -> RuleOutcome:
    """The outcome that ``write_outcome`` wrote, for the rule that it names."""
    return RuleOutcome(**{**said, "rule": rule, "sample": tuple(said["sample"])})


_PLAIN = ("passed", "observed", "sample", "blocks")
