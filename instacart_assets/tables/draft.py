"""A table's next version between being written and being published.

Here lives what the two ways have in common in which a version comes to be: from landed files
(``landed_draft.py``) and from other tables (``made_draft.py``). Each finds out what has to be made, writes a
candidate of it, says what was refused on the way, and gathers what its rows are held against. When what happens is
in ``build.py``.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from pyspark.sql import DataFrame

from instacart_assets.contracts.model import Contract
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.lakehouse.lake import Candidate, Lakehouse
from instacart_assets.quality.audit import Part, measure_history
from instacart_assets.quality.outcomes import RuleOutcome, read_outcome, write_outcome
from instacart_assets.settings import Settings
from instacart_assets.tables.declare import Table
from instacart_assets.tables.moment import Moment
from instacart_assets.tables.notes import (
    HISTORY,
    IS_PUBLIC,
    Provenance,
    find_recipe,
    read_provenance,
    write_provenance,
)
from instacart_assets.tables.refusals import Quarantine

NOTHING_TO_DO = "nothing has changed"
FIRST_VERSION = "it had no version"
OTHER_RECIPE = "its contract, its code or its settings have changed"


class Draft(ABC):
    """A version that is being made; a context, at whose end what was kept aside for it goes.

    Attributes:
        contract: the table.
        why: what is made, and why no less.
        is_current: whether the published version is already what would be made.
        candidate: what was written.
        quarantine: where refused rows are kept; None for a table that refuses nothing.
        found: what is refused now, identified; None where nothing is.
    """

    why: str
    is_current: bool = False
    candidate: Candidate
    quarantine: Quarantine | None = None
    found: DataFrame | None = None

    def __init__(self, table: Table, lake: Lakehouse, settings: Settings, run_id: str) -> None:
        self._table = table
        self.contract = table.contract
        self._lake = lake
        self._settings = settings
        self._run_id = run_id
        self._stack = ExitStack()
        # Before the inputs are read: a version published meanwhile must not be lost.
        self._pin = lake.pin(table.address)
        self._past = None if self._pin.version is None else read_provenance(lake, table.address)
        self._recipe = find_recipe(table, self._choose_settings())

    def __enter__(self) -> Self:
        """Open the place for what is kept aside."""
        self._aside = self._stack.enter_context(self._lake.keep_aside())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear what was kept aside."""
        self._stack.__exit__(kind, error, trace)

    @abstractmethod
    def write(self) -> None:
        """Write the candidate, unless the published version is already what would be made."""

    @abstractmethod
    def audit(self) -> tuple[RuleOutcome, ...]:
        """The outcome of every rule of the contract, in its order."""

    @abstractmethod
    def note_run(self) -> dict[str, Any]:
        """What a person who looks at the run should know."""

    @abstractmethod
    def settle_refused(self) -> None:
        """Resolve what was refused before and is not any more."""

    @property
    @abstractmethod
    def _is_public(self) -> bool:
        """Whether all landed files behind the version are the published ones."""

    @abstractmethod
    def _describe_origin(self, outcomes: Sequence[RuleOutcome]) -> Provenance:
        """What the version was made of."""

    @property
    def version(self) -> int | None:
        """The version that readers see as long as nothing is published."""
        return self._pin.version

    @cached_property
    def rows(self) -> DataFrame:
        """The rows that the table would have."""
        return self._lake.read_candidate(self.candidate)

    def keep_refused(self) -> None:
        """Write what is refused into quarantine, so that it is kept whatever comes next."""
        if self.quarantine is not None:
            self.quarantine.keep(self.found)

    def note_version(self, outcomes: Sequence[RuleOutcome]) -> dict[str, str]:
        """What the published version notes of itself."""
        return {
            IS_PUBLIC: json.dumps(self._is_public),
            HISTORY: json.dumps(measure_history(self.rows, self.contract)),
            **write_provenance(self._describe_origin(outcomes)),
        }

    def recall(self) -> tuple[RuleOutcome, ...]:
        """What became of each rule when the published version was made."""
        rules = {rule.id: rule for rule in compile_rules(self.contract)}
        noted: Sequence[Mapping[str, Any]] = self._past.outcomes if self._past else ()
        return tuple(read_outcome(said, rules[said["rule"]]) for said in noted)

    def count_rows(self) -> int:
        """Rows of the published version."""
        return self._lake.count_rows(self.contract.address, self._pin.version)

    def _choose_settings(self) -> dict[str, Any]:
        """The settings object behind each parameter of the table's function that takes one."""
        return {
            name: next(value for _, value in self._settings if isinstance(value, kind))
            for name, kind in self._table.settings.items()
            if kind is not Moment
        }

    def _is_quarantine_settled(self, past: Provenance) -> bool:
        """Whether quarantine holds what it held after the published version: nobody has dealt with a row since."""
        if self.quarantine is None:
            return True
        return self.quarantine.count_states() == (past.refused, past.settled)

    def _make_part(self, *, steady: frozenset[str] = frozenset(), is_clean: bool = True) -> Part | None:
        """What is new, where only a part of the table was made anew."""
        candidate, lake = self.candidate, self._lake
        if not candidate.is_part:
            return None
        added, removed = lake.read_added(candidate), lake.read_removed(candidate)
        return Part(added, removed, lake.read_made(candidate), self._by, steady, is_clean)

    @property
    @abstractmethod
    def _by(self) -> tuple[str, ...]:
        """Columns of the groups that are made apart."""

    def _note_outcomes(self, outcomes: Sequence[RuleOutcome]) -> list[dict[str, Any]]:
        return [write_outcome(outcome) for outcome in outcomes]


def say_refused(count: int, what: str, contract: Contract) -> str:
    """How many were refused, and how to look at them."""
    return (
        f"{count:,} {what}{'' if count == 1 else 's'} refused, see: "
        f"instacart quarantine show {contract.address}"
    )
