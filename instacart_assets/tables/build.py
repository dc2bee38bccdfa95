"""The way of the data through one table: read, transform, split, write a candidate, audit it, publish.

Here lives the one function that every table goes through, with Dagster or without, on every engine. It returns a
plain result (``result.py``); what a result means to Dagster is in ``assets.py``.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from instacart_assets.lakehouse.lake import Lakehouse
from instacart_assets.lakehouse.retry import begin_anew
from instacart_assets.settings import Settings
from instacart_assets.tables.declare import Table
from instacart_assets.tables.drafts import LandedDraft, MadeDraft
from instacart_assets.tables.result import BuildResult

PREVIEW_ROWS = 10
PREVIEWED_LAYER = "gold"


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
        TableHeldError: another run worked on the table for longer than this one waits.
        PublishConflictError: other runs published the table meanwhile, again and again.
    """
    return begin_anew(lambda: _build_alone(table, lake, settings, run_id))


def _build_alone(table: Table, lake: Lakehouse, settings: Settings, run_id: str) -> BuildResult:
    """Build a table that no other run works on, or find out that one did."""
    with lake.hold(table.address, run_id):
        return _build_held(table, lake, settings, run_id)


def _build_held(table: Table, lake: Lakehouse, settings: Settings, run_id: str) -> BuildResult:
    started = time.perf_counter()
    lake.remove_candidates(table.address, datetime.now(UTC) - timedelta(days=settings.inspection_days))
    make_draft = LandedDraft if table.contract.landed_columns else MadeDraft
    draft = make_draft(table, lake, settings, run_id)
    draft.keep_refused()
    outcomes = draft.audit()
    version = None
    preview: tuple[Mapping[str, Any], ...] = ()
    if not any(outcome.blocks for outcome in outcomes):
        version = lake.publish(draft.candidate, draft.note_version())
        draft.settle_refused()
        lake.discard(draft.candidate)
        preview = _read_preview(table, lake, version)
    return BuildResult(
        contract=draft.candidate.contract,
        run_id=run_id,
        rows=draft.candidate.rows,
        version=version,
        kept=draft.candidate.pin.version,
        candidate=draft.candidate.path,
        outcomes=outcomes,
        quarantine=draft.quarantine.describe() if draft.quarantine is not None else None,
        seconds=time.perf_counter() - started,
        notes=draft.note_run(),
        preview=preview,
    )


def _read_preview(table: Table, lake: Lakehouse, version: int) -> tuple[Mapping[str, Any], ...]:
    if table.contract.layer != PREVIEWED_LAYER:
        return ()
    shown = lake.read(table.address, version).orderBy(*table.contract.key).limit(PREVIEW_ROWS)
    return tuple(row.asDict() for row in shown.collect())
