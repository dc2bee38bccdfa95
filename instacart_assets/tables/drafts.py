"""A table's next version between being written and being published.

Here live the two ways in which a version comes to be, from landed files or from other tables: each writes a
candidate, says what was refused on the way, and gathers what its rows are held against. When what happens is
in ``build.py``.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, reduce
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN, REASONS, Contract
from instacart_assets.contracts.quarantine import quarantine_address
from instacart_assets.contracts.rules import consulted_tables
from instacart_assets.lakehouse.lake import Candidate, Lakehouse
from instacart_assets.lakehouse.schema import check_shape
from instacart_assets.landing.public import is_public_file
from instacart_assets.landing.source import LandedSource, open_source
from instacart_assets.places import for_python
from instacart_assets.quality.accounting import LineCounts, RowCounts, audit_line_counts, audit_row_counts
from instacart_assets.quality.audit import (
    HISTORY_VERSIONS,
    Evidence,
    audit_rows,
    measure_history,
)
from instacart_assets.quality.outcomes import SAMPLE_ROWS, RuleOutcome
from instacart_assets.quality.quarantine import OPEN, describe_lines, describe_rows
from instacart_assets.quality.repeats import DUPLICATE, SUPERSEDED, Repeats, find_repeats
from instacart_assets.quality.split import mark_refused
from instacart_assets.settings import Settings
from instacart_assets.tables.declare import Table
from instacart_assets.tables.moment import Moment
from instacart_assets.tables.refusals import Quarantine

LANDED_FILES, IS_PUBLIC, HISTORY = "landed_files", "is_public", "history"
"""What a published version notes of itself: the files it holds, whether they are the published dataset, and the
values that later versions are compared with."""

FileOrigins = list[tuple[str, str]]
"""Name and fingerprint of each landed file."""


class Draft(ABC):
    """A version that is written and not yet published.

    Attributes:
        candidate: what was written.
        quarantine: where refused rows are kept; None for a table that refuses nothing.
        found: what is refused now, identified; None where nothing is.
    """

    candidate: Candidate
    quarantine: Quarantine | None
    found: DataFrame | None

    def __init__(self, table: Table, lake: Lakehouse, settings: Settings, run_id: str) -> None:
        self._table = table
        self._contract = table.contract
        self._lake = lake
        self._settings = settings
        self._run_id = run_id
        # Before the inputs are read: a version published meanwhile must not be lost.
        self._pin = lake.pin(table.address)

    @abstractmethod
    def audit(self) -> tuple[RuleOutcome, ...]:
        """The outcome of every rule of the contract, in its order."""

    @abstractmethod
    def note_run(self) -> dict[str, Any]:
        """What a person who looks at the run should know."""

    @abstractmethod
    def note_version(self) -> dict[str, str]:
        """What the published version notes of itself."""

    @abstractmethod
    def settle_refused(self) -> None:
        """Resolve what was refused before and is not any more."""

    @cached_property
    def rows(self) -> DataFrame:
        """The candidate's rows."""
        return self._lake.read_candidate(self.candidate)

    def keep_refused(self) -> None:
        """Write what is refused into quarantine, so that it is kept whatever comes next."""
        if self.quarantine is not None:
            self.quarantine.keep(self.found)

    def _note_history(self) -> dict[str, str]:
        return {HISTORY: json.dumps(measure_history(self.rows, self._contract))}


class LandedDraft(Draft):
    """A bronze version: the records of the landed files, and the lines that are none."""

    def __init__(self, table: Table, lake: Lakehouse, settings: Settings, run_id: str) -> None:
        super().__init__(table, lake, settings, run_id)
        self._source = open_source(for_python(settings.landing), table.contract, lake.scratch)
        self.candidate = self._stage()
        self.quarantine = Quarantine(table.contract, {}, lake, run_id)
        lines = self._source.read_lines(lake.session) if self._source.malformed else None
        self.found = None if lines is None else describe_lines(lines)

    def _stage(self) -> Candidate:
        """A candidate of all records; read anew from what can be salvaged where the engine cannot read them."""
        try:
            candidate = self._write(self._source)
        except PySparkException:
            candidate = None
        if candidate is not None and self._is_complete(candidate):
            return candidate
        if candidate is not None:
            self._lake.discard(candidate)
        self._source = self._source.salvage()
        return self._write(self._source)

    def _write(self, source: LandedSource) -> Candidate:
        records = self._table.transform(source.read(self._lake.session, self._moments))
        return self._lake.stage(records, source.widened_contract, self._pin, self._run_id)

    def _is_complete(self, candidate: Candidate) -> bool:
        return candidate.rows + self._source.malformed == self._source.records

    @cached_property
    def _moments(self) -> dict[str, datetime]:
        """When each file was ingested: now, or when the table took it in with the same content."""
        known = read_landed_files(self._lake, self._contract.address)
        now = datetime.now(UTC)
        return {
            file.name: datetime.fromisoformat(known[file.name][1])
            if known.get(file.name, ("", ""))[0] == content.fingerprint
            else now
            for file, content in self._source.files
        }

    def audit(self) -> tuple[RuleOutcome, ...]:
        """The outcome of every rule, those over counts last."""
        settled = self.quarantine.count_settled(self.found) if self.quarantine else 0
        counts = LineCounts(
            records=self._source.records,
            rows=self.candidate.rows,
            lines=self._source.malformed,
            open=self._source.malformed - settled,
            unaccounted=self._find_unaccounted(),
            sample=self._sample_lines(),
            unknown_columns=self._source.unknown_columns,
            missing_columns=self._source.missing_columns,
        )
        evidence = Evidence(
            read=counts.records, past=read_past(self._lake, self._contract.address), is_public=self._is_public
        )
        contract = self.candidate.contract
        return (*audit_rows(self.rows, contract, evidence), *audit_line_counts(counts, contract))

    def _find_unaccounted(self) -> dict[str, int]:
        """By file, how many of its records are neither a row nor an isolated line."""
        counted = self.rows.groupBy("_source_file").count().collect()
        rows = {row["_source_file"]: row["count"] for row in counted}
        missing = {
            file.name: content.records - rows.get(file.name, 0) - self._source.count_malformed(file)
            for file, content in self._source.files
        }
        return {name: count for name, count in missing.items() if count}

    def _sample_lines(self) -> tuple[Mapping[str, Any], ...]:
        if self.found is None:
            return ()
        shown = self.found.orderBy("_source_file", "line_number").limit(SAMPLE_ROWS)
        return tuple(
            row.asDict() for row in shown.select("_source_file", "line_number", "reason", "text").collect()
        )

    @property
    def _is_public(self) -> bool:
        return bool(self._source.files) and all(
            is_public_file(self._contract.name, file.path.stat().st_size, content.fingerprint)
            for file, content in self._source.files
        )

    def settle_refused(self) -> None:
        """Resolve lines of files that have changed or are gone."""
        if self.quarantine is not None:
            files = [(file.name, content.fingerprint) for file, content in self._source.files]
            self.quarantine.settle(self.found, None, files)

    def note_version(self) -> dict[str, str]:
        """Files with fingerprint and moment, whether they are the published ones, and values to compare."""
        files = {
            file.name: (content.fingerprint, self._moments[file.name].isoformat())
            for file, content in self._source.files
        }
        return {
            LANDED_FILES: json.dumps(files),
            IS_PUBLIC: json.dumps(self._is_public),
            **self._note_history(),
        }

    def note_run(self) -> dict[str, Any]:
        """Files, and what is not as expected of them."""
        source = self._source
        notes: dict[str, Any] = {"landed_files": [file.name for file, _ in source.files]}
        if source.repeated:
            notes["same_content_again"] = (
                f"not read again, as the content is the same: {', '.join(source.repeated)}"
            )
        if not source.files:
            notes["absent"] = f"no file landed for {self._contract.name}: the table is empty"
        if source.malformed:
            notes["refused"] = _say_refused(source.malformed, "line", self._contract)
        return notes


class MadeDraft(Draft):
    """A silver or gold version: what a transform makes of other tables, and the rows it refuses."""

    def __init__(self, table: Table, lake: Lakehouse, settings: Settings, run_id: str) -> None:
        super().__init__(table, lake, settings, run_id)
        self._versions = {address: lake.find_version(address) for address in table.sources.values()}
        self._inputs = {address: lake.read(address, self._versions[address]) for address in self._versions}
        self._landed = {address: self._inputs[address] for address in table.landed}
        self.quarantine, self.found, self._settled, self._repeats = None, None, None, None
        if table.contract.refuses_rows:
            self.quarantine = Quarantine(table.contract, table.landed, lake, run_id)
            self._settled = self.quarantine.find_settled(self._list_files())
            self._repeats = find_repeats(self._read_unsettled(), table.contract)
        self.candidate = lake.stage(self._make_rows(), table.contract, self._pin, run_id)
        if self.candidate.refused:
            self.found = describe_rows(lake.read_refused(self.candidate), self._landed)

    def _read_unsettled(self) -> dict[str, DataFrame]:
        """The landed rows, without those in quarantine that a person has dealt with."""
        if self._settled is None:
            return self._landed
        return {
            address: rows.join(self._settled, [*ORIGIN], "left_anti")
            for address, rows in self._landed.items()
        }

    def _make_rows(self) -> DataFrame:
        inputs = self._inputs | self._read_unsettled()
        if self._repeats is not None:
            inputs |= {address: self._repeats.drop_from(inputs[address]) for address in self._landed}
        offered = (*dict(self._settings).values(), Moment(datetime.now(UTC)))
        chosen = {
            name: next(value for value in offered if isinstance(value, kind))
            for name, kind in self._table.settings.items()
        }
        given = {name: inputs[address] for name, address in self._table.sources.items()}
        if self._table.history is not None:
            given[self._table.history] = self._read_former()
        rows = self._table.transform(**given, **chosen)
        if not self._contract.refuses_rows:
            return rows
        check_shape(rows, self._contract)  # before any of its rules is asked
        return mark_refused(rows, self._contract, _conflicting(self._repeats))

    def _read_former(self) -> DataFrame:
        """The rows that were published when work on this version began; none the first time."""
        if self._pin.version is not None:
            return self._lake.read(self._contract.address, self._pin.version)
        columns = (f"`{column.name}` {column.type}" for column in self._contract.columns)
        return self._lake.session.createDataFrame([], ", ".join(columns))

    def audit(self) -> tuple[RuleOutcome, ...]:
        """The outcome of every rule, those over counts last."""
        outcomes = audit_rows(self.rows, self._contract, self._gather_evidence())
        if not self._contract.refuses_rows:
            return outcomes
        return (*outcomes, *audit_row_counts(self._count_rows(), self._contract))

    def _gather_evidence(self) -> Evidence:
        tables = {
            address: self._inputs[address] if address in self._inputs else self._lake.read(address)
            for address in consulted_tables(self._contract)
        }
        past, is_public = read_past(self._lake, self._contract.address), self._is_public
        if not self._contract.refuses_rows:
            return Evidence(tables=tables, past=past, is_public=is_public)
        refused = self._lake.read_refused(self.candidate)
        return Evidence(
            tables=tables,
            refused=refused,
            lines=read_open_lines(self._table, self._lake),
            refused_by_rule=_count_reasons(refused) if self.candidate.refused else {},
            read=self._count_read(),
            past=past,
            is_public=is_public,
        )

    def _count_read(self) -> int:
        return sum(self._lake.count_rows(address, self._versions[address]) for address in self._landed)

    def _count_rows(self) -> RowCounts:
        """A row that is in quarantine already counts as quarantined, whatever has come of its key since."""
        counts = dict(self._repeats.counts) if self._repeats is not None else {}
        held = {DUPLICATE: 0, SUPERSEDED: 0}
        quarantine = self.quarantine
        if self._repeats is not None and quarantine is not None:
            held = {
                fate: quarantine.count_known(self._repeats.of_fate(fate), self._list_files()) for fate in held
            }
        settled = 0 if self._settled is None else self._settled.count()
        return RowCounts(
            read=self._count_read(),
            written=self.candidate.rows,
            quarantined=self.candidate.refused + settled + sum(held.values()),
            duplicates=counts.get(DUPLICATE, 0) - held[DUPLICATE],
            superseded=counts.get(SUPERSEDED, 0) - held[SUPERSEDED],
            open=self.candidate.refused,
        )

    def _list_files(self) -> FileOrigins:
        return [
            (name, fingerprint)
            for address in self._landed
            for name, (fingerprint, _) in read_landed_files(self._lake, address).items()
        ]

    @property
    def _is_public(self) -> bool:
        return was_public(self._lake, list(self._versions))

    def settle_refused(self) -> None:
        """Resolve rows that passed, were superseded, or are gone from their files."""
        if self.quarantine is not None:
            superseded = self._repeats.of_fate(SUPERSEDED) if self._repeats is not None else None
            self.quarantine.settle(self.found, superseded, self._list_files())

    def note_version(self) -> dict[str, str]:
        """Whether all that it is made of is the published dataset, and values to compare."""
        return {IS_PUBLIC: json.dumps(self._is_public), **self._note_history()}

    def note_run(self) -> dict[str, Any]:
        """What it was made of nothing from, and how much was refused."""
        notes: dict[str, Any] = {}
        empty = [
            address
            for address, version in self._versions.items()
            if not self._lake.count_rows(address, version)
        ]
        if empty:
            notes["empty_sources"] = f"made of nothing from {', '.join(empty)}"
        if self.candidate.refused:
            notes["refused"] = _say_refused(self.candidate.refused, "row", self._contract)
        return notes


def read_landed_files(lake: Lakehouse, address: str) -> dict[str, tuple[str, str]]:
    """Fingerprint and moment of ingestion of each file that a bronze table holds, by name."""
    notes = lake.read_notes(address, LANDED_FILES, HISTORY_VERSIONS)
    return (
        {name: (str(found[0]), str(found[1])) for name, found in json.loads(notes[0]).items()}
        if notes
        else {}
    )


def read_past(lake: Lakehouse, address: str) -> dict[str, list[float]]:
    """Values that rules over history had in a table's last versions, by rule, the newest first."""
    past: dict[str, list[float]] = {}
    for note in lake.read_notes(address, HISTORY, HISTORY_VERSIONS):
        for name, value in json.loads(note).items():
            past.setdefault(name, []).append(value)
    return past


def was_public(lake: Lakehouse, addresses: Sequence[str]) -> bool:
    """Whether tables hold the published dataset and nothing else."""
    notes = [lake.read_notes(address, IS_PUBLIC, HISTORY_VERSIONS) for address in addresses]
    return all(found and json.loads(found[0]) for found in notes)


def read_open_lines(table: Table, lake: Lakehouse) -> DataFrame:
    """Lines of the landed files of a table's rows that no row could be read from, and nobody has dealt with."""
    held = [quarantine_address(source) for source in table.landed.values()]
    parts = [
        lake.read(address).where(F.col("status") == OPEN).select("_source_file", "line_number")
        for address in held
        if lake.find_version(address) is not None
    ]
    empty = lake.session.createDataFrame([], "_source_file string, line_number bigint")
    return reduce(DataFrame.unionByName, parts, empty)


def _conflicting(repeats: Repeats | None) -> DataFrame | None:
    return None if repeats is None else repeats.conflicting


def _count_reasons(refused: DataFrame) -> dict[str, int]:
    counted = refused.select(F.explode(REASONS).alias("reason")).groupBy("reason").count()
    return {row["reason"]: row["count"] for row in counted.collect()}


def _say_refused(count: int, what: str, contract: Contract) -> str:
    return (
        f"{count:,} {what}{'' if count == 1 else 's'} refused, see: "
        f"instacart quarantine show {contract.address}"
    )
