"""Draft of a silver or gold version: the result of a transform over other tables, and the rows it refuses.

Defines how a table is refreshed incrementally from its sources. Where none has changed, nothing is built; where only
some rows have, and the table's groups are built independently, the affected groups are rebuilt and the others stay;
else the whole table is built, and published if it differs from the published version. All three ways give the same
rows: those that the function produces from the current sources.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN, REASONS
from instacart_assets.contracts.rules import consulted_tables
from instacart_assets.lakehouse.lake import Lakehouse, TableMissingError
from instacart_assets.lakehouse.schema import check_shape
from instacart_assets.quality.accounting import RowCounts, audit_row_counts
from instacart_assets.quality.audit import Evidence, Part, audit_rows
from instacart_assets.quality.outcomes import RuleOutcome
from instacart_assets.quality.quarantine import describe_rows
from instacart_assets.quality.repeats import DUPLICATE, SUPERSEDED, Repeats, find_repeats
from instacart_assets.quality.split import mark_refused
from instacart_assets.settings import Settings
from instacart_assets.tables.declare import Table
from instacart_assets.tables.draft import FIRST_VERSION, NOTHING_TO_DO, OTHER_RECIPE, Draft, say_refused
from instacart_assets.tables.lost import read_lost_lines, read_lost_rows
from instacart_assets.tables.moment import Moment
from instacart_assets.tables.notes import Provenance, read_held_files, read_past, read_stamp, was_public
from instacart_assets.tables.refusals import Quarantine
from instacart_assets.tables.scope import Scope, find_scope

FileOrigins = list[tuple[str, str]]
"""Name and fingerprint of each landed file."""

WORTH_COMPARING = 1_000_000
"""A table with more rows that was built as a whole is not compared row by row with the previous version."""

LARGEST_PART = 0.3
"""Where more than this share of a table's rows must be rebuilt, rebuilding all of them costs no more."""


class MadeDraft(Draft):
    """Draft of a silver or gold version: the result of a transform over other tables, and the rows it refuses."""

    def __init__(self, table: Table, lake: Lakehouse, settings: Settings, run_id: str) -> None:
        super().__init__(table, lake, settings, run_id)
        self._versions = {address: self._find_version(address) for address in table.dependencies}
        self._inputs = {
            address: lake.read(address, self._versions[address]) for address in table.sources.values()
        }
        self._landed = {address: self._inputs[address] for address in table.landed}
        self._moment = Moment(datetime.now(UTC))
        self._settled: DataFrame | None = None
        self._repeats: Repeats | None = None
        if table.contract.refuses_rows:
            self.quarantine = Quarantine(table.contract, table.landed, lake, run_id)
            self._settled = self.quarantine.find_settled(self._list_files())

    def _find_version(self, address: str) -> int | None:
        """The version of a source to build from: the published one, or with ``as_of`` the one published at that time.

        A version that the same run has already rebuilt as of that time is used as it is.
        """
        moment = self._settings.as_of
        if moment is None or self._lake.read_last_note(address, "run_id") == self._run_id:
            return self._lake.find_version(address)
        version = self._lake.find_version_at(address, moment)
        if version is None:
            raise TableMissingError(
                f"{address} was not in the lake {self._lake.place} at {moment.isoformat()}; "
                f"see what was when: instacart versions {address}"
            )
        return version

    # -- what must be built

    def write(self) -> None:
        """Write a candidate of what must be built, unless nothing must."""
        past = self._past
        if past is not None and self._keeps_history and self._settings.as_of is not None:
            self.why, self.is_current = "the past is not rebuilt", True
            return
        moved = self._moved
        self.why = self._say_why_whole(past, moved)
        if past is not None and not self.why:
            if not moved and self._is_quarantine_settled(past):
                self.why, self.is_current = NOTHING_TO_DO, True
                return
            if self._write_part(past, moved):
                return
        self._write_whole()

    def _say_why_whole(self, past: Provenance | None, moved: Sequence[str]) -> str:
        """Why the whole table must be built; empty where a part may suffice."""
        if past is None:
            return FIRST_VERSION
        untied = [address for address in moved if address in self._inputs and address not in self._table.ties]
        changed = untied or ([] if self._table.by else moved)
        reasons = {
            f"it was asked for as of {self._settings.as_of}": self._settings.as_of is not None,
            "it was asked for": self._settings.full and not self._keeps_history,
            OTHER_RECIPE: past.recipe != self._recipe,
            "its quarantine has lost rows": self._has_lost_refused(past),
            f"{', '.join(changed)} has changed": bool(changed),
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def _has_lost_refused(self, past: Provenance) -> bool:
        if self.quarantine is None:
            return False
        return sum(self.quarantine.count_states()) < past.refused + past.settled

    @property
    def _is_asked_for(self) -> bool:
        """Whether the settings request a build of the whole table, whatever has changed."""
        return self._settings.full or self._settings.as_of is not None

    @property
    def _keeps_history(self) -> bool:
        """Whether the table is also built from its own earlier rows, and hence is never rebuilt from scratch."""
        return self._table.history is not None

    @cached_property
    def _moved(self) -> list[str]:
        """Tables that it is built from or checked against and that have changed since it was built."""
        past = self._past
        return [
            address
            for address, version in self._versions.items()
            if past is not None and version is not None and self._has_moved(address, version, past)
        ]

    def _has_moved(self, address: str, version: int, past: Provenance) -> bool:
        noted = past.made_of.get(address)
        if noted is None or version < noted:
            return True
        if version == noted:  # a table that was removed and recreated restarts its version numbers
            return past.stamps.get(address) != read_stamp(self._lake, address)
        return self._lake.has_changed(address, noted, version)

    def _write_whole(self) -> None:
        """Build the whole table, and compare it with the published one where that is worthwhile."""
        if self.contract.refuses_rows:
            self._repeats = find_repeats(self._read_unsettled(self._landed), self.contract)
        self._stage(self._inputs)
        if self._past is None or self._past.recipe != self._recipe:
            return
        if self._keeps_history:
            # Earlier rows are never rewritten: only changes are merged in.
            self.candidate = self._lake.compare(self.candidate, self._read_published(), is_part=True)
        elif not self._is_asked_for and self.candidate.rows <= WORTH_COMPARING:
            self.candidate = self._lake.compare(self.candidate, self._read_published(), is_part=False)

    def _write_part(self, past: Provenance, moved: Sequence[str]) -> bool:
        """Rebuild the groups that depend on changed rows; False where the whole table must be built."""
        if not self._table.by:
            self.why = "rows in quarantine were dealt with"
            return False
        changes: dict[str, DataFrame] = {}
        for address in moved:
            if address in self._inputs:
                rows = self._read_changes(address, past)
                if rows is None:
                    self.why = f"{address} has changed as a whole"
                    return False
                changes[address] = self._aside.put(rows)
        known = self.quarantine.known if self.quarantine is not None else None
        scope = find_scope(
            self._table,
            changes=changes,
            landed=self._landed,
            published=self._read_published(),
            refused=known,
            aside=self._aside,
        )
        published = self._aside.put(scope.slice(self._read_published()))
        if published.count() > LARGEST_PART * self.count_rows():
            self.why = f"most of it depends on what changed in {', '.join(moved)}"
            return False
        self._stage_part(scope, past)
        self.candidate = self._lake.compare(self.candidate, published, is_part=True)
        self.why = f"the part that depends on changes of {', '.join(moved) or 'its quarantine'}"
        return True

    def _read_changes(self, address: str, past: Provenance) -> DataFrame | None:
        version = self._versions[address]
        if address not in past.made_of or version is None or version <= past.made_of[address]:
            return None
        return self._lake.read_changes(address, past.made_of[address], version)

    def _read_published(self) -> DataFrame:
        return self._lake.read(self.contract.address, self._pin.version)

    def _stage_part(self, scope: Scope, past: Provenance) -> None:
        inputs = {
            address: scope.slice(rows) if self._table.ties.get(address) == self._table.by else rows
            for address, rows in self._inputs.items()
        }
        # Landed rows are text, and are read more than once.
        self._landed = {address: self._aside.put(inputs[address]) for address in self._landed}
        if self.contract.refuses_rows:
            is_decided_within = set(self._table.by) <= set(self.contract.key)
            # Repeats outside the part, if there were any, are counted again: which ones there were is not recorded.
            everywhere = any(past.repeats.values()) or not is_decided_within
            landed = (
                {address: self._inputs[address] for address in self._landed} if everywhere else self._landed
            )
            self._repeats = find_repeats(self._read_unsettled(landed), self.contract)
        self._stage(inputs | self._landed)

    # -- building it

    def _stage(self, inputs: Mapping[str, DataFrame]) -> None:
        self.candidate = self._lake.stage(self._make_rows(inputs), self.contract, self._pin, self._run_id)
        if self.candidate.refused:
            self.found = describe_rows(self._lake.read_refused(self.candidate), self._landed)

    def _read_unsettled(self, landed: Mapping[str, DataFrame]) -> dict[str, DataFrame]:
        """The landed rows, without those that a person has resolved in quarantine."""
        settled = self._settled
        if settled is None:
            return dict(landed)
        return {address: rows.join(settled, [*ORIGIN], "left_anti") for address, rows in landed.items()}

    def _make_rows(self, inputs: Mapping[str, DataFrame]) -> DataFrame:
        given = {**inputs, **self._read_unsettled(self._landed)}
        if self._repeats is not None:
            given |= {address: self._repeats.drop_from(given[address]) for address in self._landed}
        chosen = self._choose_settings()
        moments = {name: self._moment for name in self._table.settings if name not in chosen}
        sources = {name: given[address] for name, address in self._table.sources.items()}
        former = {} if self._table.history is None else {self._table.history: self._read_former()}
        rows = self._table.transform(**sources, **former, **chosen, **moments)
        if not self.contract.refuses_rows:
            return rows
        check_shape(rows, self.contract)  # before any of its rules is evaluated
        conflicting = None if self._repeats is None else self._repeats.conflicting
        return mark_refused(rows, self.contract, conflicting)

    def _read_former(self) -> DataFrame:
        """The published rows; none the first time."""
        if self._pin.version is not None:
            return self._read_published()
        return self._lake.make_none(self.contract)

    # -- checking it against its contract

    def audit(self) -> tuple[RuleOutcome, ...]:
        """The outcome of every rule, those over counts last."""
        outcomes = audit_rows(self.rows, self.contract, self._gather_evidence())
        if not self.contract.refuses_rows:
            return outcomes
        return (*outcomes, *audit_row_counts(self._row_counts, self.contract))

    def _gather_evidence(self) -> Evidence:
        tables = {
            address: self._inputs[address]
            if address in self._inputs
            else self._lake.read(address, self._versions[address])
            for address in consulted_tables(self.contract)
        }
        past, is_public = read_past(self._lake, self.contract.address), self._is_public
        if not self.contract.refuses_rows:
            return Evidence(tables=tables, past=past, is_public=is_public, part=self._find_part())
        refused = self._lake.read_refused(self.candidate)
        return Evidence(
            tables=tables,
            refused=refused.unionByName(self._discarded, allowMissingColumns=True),
            lines=self._lost,
            refused_by_rule=_count_reasons(refused) if self.candidate.refused else {},
            read=self._count_read(),
            past=past,
            is_public=is_public,
            part=self._find_part(),
        )

    @cached_property
    def _discarded(self) -> DataFrame:
        """Refused rows that a person has discarded: rules about groups allow for them as for those refused now."""
        return read_lost_rows(self._table, self._lake, is_open=False)

    @cached_property
    def _lost(self) -> DataFrame:
        """Malformed lines, open or discarded, in the landed files of the table's rows."""
        return read_lost_lines(self._table, self._lake)

    @cached_property
    def _lost_lines(self) -> int:
        """Number of those lines."""
        return self._lost.count() if self.contract.refuses_rows else 0

    def _find_part(self) -> Part | None:
        past = self._past
        if past is None or not self.candidate.is_part:
            return None
        moved = set(self._moved)
        steady = frozenset(
            address for address in self._versions if address not in moved or address in self._table.ties
        )
        lacks = self._lost_lines or self.candidate.refused or self._discarded.limit(1).count()
        is_clean = not (lacks or past.refused or past.lines)
        return self._make_part(steady=steady, is_clean=is_clean)

    def _count_read(self) -> int:
        return sum(self._lake.count_rows(address, self._versions[address]) for address in self._table.landed)

    @cached_property
    def _row_counts(self) -> RowCounts:
        """A row that is already in quarantine counts as quarantined, whatever has happened to its key since."""
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
            (name, file.fingerprint)
            for address in self._table.landed
            for name, file in read_held_files(self._lake, address, self._find_as_of(address)).items()
        ]

    def _find_as_of(self, address: str) -> int | None:
        """The version of a source, where it is not the published one."""
        return None if self._settings.as_of is None else self._versions[address]

    @property
    def _by(self) -> tuple[str, ...]:
        return self._table.by

    @property
    def _is_public(self) -> bool:
        return was_public(self._lake, self._table.sources.values())

    def settle_refused(self) -> None:
        """Resolve rows that passed, were superseded, or are gone from their files; with ``as_of``, resolve none."""
        if self.quarantine is not None and self._settings.as_of is None:
            superseded = self._repeats.of_fate(SUPERSEDED) if self._repeats is not None else None
            self.quarantine.settle(self.found, superseded, self._list_files())

    # -- what is recorded and reported

    def _describe_origin(self, outcomes: Sequence[RuleOutcome]) -> Provenance:
        return Provenance(
            recipe=self._recipe,
            made_of={address: version for address, version in self._versions.items() if version is not None},
            stamps={address: read_stamp(self._lake, address) for address in self._versions},
            refused=self.candidate.refused,
            settled=self.quarantine.count_states()[1] if self.quarantine is not None else 0,
            lines=self._lost_lines,
            repeats=self._repeats.counts if self._repeats is not None else {},
            outcomes=self._note_outcomes(outcomes),
        )

    def note_run(self) -> dict[str, Any]:
        """Which sources were empty, and how much was refused."""
        notes: dict[str, Any] = {}
        empty = [
            address
            for address in self._table.sources.values()
            if not self._lake.count_rows(address, self._versions[address])
        ]
        if empty:
            notes["empty_sources"] = f"made of nothing from {', '.join(empty)}"
        refused = self.candidate.refused if not self.is_current else self._past.refused if self._past else 0
        if refused:
            notes["refused"] = say_refused(refused, "row", self.contract)
        return notes


def _count_reasons(refused: DataFrame) -> dict[str, int]:
    counted = refused.select(F.explode(REASONS).alias("reason")).groupBy("reason").count()
    return {row["reason"]: row["count"] for row in counted.collect()}
