"""The way of the data through one table: read, transform, split, write a candidate, audit it, publish.

Here lives the one function that every table goes through, with Dagster or without. It returns a plain result;
what a result means to Dagster is in ``assets.py``.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from instacart_assets.contracts.model import Contract
from instacart_assets.lakehouse.lake import Candidate, Lakehouse
from instacart_assets.quality.outcomes import RuleOutcome
from instacart_assets.settings import Settings
from instacart_assets.tables.declare import Table
from instacart_assets.tables.drafts import LandedDraft, MadeDraft
from instacart_assets.tables.refusals import QuarantineState

NOTES = ("absent", "same_content_again", "empty_sources", "refused")
"""Those notes of a result that a person watching the run should see."""


@dataclass(frozen=True)
class BuildResult:
    """What became of one table in one run.

    Attributes:
        contract: the table, with the columns that were added to it, if any.
        candidate: what was written.
        version: the Delta version published; None where a check blocked it.
        outcomes: one per rule, in the order of the contract's rules.
        quarantine: what was refused; None for a table that refuses nothing.
        seconds: wall time of the whole way.
        notes: what else a reader of the run should know, by name.
    """

    contract: Contract
    candidate: Candidate
    version: int | None
    outcomes: tuple[RuleOutcome, ...]
    quarantine: QuarantineState | None
    seconds: float
    notes: dict[str, Any]


def build_table(table: Table, lake: Lakehouse, settings: Settings, run_id: str) -> BuildResult:
    """Make the next version of a table, and publish it unless a blocking rule is broken.

    Refused rows are kept in the table's quarantine whether or not the version is published.

    Args:
        table: the contract and the function that makes its rows.
        lake: where tables are read and published.
        settings: landing folder and the settings that transforms ask for.
        run_id: names the candidate and goes into the commit.

    Raises:
        LandingError: a landed file is missing or cannot be read at all.
        TableMissingError: a source, or a table that rules compare with, was never published.
        ShapeError: the transform does not return the contract's columns.
        PublishConflictError: another run published the table meanwhile.
    """
    started = time.perf_counter()
    lake.remove_candidates(table.address, datetime.now(UTC) - timedelta(days=settings.inspection_days))
    make_draft = LandedDraft if table.contract.landed_columns else MadeDraft
    draft = make_draft(table, lake, settings, run_id)
    draft.keep_refused()
    outcomes = draft.audit()
    version = None
    if not any(outcome.blocks for outcome in outcomes):
        version = lake.publish(draft.candidate, draft.note_version())
        draft.settle_refused()
        lake.discard(draft.candidate)
    return BuildResult(
        contract=draft.candidate.contract,
        candidate=draft.candidate,
        version=version,
        outcomes=outcomes,
        quarantine=None if draft.quarantine is None else draft.quarantine.describe(),
        seconds=time.perf_counter() - started,
        notes=draft.note_run(),
    )
