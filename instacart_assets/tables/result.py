"""The result of building one table in one run, as plain values.

Contains the result that a build returns, and its JSON form for sending it from a process without Dagster. What a
result means to Dagster is in ``assets.py``.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import Column, Contract
from instacart_assets.contracts.quarantine import quarantine_of
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.quality.outcomes import RuleOutcome, read_outcome, write_outcome
from instacart_assets.tables.refusals import QuarantineState

NOTES = ("absent", "same_content_again", "no_longer_landed", "empty_sources", "refused")
"""The notes of a result that a person watching the run should see."""


@dataclass(frozen=True)
class BuildResult:
    """The result of building one table in one run.

    Attributes:
        contract: the table, with the columns that were added to it, if any.
        run_id: the run that built it.
        rows: rows that were or would be published.
        version: the published Delta version; None where a check blocked the new one.
        kept: the version published before; None where there was none.
        candidate: folder of the candidate, which still exists where it was not published; None where nothing had
            to be written.
        outcomes: one per rule, in the order of the contract's rules.
        quarantine: what was refused; None for a table that refuses nothing.
        seconds: wall time of the whole build.
        notes: what else a reader of the run should know, by name.
        preview: the first rows of a published gold table.
        charts: the charts of a published table, in Markdown, by name.
        is_news: whether the published rows have changed.
    """

    contract: Contract
    run_id: str
    rows: int
    version: int | None
    kept: int | None
    candidate: Path | None
    outcomes: tuple[RuleOutcome, ...]
    quarantine: QuarantineState | None
    seconds: float
    notes: Mapping[str, Any]
    preview: tuple[Mapping[str, Any], ...] = ()
    charts: Mapping[str, str] = field(default_factory=dict)
    is_news: bool = True


def write_result(result: BuildResult) -> str:
    """The result as JSON; values without a JSON type, such as dates, become text.

    Contracts and rules are given by name: both sides have the same ones.
    """
    contract = load_contracts()[result.contract.address]
    known = set(contract.column_names)
    said = {
        **{name: getattr(result, name) for name in ("run_id", "rows", "version", "kept", "candidate")},
        **{name: getattr(result, name) for name in ("seconds", "notes", "preview", "charts", "is_news")},
        "address": contract.address,
        "added": [asdict(column) for column in result.contract.columns if column.name not in known],
        "outcomes": [write_outcome(outcome) for outcome in result.outcomes],
        "quarantine": result.quarantine and {name: getattr(result.quarantine, name) for name in _QUARANTINE},
    }
    return json.dumps(said, default=str)


def read_result(text: str) -> BuildResult:
    """The result that ``write_result`` wrote."""
    said = json.loads(text)
    contracts = load_contracts()
    stated = contracts[said.pop("address")]
    added = [TypeAdapter(Column).validate_python(column) for column in said.pop("added")]
    rules = {rule.id: rule for rule in compile_rules(stated)}
    outcomes = tuple(read_outcome(outcome, rules[outcome["rule"]]) for outcome in said.pop("outcomes"))
    held = said.pop("quarantine")
    sources = {address: contracts[address] for address in stated.row_sources if address in contracts}
    return BuildResult(
        contract=replace(stated, columns=(*stated.columns, *added)),
        outcomes=outcomes,
        quarantine=None if held is None else QuarantineState(quarantine_of(stated, sources), **held),
        **{
            **said,
            "candidate": None if said["candidate"] is None else Path(said["candidate"]),
            "preview": tuple(said["preview"]),
        },
    )


_QUARANTINE = ("version", "rows", "open", "added")
