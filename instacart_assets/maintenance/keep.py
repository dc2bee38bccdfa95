"""Which maintenance is due for the tables of a lake, and its outcome.

Contains when which table is maintained, and how the outcome is reported. Each kind of lake implements the operations in
the package ``lakehouse``; ``assets.py`` shows them in Dagster.

A table is maintained under its lock. One that a run is working on is skipped until the next time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.quarantine import quarantine_address
from instacart_assets.lakehouse.care import NO_FILES, Files
from instacart_assets.lakehouse.history import COMPACTION, count_since, find_last
from instacart_assets.lakehouse.lake import Lakehouse, PublishConflictError
from instacart_assets.lakehouse.lock import TableHeldError
from instacart_assets.settings import Settings

Operation = Literal["compact", "vacuum", "checkpoint"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)

State = Literal["done", "due", "nothing to do", "not due", "busy", "failed"]
"""``due`` is what a dry run would have done; ``busy`` a table that a run is working on; ``failed`` a damaged one."""


@dataclass(frozen=True)
class Care:
    """What one operation did to one table.

    Attributes:
        address: the table.
        operation: what was asked for.
        state: its outcome.
        before: the files concerned, where they can be counted: those of the current version for compaction, all but
            candidates for vacuum.
        after: the same, afterwards.
        removed: files that were removed from disk, or would be.
        spared: what was left alone, and why, for people.
    """

    address: str
    operation: Operation
    state: State
    before: Files | None = None
    after: Files | None = None
    removed: Files = NO_FILES
    spared: str = ""


def list_faults(done: Sequence[Care]) -> list[str]:
    """What failed, and the remedy, for people; empty if nothing did."""
    return [
        f"{care.address}: {care.operation} failed: {care.spared}; the other tables were looked after. See what the table "
        f"still has: instacart versions {care.address}, and bring a sound version back with instacart restore"
        for care in done
        if care.state == "failed"
    ]


class Keeper:
    """Maintains the tables of one lake.

    Args:
        lake: the lake.
        settings: how far back versions stay readable, and after how many versions an operation is due.
        run_id: the run that does it.
        now: the time that ages are counted from.
        is_rehearsal: dry run: only report what would be done.
    """

    def __init__(
        self,
        lake: Lakehouse,
        settings: Settings,
        run_id: str,
        *,
        now: datetime | None = None,
        is_rehearsal: bool = False,
    ) -> None:
        self._lake = lake
        self._settings = settings
        self._run_id = run_id
        self._since = (now or datetime.now(UTC)) - timedelta(days=settings.time_travel_days)
        self._is_rehearsal = is_rehearsal
        self._owners = {
            quarantine_address(contract): contract.address
            for contract in load_contracts().values()
            if contract.has_quarantine
        }
        self._do = {"compact": self._compact, "vacuum": self._vacuum, "checkpoint": self._checkpoint}

    def keep(
        self,
        operations: Sequence[Operation] = OPERATIONS,
        on_progress: Callable[[int, int], object] = max,
    ) -> list[Care]:
        """Do what is due for every table of the lake, including quarantine tables.

        Args:
            operations: which ones, in their order.
            on_progress: called with the number of tables done, and the number of all tables.
        """
        done: list[Care] = []
        addresses = self._lake.list_tables()
        for number, address in enumerate(addresses):
            on_progress(number, len(addresses))
            done += self._keep_table(address, operations)
        on_progress(len(addresses), len(addresses))
        return done

    def _keep_table(self, address: str, operations: Sequence[Operation]) -> Iterator[Care]:
        """Maintain a table, unless a run is working on it; a table and its quarantine table share a lock."""
        try:
            with self._lake.hold(self._owners.get(address, address), self._run_id, seconds=0):
                for operation in operations:
                    yield self._try_once(address, operation)
        except TableHeldError as error:
            yield from (Care(address, operation, "busy", spared=str(error)) for operation in operations)

    def _try_once(self, address: str, operation: Operation) -> Care:
        try:
            return self._do[operation](address)
        except PublishConflictError as error:  # where no lock is available
            return Care(address, operation, "busy", spared=str(error))
        except Exception as error:  # noqa: BLE001 - a damaged table does not stop the others
            return Care(address, operation, "failed", spared=str(error).strip() or repr(error))

    def _compact(self, address: str) -> Care:
        commits = self._lake.list_commits(address)
        published = count_since(commits, find_last(commits, COMPACTION))
        before = self._lake.measure_files(address)
        if published < self._settings.compact_after:
            return Care(address, "compact", "not due", before, before, spared=_tell_young(published))
        if before.count <= 1:
            return Care(address, "compact", "nothing to do", before, before)
        if self._is_rehearsal:
            return Care(address, "compact", "due", before)
        self._lake.compact(address)
        after = self._lake.measure_files(address)
        return Care(address, "compact", "nothing to do" if after == before else "done", before, after)

    def _vacuum(self, address: str) -> Care:
        swept = self._lake.sweep(address, self._since, is_rehearsal=self._is_rehearsal)
        state: State = "nothing to do"
        if swept.removed.count:
            state = "due" if self._is_rehearsal else "done"
        spared = f"versions from {swept.kept_from} on" + (
            f", {swept.candidates} refused candidate(s)" if swept.candidates else ""
        )
        after = swept.before if self._is_rehearsal else swept.after
        return Care(address, "vacuum", state, swept.before, after, swept.removed, spared)

    def _checkpoint(self, address: str) -> Care:
        last = self._lake.find_checkpoint(address)
        if last is None:
            return Care(address, "checkpoint", "nothing to do", spared="the engine writes its own")
        published = count_since(self._lake.list_commits(address), last)
        if published < self._settings.checkpoint_after:
            return Care(address, "checkpoint", "not due", spared=_tell_young(published))
        if self._is_rehearsal:
            return Care(address, "checkpoint", "due")
        self._lake.checkpoint(address, self._since)
        return Care(address, "checkpoint", "done")


def _tell_young(published: int) -> str:
    return f"{published} published version(s) since the last time"
