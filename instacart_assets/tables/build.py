"""The way of the data through one table: read, transform, stage, audit, publish.

Here lives the one function that every table goes through, with Dagster or without. It returns a plain result;
what a result means to Dagster is in ``assets.py``.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deltalake import DeltaTable
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from instacart_assets.contracts.model import Contract
from instacart_assets.lakehouse.lake import Candidate, Lakehouse
from instacart_assets.landing.files import LandingError
from instacart_assets.landing.source import LandedSource, open_source
from instacart_assets.quality.audit import audit_records, audit_rows
from instacart_assets.quality.checks import CheckOutcome
from instacart_assets.settings import Settings
from instacart_assets.tables.declare import Table

NOTES = ("absent", "same_content_again", "empty_sources")
"""Those notes of a result that a person watching the run should see."""


@dataclass(frozen=True)
class BuildResult:
    """What became of one table in one run.

    Attributes:
        contract: the table.
        candidate: what was written.
        version: the Delta version published; None where a check blocked it.
        outcomes: one per check, in the order of the contract's checks.
        seconds: wall time of the whole way.
        notes: what else a reader of the run should know, by name.
    """

    contract: Contract
    candidate: Candidate
    version: int | None
    outcomes: tuple[CheckOutcome, ...]
    seconds: float
    notes: dict[str, Any]


def build_table(table: Table, lake: Lakehouse, settings: Settings, run_id: str) -> BuildResult:
    """Make the next version of a table, and publish it unless a blocking check fails.

    Args:
        table: the contract and the function that makes its rows.
        lake: where tables are read and published.
        settings: landing folder and the settings that transforms ask for.
        run_id: names the candidate and goes into the commit.

    Raises:
        LandingError: a landed file is missing or broken.
        TableMissingError: a source was never published.
        ShapeError: the transform does not return the contract's columns.
        PublishConflictError: another run published the table meanwhile.
    """
    started = time.perf_counter()
    base = lake.open_table(table.address)  # before the inputs: a version published meanwhile must not be lost
    source = open_source(settings.landing, table.contract) if table.contract.landed_columns else None
    if source is None:
        inputs = {name: lake.read(address) for name, address in table.sources.items()}
        candidate = lake.stage(_transform(table, inputs, settings), table.contract, base, run_id)
    else:
        candidate = _stage_landed(table, source, lake, base, run_id)
    outcomes = audit_rows(lake.read_candidate(candidate), table.contract)
    if source is not None:
        outcomes += (_audit_landed(candidate, source),)
    version = None if any(outcome.blocks for outcome in outcomes) else lake.publish(candidate)
    notes = _note_empty(table, lake) if source is None else _note_source(source)
    return BuildResult(table.contract, candidate, version, outcomes, time.perf_counter() - started, notes)


def _transform(table: Table, inputs: dict[str, DataFrame], settings: Settings) -> DataFrame:
    chosen = {
        name: next(value for _, value in settings if isinstance(value, kind))
        for name, kind in table.settings.items()
    }
    return table.transform(**inputs, **chosen)


def _stage_landed(
    table: Table, source: LandedSource, lake: Lakehouse, base: DeltaTable | None, run_id: str
) -> Candidate:
    try:
        records = source.read(lake.session, datetime.now(UTC))
        return lake.stage(table.transform(records), table.contract, base, run_id)
    except PySparkException as error:
        broken = source.find_broken_record()
        if broken is None:
            raise
        raise LandingError(broken) from error


def _audit_landed(candidate: Candidate, source: LandedSource) -> CheckOutcome:
    is_complete = candidate.rows == source.records
    remedy = None if is_complete else source.find_broken_record()
    return audit_records(candidate.rows, source.records, source.contract, remedy)


def _note_source(source: LandedSource) -> dict[str, Any]:
    notes: dict[str, Any] = {"landed_files": [file.name for file, _ in source.files]}
    if source.repeated:
        notes["same_content_again"] = (
            f"not read again, as the content is the same: {', '.join(source.repeated)}"
        )
    if not source.files:
        notes["absent"] = f"no file landed for {source.contract.name}: the table is empty"
    return notes


def _note_empty(table: Table, lake: Lakehouse) -> dict[str, Any]:
    empty = [address for address in table.sources.values() if not lake.count_rows(address)]
    return {"empty_sources": f"made of nothing from {', '.join(empty)}"} if empty else {}
