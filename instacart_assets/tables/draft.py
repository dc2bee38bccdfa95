"""The next version of a table, from being written to being published.

Defines what the two kinds of draft have in common: those built from landed files (``landed_draft.py``) and those
built from other tables (``made_draft.py``). Each finds out what must be built, writes a candidate (the staged version
that is audited before it is published), reports refused rows, and gathers the evidence for the audit. The sequence of
steps is in ``build.py``.
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
    """A version that is being built; a context manager that removes its intermediate results at the end.

    Attributes:
        contract: the table.
        why: what is built, and why not less.
        is_current: whether the published version is already up to date.
        candidate: the staged version.
        quarantine: where refused rows are kept; None for a table that refuses nothing.
        found: what is refused now, with identifiers; None where nothing is.
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
        # Pinned before the inputs are read: a version published in the meantime must not be lost.
        self._pin = lake.pin(table.address)
        self._past = None if self._pin.version is None else read_provenance(lake, table.address)
        self._recipe = find_recipe(table, self._choose_settings())

    def __enter__(self) -> Self:
        """Open the store for intermediate results."""
        self._aside = self._stack.enter_context(self._lake.keep_aside())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the intermediate results."""
        self._stack.__exit__(kind, error, trace)

    @abstractmethod
    def write(self) -> None:
        """Write the candidate, unless the published version is already up to date."""

    @abstractmethod
    def audit(self) -> tuple[RuleOutcome, ...]:
        """The outcome of every rule of the contract, in its order."""

    @abstractmethod
    def note_run(self) -> dict[str, Any]:
        """Notes for a person who looks at the run."""

    @abstractmethod
    def settle_refused(self) -> None:
        """Resolve what was refused before and no longer is."""

    @property
    @abstractmethod
    def _is_public(self) -> bool:
        """Whether all landed files behind the version are the publisher's own."""

    @abstractmethod
    def _describe_origin(self, outcomes: Sequence[RuleOutcome]) -> Provenance:
        """What the version was built from."""

    @property
    def version(self) -> int | None:
        """The published version, as long as this draft is not published."""
        return self._pin.version

    @cached_property
    def rows(self) -> DataFrame:
        """The rows that the table would have if published."""
        return self._lake.read_candidate(self.candidate)

    def keep_refused(self) -> None:
        """Write refused rows to quarantine, so that they are kept whatever happens next."""
        if self.quarantine is not None:
            self.quarantine.keep(self.found)

    def note_version(self, outcomes: Sequence[RuleOutcome]) -> dict[str, str]:
        """The notes that are recorded with the published version."""
        return {
            IS_PUBLIC: json.dumps(self._is_public),
            HISTORY: json.dumps(measure_history(self.rows, self.contract)),
            **write_provenance(self._describe_origin(outcomes)),
        }

    def recall(self) -> tuple[RuleOutcome, ...]:
        """The outcome of each rule when the published version was built."""
        rules = {rule.id: rule for rule in compile_rules(self.contract)}
        noted: Sequence[Mapping[str, Any]] = self._past.outcomes if self._past else ()
        return tuple(read_outcome(said, rules[said["rule"]]) for said in noted)

    def count_rows(self) -> int:
        """Number of rows of the published version."""
        return self._lake.count_rows(self.contract.address, self._pin.version)

    def _choose_settings(self) -> dict[str, Any]:
        """The settings object behind each parameter of the table's function that takes one."""
        return {
            name: next(value for _, value in self._settings if isinstance(value, kind))
            for name, kind in self._table.settings.items()
            if kind is not Moment
        }

    def _is_quarantine_settled(self, past: Provenance) -> bool:
        """Whether quarantine is as the published version left it: no row has been resolved since."""
        if self.quarantine is None:
            return True
        return self.quarantine.count_states() == (past.refused, past.settled)

    def _make_part(self, *, steady: frozenset[str] = frozenset(), is_clean: bool = True) -> Part | None:
        """The rebuilt part, where only a part of the table was rebuilt."""
        candidate, lake = self.candidate, self._lake
        if not candidate.is_part:
            return None
        added, removed = lake.read_added(candidate), lake.read_removed(candidate)
        return Part(added, removed, lake.read_made(candidate), self._by, steady, is_clean)

    @property
    @abstractmethod
    def _by(self) -> tuple[str, ...]:
        """Columns of the groups that are built independently."""

    def _note_outcomes(self, outcomes: Sequence[RuleOutcome]) -> list[dict[str, Any]]:
        return [write_outcome(outcome) for outcome in outcomes]


def say_refused(count: int, what: str, contract: Contract) -> str:
    """How many were refused, and how to look at them."""
    return (
        f"{count:,} {what}{'' if count == 1 else 's'} refused, see: "
        f"instacart quarantine show {contract.address}"
    )
