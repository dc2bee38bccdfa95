"""Which checks a contract asks for: the key, the required columns, and every rule it states.

Here lives the list of checks and the shape of an outcome, without an engine. How a check is carried out, see
``audit.py``; how Dagster hears of it, see ``tables/assets.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from instacart_assets.contracts.model import Contract, Scope, Severity

KEY_CHECK = "key_is_unique"
REQUIRED_CHECK = "required_columns_are_filled"
RECORDS_CHECK = "every_landed_record_is_read"


@dataclass(frozen=True)
class Check:
    """One promise of a contract that is looked at before a version is published.

    Attributes:
        id: name, unique within its table.
        description: the promise as a sentence.
        severity: ``block`` keeps a version that breaks it from being published.
        condition: Spark SQL that holds, for each row or for the table; None where another way of looking is
            needed.
        scope: whether the condition speaks of each row or of the whole table.
    """

    id: str
    description: str
    severity: Severity
    condition: str | None = None
    scope: Scope = "rows"


@dataclass(frozen=True)
class CheckOutcome:
    """What a check found.

    Attributes:
        check: what was looked at.
        passed: whether the promise is kept.
        observed: measured values by name, as ``failing_rows``.
        sample: a few failing rows, as mappings from column to value.
    """

    check: Check
    passed: bool
    observed: Mapping[str, Any] = field(default_factory=dict)
    sample: tuple[Mapping[str, Any], ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether this outcome keeps the version from being published."""
        return not self.passed and self.check.severity == "block"


def key_check(contract: Contract) -> Check:
    """No two rows share the contract's key."""
    return Check(KEY_CHECK, f"No two rows share {', '.join(contract.key)}.", "block")


def condition_checks(contract: Contract) -> tuple[Check, ...]:
    """The checks that one pass over the rows answers together: required columns first, then the rules."""
    filled = " AND ".join(f"{name} IS NOT NULL" for name in contract.required_columns)
    required = Check(
        REQUIRED_CHECK, f"{', '.join(contract.required_columns)} are never null.", "block", filled
    )
    stated = (
        Check(rule.id, rule.description, rule.severity, rule.condition, rule.scope) for rule in contract.rules
    )
    return (required, *stated)


def records_check(contract: Contract) -> Check:
    """Every record of the landed files is a row."""
    return Check(RECORDS_CHECK, f"{contract.name} has a row for each record of its landed files.", "block")


def checks_of(contract: Contract) -> tuple[Check, ...]:
    """Every check of the contract's table, in the order in which outcomes are reported."""
    landed = (records_check(contract),) if contract.landed_columns else ()
    return (key_check(contract), *condition_checks(contract), *landed)
