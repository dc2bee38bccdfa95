"""The build of one table: read, transform, split, write a candidate, audit it, publish.

Contains the one function that builds every table, with or without Dagster, on every engine. A candidate is the
staged version that is audited before it is published. The function returns a plain result (``result.py``); what a
result means to Dagster is in ``assets.py``.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from instacart_assets.contracts.model import Contract
from instacart_assets.lakehouse.lake import Lakehouse
from instacart_assets.lakehouse.retry import begin_anew
from instacart_assets.quality.outcomes import RuleOutcome
from instacart_assets.settings import Settings
from instacart_assets.tables.charts import draw_charts
from instacart_assets.tables.declare import Table
from instacart_assets.tables.draft import Draft
from instacart_assets.tables.landed_draft import LandedDraft
from instacart_assets.tables.made_draft import MadeDraft
from instacart_assets.tables.result import BuildResult

PREVIEW_ROWS = 10
PREVIEWED_LAYER = "gold"


def build_table(table: Table, lake: Lakehouse, settings: Settings, run_id: str) -> BuildResult:
    """Build the next version of a table, and publish it unless a blocking rule is broken.

    Where no input of the table has changed, nothing is done; where the result equals the published version, nothing is
    published. Refused rows are kept in the table's quarantine whether or not the version is published.

    Args:
        table: the contract and the function that makes its rows.
        lake: where tables are read and published.
        settings: landing folder and the settings that transforms ask for.
        run_id: names the candidate and is recorded in the commit.

    Raises:
        LandingError: a landed file is missing or cannot be read at all.
        TableMissingError: a source, or a table that rules compare with, was never published.
        ShapeError: the transform does not return the contract's columns.
        TableHeldError: another run worked on the table for longer than this run waits.
        PublishConflictError: other runs kept publishing the table in the meantime.
    """
    return begin_anew(lambda: _build_alone(table, lake, settings, run_id))


def _build_alone(table: Table, lake: Lakehouse, settings: Settings, run_id: str) -> BuildResult:
    """Build a table while holding it against other runs."""
    with lake.hold(table.address, run_id):
        return _build_held(table, lake, settings, run_id)


def _build_held(table: Table, lake: Lakehouse, settings: Settings, run_id: str) -> BuildResult:
    started = time.perf_counter()
    now = datetime.now(UTC)
    lake.remove_candidates(table.address, now - timedelta(days=settings.inspection_days))
    make_draft = LandedDraft if table.contract.landed_columns else MadeDraft
    with make_draft(table, lake, settings, run_id) as draft:
        draft.write()
        if draft.is_current:
            made = _recall(draft)
        else:
            draft.keep_refused()
            made = _publish(draft, lake)
        return BuildResult(
            contract=made.contract,
            run_id=run_id,
            rows=made.rows,
            version=made.version,
            kept=draft.version,
            candidate=made.candidate,
            outcomes=made.outcomes,
            quarantine=draft.quarantine.describe() if draft.quarantine is not None else None,
            seconds=time.perf_counter() - started,
            notes={"made": draft.why, **made.notes, **draft.note_run()},
            is_news=made.is_news,
            preview=_read_preview(table, lake, made.version),
            charts=_draw_charts(table, lake, made.version),
        )


@dataclass(frozen=True)
class _Made:
    """The outcome of a draft."""

    contract: Contract
    rows: int
    version: int | None
    outcomes: tuple[RuleOutcome, ...]
    candidate: Path | None = None
    is_news: bool = False
    notes: Mapping[str, Any] = field(default_factory=dict)


def _recall(draft: Draft) -> _Made:
    """The published version, with the outcomes recorded when it was built."""
    return _Made(draft.contract, draft.count_rows(), draft.version, draft.recall())


def _publish(draft: Draft, lake: Lakehouse) -> _Made:
    """Audit the candidate, and publish it unless a rule blocks it or the published version is identical."""
    candidate = draft.candidate
    outcomes = draft.audit()
    version = None
    if not any(outcome.blocks for outcome in outcomes):
        version = (
            lake.publish(candidate, draft.note_version(outcomes)) if candidate.is_news else draft.version
        )
        draft.settle_refused()
        lake.discard(candidate)
    change = candidate.change
    notes = {} if change is None else {"rows_added": change.added, "rows_removed": change.removed}
    return _Made(
        candidate.contract, candidate.rows, version, outcomes, candidate.path, candidate.is_news, notes
    )


def _read_preview(table: Table, lake: Lakehouse, version: int | None) -> tuple[Mapping[str, Any], ...]:
    if version is None or table.contract.layer != PREVIEWED_LAYER:
        return ()
    shown = lake.read(table.address, version).orderBy(*table.contract.key).limit(PREVIEW_ROWS)
    return tuple(row.asDict() for row in shown.collect())


def _draw_charts(table: Table, lake: Lakehouse, version: int | None) -> Mapping[str, str]:
    if version is None or not table.contract.charts:
        return {}
    return draw_charts(lake.read(table.address, version), table.contract)
