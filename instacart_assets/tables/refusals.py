"""The quarantine of one table while the table is built.

Defines when refused rows are recorded and when they are resolved: recorded first, so that nothing is lost whatever
happens next; resolved only after the table is published, so that no row is marked resolved that readers do not have.
The content of the rows is in ``quality/quarantine.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN, Contract
from instacart_assets.contracts.quarantine import quarantine_of
from instacart_assets.lakehouse.lake import Lakehouse
from instacart_assets.quality.quarantine import (
    OPEN,
    add_found,
    find_gone,
    is_settled,
    resolve_by_hand,
    resolve_gone,
)


@dataclass(frozen=True)
class QuarantineState:
    """A quarantine table after a build.

    Attributes:
        contract: the quarantine table.
        version: its Delta version.
        rows: number of rows it holds.
        open: number of rows not resolved.
        added: number of rows that this build added.
    """

    contract: Contract
    version: int
    rows: int
    open: int
    added: int


class Quarantine:
    """The quarantine table of a contract's table, in one lake, during one run."""

    def __init__(
        self, contract: Contract, sources: Mapping[str, Contract], lake: Lakehouse, run_id: str
    ) -> None:
        self.contract = quarantine_of(contract, sources)
        self._of_lines = bool(contract.landed_columns)
        self._lake = lake
        self._run_id = run_id
        # Pinned once: what another run adds in the meantime must not be lost.
        self._pin = lake.pin(self.contract.address)
        self._before = self._count()

    @property
    def known(self) -> DataFrame:
        """The rows it holds."""
        if self._pin.version is None:
            return self._make_empty()
        return self._lake.read(self.contract.address, self._pin.version)

    def keep(self, found: DataFrame | None) -> None:
        """Record what is refused now, where that changes anything; create the table where there is none.

        Args:
            found: what is refused now, with identifiers; None where nothing is.
        """
        if found is not None and (not self._before or self._find_news(found)):
            self._publish(add_found(self.known, found.select(*self._found_columns()), self._run_id, _now()))
        elif self._pin.version is None:
            self._publish(self.known)

    def settle(
        self,
        found: DataFrame | None,
        superseded: DataFrame | None,
        landed_files: Sequence[tuple[str, str]],
    ) -> None:
        """Resolve what is no longer refused, once the table is published."""
        if not self._before:
            return
        now_found = self._make_empty() if found is None else found
        if find_gone(self.known, now_found).limit(1).count():
            self._publish(resolve_gone(self.known, now_found, superseded, landed_files, _now()))

    def resolve(self, row_ids: Sequence[str], how: str) -> None:
        """Mark rows as resolved by a person."""
        self._publish(resolve_by_hand(self.known, row_ids, how, _now()))

    def count_states(self) -> tuple[int, int]:
        """How many of its rows are open, and how many a person has resolved."""
        if not self._before:
            return 0, 0
        is_open = F.count_if(F.col("status") == OPEN)
        (counts,) = self.known.agg(is_open.alias("open"), F.count_if(is_settled()).alias("settled")).collect()
        return counts["open"], counts["settled"]

    def keep_of(self, files: Mapping[str, str]) -> DataFrame:
        """Its rows from the given files (fingerprint by name), in the columns that ``keep`` takes."""
        return self._of_files(self.known, list(files.items())).select(*self._found_columns())

    def count_settled(self, found: DataFrame | None) -> int:
        """How many of the lines found now a person has resolved."""
        if found is None or not self._before:
            return 0
        return found.join(self.known.where(is_settled()), "row_id", "left_semi").count()

    def find_settled(self, landed_files: Sequence[tuple[str, str]]) -> DataFrame | None:
        """Origins of landed rows that a person has resolved; None where there are none."""
        if not self._before:
            return None
        settled = self._of_files(self.known.where(is_settled()), landed_files).select(*ORIGIN)
        return settled if settled.limit(1).count() else None

    def count_known(self, origins: DataFrame, landed_files: Sequence[tuple[str, str]]) -> int:
        """How many of the given landed rows it already holds."""
        if not self._before:
            return 0
        return origins.join(self._of_files(self.known, landed_files), [*ORIGIN], "left_semi").count()

    def _of_files(self, known: DataFrame, landed_files: Sequence[tuple[str, str]]) -> DataFrame:
        """Its rows from the given files with their current content."""
        files = self._lake.session.createDataFrame(
            list(landed_files), "_source_file string, _source_fingerprint string"
        )
        return known.join(files, ["_source_file", "_source_fingerprint"], "left_semi")

    def describe(self) -> QuarantineState:
        """The table as it is now."""
        rows = self._count()
        still_open = self.known.where(F.col("status") == OPEN).count() if rows else 0
        version = -1 if self._pin.version is None else self._pin.version
        return QuarantineState(self.contract, version, rows, still_open, rows - self._before)

    def _count(self) -> int:
        version = self._pin.version
        return 0 if version is None else self._lake.count_rows(self.contract.address, version)

    def _find_news(self, found: DataFrame) -> bool:
        """Whether anything refused now is not yet recorded as open or resolved by a person, for the same reasons."""
        familiar = self.known.where((F.col("status") == OPEN) | is_settled())
        same = ["row_id", "reason" if self._of_lines else "reasons_text"]
        return found.join(familiar.select(*same), same, "left_anti").limit(1).count() > 0

    def _found_columns(self) -> list[str]:
        life = {"status", "resolution", "quarantined_at", "resolved_at", "run_id"}
        return [name for name in self.contract.column_names if name not in life]

    def _make_empty(self) -> DataFrame:
        columns = ", ".join(f"`{column.name}` {column.type}" for column in self.contract.columns)
        return self._lake.session.createDataFrame([], columns)

    def _publish(self, rows: DataFrame) -> None:
        candidate = self._lake.stage(rows, self.contract, self._pin, self._run_id)
        self._lake.publish(candidate)
        self._lake.discard(candidate)
        self._pin = self._lake.pin(self.contract.address)


def _now() -> datetime:
    return datetime.now(UTC)
