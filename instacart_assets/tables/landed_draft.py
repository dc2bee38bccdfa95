"""Draft of a bronze version: the records of the landed files, and their malformed lines.

Defines how each landed file is ingested once. A version records the files it holds; the next one reads those that
are new or have other content, and keeps the rows of all others, including files that are no longer landed, unless
somebody withdrew them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.lakehouse.lake import Candidate, Lakehouse
from instacart_assets.landing.files import FileContent, LandedFile
from instacart_assets.landing.public import is_public_file
from instacart_assets.landing.source import LandedSource, open_source
from instacart_assets.landing.withdrawn import read_withdrawn
from instacart_assets.places import for_python
from instacart_assets.quality.accounting import LineCounts, audit_line_counts
from instacart_assets.quality.audit import Evidence, audit_rows
from instacart_assets.quality.outcomes import SAMPLE_ROWS, RuleOutcome
from instacart_assets.quality.quarantine import describe_lines
from instacart_assets.settings import Settings
from instacart_assets.tables.declare import Table
from instacart_assets.tables.draft import FIRST_VERSION, NOTHING_TO_DO, OTHER_RECIPE, Draft, say_refused
from instacart_assets.tables.notes import HeldFile, Provenance, read_held_files, read_past, write_held_files
from instacart_assets.tables.refusals import Quarantine


class LandedDraft(Draft):
    """Draft of a bronze version: the records of the landed files, and their malformed lines."""

    quarantine: Quarantine

    def __init__(self, table: Table, lake: Lakehouse, settings: Settings, run_id: str) -> None:
        super().__init__(table, lake, settings, run_id)
        self.quarantine = Quarantine(table.contract, {}, lake, run_id)
        self._before = read_held_files(lake, table.address)
        self._is_same_recipe = self._past is not None and self._past.recipe == self._recipe
        landing = for_python(settings.landing)
        withdrawn = read_withdrawn(landing)
        gone = {name for name, file in self._before.items() if file.fingerprint in withdrawn.get(name, set())}
        self._source = open_source(
            landing,
            table.contract,
            lake.scratch,
            {name: file.fingerprint for name, file in self._before.items()},
            withdrawn=gone,
            is_read_again=not self._is_same_recipe,
        )
        self._withdrawn = [name for name in self._before if name in gone - self._source.landed]
        read = {file.name for file, _ in self._source.files}
        self._replaced = [
            name
            for name in self._before
            if name in read or (name in self._source.landed and name not in self._source.unchanged)
        ]
        self._kept = {
            name: file
            for name, file in self._before.items()
            if name not in self._replaced and name not in self._withdrawn
        }
        self.why = self._say_why()

    def _say_why(self) -> str:
        if self._past is None:
            return FIRST_VERSION
        if not self._is_same_recipe:
            return OTHER_RECIPE
        new = [file.name for file, _ in self._source.files if file.name not in self._before]
        said = {"landed": new, "replaced": self._replaced, "withdrawn": self._withdrawn}
        return (
            "; ".join(f"{what}: {', '.join(names)}" for what, names in said.items() if names) or NOTHING_TO_DO
        )

    def write(self) -> None:
        """Write a candidate from the files that must be read, unless there are none."""
        past = self._past
        if past is not None and self._settings.as_of is not None:
            self.why, self.is_current = "what had landed is read as it stood then", True
            return
        if past is not None and self.why == NOTHING_TO_DO and self._is_quarantine_settled(past):
            self.is_current = True
            return
        self.candidate = self._stage()
        self.found = self._find_lines()

    def _stage(self) -> Candidate:
        made = self._stage_records()
        if self._pin.version is None:
            return made
        held = self._lake.read(self.contract.address, self._pin.version)
        if set(held.columns) != set(made.contract.column_names) or not self._is_same_recipe:
            return self._stage_whole(made, held)
        gone = self._replaced + self._withdrawn
        published = held.where(F.col("_source_file").isin(gone)) if gone else None
        return self._lake.compare(made, published, is_part=True, may_overlap=False)

    def _stage_whole(self, made: Candidate, held: DataFrame) -> Candidate:
        """A candidate of all rows, in the current columns."""
        kept = held.where(F.col("_source_file").isin(list(self._kept)))
        if not self._kept:
            return made
        rows = self._lake.read_candidate(made).unionByName(kept, allowMissingColumns=True)
        whole = self._lake.stage(rows, made.contract, self._pin, self._run_id)
        self._lake.discard(made)
        return whole

    def _stage_records(self) -> Candidate:
        """A candidate of all records; where the engine cannot read the files, it is read again from their salvage."""
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
        contract = source.widen_contract(name for file in self._kept.values() for name in file.unknown)
        records = self._table.transform(source.read(self._lake.session, contract, self._moments))
        return self._lake.stage(records, contract, self._pin, self._run_id)

    def _is_complete(self, candidate: Candidate) -> bool:
        return candidate.rows + self._source.malformed == self._source.records

    @cached_property
    def _moments(self) -> dict[str, datetime]:
        """Ingestion time of each file that is read: now, or when the same content was first ingested."""
        now = datetime.now(UTC)
        return {
            file.name: datetime.fromisoformat(self._before[file.name].moment)
            if file.name in self._before and self._before[file.name].fingerprint == content.fingerprint
            else now
            for file, content in self._source.files
        }

    def _find_lines(self) -> DataFrame | None:
        """Malformed lines of all files: those found now, and those in quarantine for the files that stay."""
        parts = []
        if self._source.malformed:
            parts.append(describe_lines(self._source.read_lines(self._lake.session)))
        kept = {name: file.fingerprint for name, file in self._kept.items() if file.malformed}
        if kept:
            parts.append(self.quarantine.keep_of(kept))
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else parts[0].unionByName(parts[1])

    @cached_property
    def _held(self) -> dict[str, HeldFile]:
        """The files that the version holds, by name."""
        read = {file.name: self._describe(file, content) for file, content in self._source.files}
        return {**self._kept, **read}

    def _describe(self, file: LandedFile, content: FileContent) -> HeldFile:
        return HeldFile(
            fingerprint=content.fingerprint,
            moment=self._moments[file.name].isoformat(),
            records=content.records,
            malformed=self._source.count_malformed(file),
            is_public=is_public_file(self.contract.name, file.path.stat().st_size, content.fingerprint),
            unknown=self._source.list_unknown(file),
            missing=self._source.list_missing(file),
        )

    def audit(self) -> tuple[RuleOutcome, ...]:
        """The outcome of every rule, those over counts last."""
        held = self._held.values()
        counts = LineCounts(
            records=sum(file.records for file in held),
            rows=self.candidate.rows,
            lines=_count_malformed(self._held),
            open=self._open_lines,
            unaccounted=self._find_unaccounted(),
            sample=self._sample_lines(),
            unknown_columns=_join(file.unknown for file in held),
            missing_columns=_join(file.missing for file in held),
        )
        evidence = Evidence(
            read=counts.records,
            past=read_past(self._lake, self.contract.address),
            is_public=self._is_public,
            part=self._make_part(),
        )
        contract = self.candidate.contract
        return (*audit_rows(self.rows, contract, evidence), *audit_line_counts(counts, contract))

    @cached_property
    def _open_lines(self) -> int:
        """Number of malformed lines in all files that no person has resolved."""
        return _count_malformed(self._held) - self.quarantine.count_settled(self.found)

    def _find_unaccounted(self) -> dict[str, int]:
        """By file that was read, how many of its records are neither a row nor an isolated line."""
        counted = self._lake.read_made(self.candidate).groupBy("_source_file").count().collect()
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
    def _by(self) -> tuple[str, ...]:
        return ("_source_file",)

    @property
    def _is_public(self) -> bool:
        return bool(self._held) and all(file.is_public for file in self._held.values())

    def settle_refused(self) -> None:
        """Resolve lines of files that have changed or were withdrawn."""
        files = [(name, file.fingerprint) for name, file in self._held.items()]
        self.quarantine.settle(self.found, None, files)

    def note_version(self, outcomes: Sequence[RuleOutcome]) -> dict[str, str]:
        """The notes of every version, plus the files it holds."""
        return {**super().note_version(outcomes), **write_held_files(self._held)}

    def _describe_origin(self, outcomes: Sequence[RuleOutcome]) -> Provenance:
        return Provenance(
            recipe=self._recipe,
            refused=self._open_lines,
            settled=self.quarantine.count_states()[1],
            outcomes=self._note_outcomes(outcomes),
        )

    def note_run(self) -> dict[str, Any]:
        """The files, and anything unexpected about them."""
        source = self._source
        held = self._before if self.is_current else self._held
        notes: dict[str, Any] = {
            "landed_files": list(held),
            "ingested_files": [file.name for file, _ in source.files],
        }
        if source.repeated:
            again = ", ".join(f"{name} (as {kept})" for name, kept in source.repeated.items())
            notes["same_content_again"] = f"not read again, as the content is the same: {again}"
        gone = [name for name in self._kept if name not in source.landed]
        if gone:
            notes["no_longer_landed"] = (
                f"no longer landed, its rows stay: {', '.join(gone)} (take them out with: instacart withdraw FILE)"
            )
        if not held:
            notes["absent"] = f"no file landed for {self.contract.name}: the table is empty"
        malformed = _count_malformed(held)
        if malformed:
            notes["refused"] = say_refused(malformed, "line", self.contract)
        return notes


def _count_malformed(files: Mapping[str, HeldFile]) -> int:
    return sum(file.malformed for file in files.values())


def _join(groups: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))
