"""Runs the whole graph in this process, and kills it at a named point: ``kill -9`` from within.

Nothing in the product knows of it: the points are put around its functions here. What a run says of its tables
goes to standard output, a line each.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from instacart_assets.lakehouse import folder_lake as lake
from instacart_assets.landing import salvage
from instacart_assets.runs import TableRun, run_graph
from instacart_assets.settings import Settings
from instacart_assets.tables.draft import Draft
from instacart_assets.tables.landed_draft import LandedDraft
from instacart_assets.tables.made_draft import MadeDraft

FIRST_LINES = 1
"""Lines that a salvage has set apart when it is killed in its middle."""


def main(landing: str, root: str, selection: str = "", point: str = "", address: str = "") -> None:
    """Run the graph or what is selected of it; die at the point of the table, where one is given."""
    for kind in (LandedDraft, MadeDraft):
        _tell_what_is_made(kind)
    if point:
        POINTS[point](address)
    run = run_graph(Settings(landing=Path(landing), lake=Path(root)), selection or None, on_change=_tell)
    sys.exit(0 if run.is_success else 1)


def _tell(table: TableRun) -> None:
    sys.stdout.write(f"{table.state} {table.address} {table.error or ''}\n")
    sys.stdout.flush()


def _tell_what_is_made(kind: type[Draft]) -> None:
    """Say of each table what is made of it, and why."""
    write = kind.write

    def write_and_tell(draft: Draft) -> None:
        write(draft)
        sys.stdout.write(f"made {draft.contract.address} {draft.why}\n")

    _replace(kind, "write", write_and_tell)


def _replace(owner: Any, name: str, function: Callable[..., Any]) -> None:
    setattr(owner, name, function)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _wrap(owner: Any, name: str, names_table: Callable[..., str], address: str, *, before: bool) -> None:
    """Die before or after a function does its work for the table."""
    inner = getattr(owner, name)

    def deadly(*given: Any, **named: Any) -> Any:
        is_hit = names_table(*given, **named) == address
        if is_hit and before:
            _die()
        result = inner(*given, **named)
        if is_hit:
            _die()
        return result

    _replace(owner, name, deadly)


def _around_stage(address: str, *, before: bool) -> None:
    _wrap(lake.FolderLake, "stage", lambda _, __, contract, *___: contract.address, address, before=before)


def _around_step(step: str, address: str, *, before: bool) -> None:
    """Around what the lake does with a candidate."""
    _wrap(
        lake.FolderLake,
        step,
        lambda _, candidate, *__, **___: candidate.contract.address,
        address,
        before=before,
    )


def _around_commit(address: str, *, before: bool) -> None:
    _wrap(
        lake, "commit_files", lambda _, __, contract, *___, **____: contract.address, address, before=before
    )


def _before_append(address: str) -> None:
    def find_address(*given: Any, is_appended: bool = False) -> str:
        return str(given[2].address) if is_appended else ""

    _wrap(lake, "commit_files", find_address, address, before=True)


def _around_draft(step: str, address: str, *, before: bool) -> None:
    for kind in (LandedDraft, MadeDraft):
        _wrap(kind, step, lambda draft: draft.candidate.contract.address, address, before=before)


def _in_salvage(address: str) -> None:
    inner = salvage._sift

    def deadly(file: Any, kept: Any) -> Iterator[Any]:
        for count, line in enumerate(inner(file, kept), start=1):
            yield line
            source = file.name.partition("/")[0].removesuffix(".csv")
            if count == FIRST_LINES and source == address.partition(".")[2]:
                _die()

    salvage._sift = deadly


def _quarantine_of(address: str) -> str:
    layer, _, name = address.partition(".")
    return f"quarantine.{name}{'__lines' if layer == 'bronze' else ''}"


POINTS: dict[str, Callable[[str], None]] = {
    "in_salvage": _in_salvage,
    "before_staging": lambda address: _around_stage(address, before=True),
    "after_staging": lambda address: _around_stage(address, before=False),
    "before_quarantine_commit": lambda address: _around_commit(_quarantine_of(address), before=True),
    "after_quarantine_before_audit": lambda address: _around_draft("keep_refused", address, before=False),
    "before_compare": lambda address: _around_step("compare", address, before=True),
    "before_merge": lambda address: _around_step("_prepare", address, before=True),
    "after_compare": lambda address: _around_step("compare", address, before=False),
    "after_audit_before_publish": lambda address: _around_step("publish", address, before=True),
    "before_changes_are_kept": lambda address: _around_step("_keep_changes", address, before=True),
    "after_changes_are_kept": lambda address: _around_step("_keep_changes", address, before=False),
    "moved_before_append": _before_append,
    "moved_before_commit": lambda address: _around_commit(address, before=True),
    "after_commit": lambda address: _around_commit(address, before=False),
    "before_settling": lambda address: _around_draft("settle_refused", address, before=True),
    "after_settling": lambda address: _around_draft("settle_refused", address, before=False),
}
"""How the process is made to die at a point of a table's way, by the name of the point."""

if __name__ == "__main__":
    main(*sys.argv[1:])
