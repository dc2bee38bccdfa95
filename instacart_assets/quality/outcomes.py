"""What became of a rule: whether it was kept, what was seen, and a few rows that broke it.

Here lives the shape of an outcome, without an engine and without Dagster. How rows are audited, see
``audit.py``; how counts are, see ``accounting.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from instacart_assets.contracts.model import Rule

SAMPLE_ROWS = 5
"""How many of the rows that break a rule are shown."""


@dataclass(frozen=True)
class RuleOutcome:
    """What an audit found out about one rule.

    Attributes:
        rule: what was looked at.
        passed: whether the rule is kept.
        observed: measured values by name, as ``failing_rows``, and the ``threshold`` they were held against.
        sample: a few of the rows that break it, as mappings from column to value.
        blocks: whether this keeps the version from being published.
    """

    rule: Rule
    passed: bool
    observed: Mapping[str, Any] = field(default_factory=dict)
    sample: tuple[Mapping[str, Any], ...] = ()
    blocks: bool = False


def write_outcome(outcome: RuleOutcome) -> dict[str, Any]:
    """The outcome as plain values; its rule stands by its name."""
    return {**{name: getattr(outcome, name) for name in _PLAIN}, "rule": outcome.rule.id}


def read_outcome(said: Mapping[str, Any], rule: Rule) -> RuleOutcome:
    """The outcome that ``write_outcome`` wrote, of the rule that it names."""
    return RuleOutcome(**{**said, "rule": rule, "sample": tuple(said["sample"])})


_PLAIN = ("passed", "observed", "sample", "blocks")
