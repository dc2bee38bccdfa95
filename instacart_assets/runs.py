"""Runs the graph from this process and tracks the state of each table.

Defines what the command line needs from Dagster: a selection, a run, and its events as they happen. How they
are displayed is in ``console.py``.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import Literal, cast
from uuid import uuid4

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetNode
from dagster._core.execution.api import execute_run

from instacart_assets.answers.assets import REPORT_GROUP
from instacart_assets.automation.abandoned import end_abandoned_runs, tag_process
from instacart_assets.contracts.load import contracts_of
from instacart_assets.contracts.model import LAYERS, QUARANTINE, Contract
from instacart_assets.databricks.cluster import describe_remote
from instacart_assets.databricks.preflight import require_preflight
from instacart_assets.definitions import build_defs, define_whole_graph
from instacart_assets.errors import RemediableError
from instacart_assets.lakehouse.sessions import open_lake, open_session
from instacart_assets.landing.files import survey
from instacart_assets.maintenance.assets import MAINTENANCE_GROUP
from instacart_assets.places import is_on_databricks
from instacart_assets.settings import LAUNCHER_TARGETS, REMOTE_TARGETS, Settings
from instacart_assets.tables.assets import asset_key, explain_failure, find_table, table_address
from instacart_assets.tables.notes import find_held
from instacart_assets.tables.result import NOTES

ADDRESS = re.compile(rf"(?<![\w:\"/])({'|'.join((*LAYERS, QUARANTINE))})\.(\w+)")
QUIET_INSTANCE = {"telemetry": {"enabled": False}}
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

ROWS_CHANGED = ("rows_added", "rows_removed")
"""Metadata of a materialisation with the numbers of rows that it changed."""

State = Literal["waiting", "running", "published", "failed", "skipped"]
Events = dg.DagsterEventType


class HistoryError(RemediableError):
    """Dagster's history cannot be kept in the requested place; the message says why."""


class SelectionError(RemediableError):
    """A selection is invalid or names no tables; the message says how selections are written."""


@dataclass(frozen=True)
class TableRun:
    """The state of one table in a run, so far.

    Attributes:
        address: ``layer.table``.
        state: ``skipped`` where the table's sources failed.
        rows: rows published.
        seconds: wall time of the table.
        checks: how many checks were evaluated.
        failed_checks: names of those that failed.
        error: why it failed, as a readable message.
        notes: what else the user should know, e.g. a source that did not land.
        is_news: whether the published rows have changed.
        changed: rows added and rows removed, where only those were written.
    """

    address: str
    state: State = "waiting"
    rows: int | None = None
    seconds: float | None = None
    checks: int = 0
    failed_checks: tuple[str, ...] = ()
    error: str | None = None
    notes: tuple[str, ...] = ()
    is_news: bool = True
    changed: tuple[int, ...] = ()


@dataclass(frozen=True)
class GraphRun:
    """The result of a run.

    Attributes:
        run_id: Dagster's identifier of the run.
        tables: one per selected table, in the order they were built.
    """

    run_id: str
    tables: tuple[TableRun, ...]

    @property
    def is_success(self) -> bool:
        """Whether every selected table was published and no blocking check failed."""
        return all(table.state == "published" for table in self.tables)


def select_tables(defs: dg.Definitions, selection: str | None) -> list[dg.AssetKey]:
    """The tables that a selection names, sources before the tables built from them.

    A table and its quarantine are built together: naming one selects both.

    Args:
        defs: the graph.
        selection: Dagster's selection syntax, in which tables may also be named by their addresses, e.g.
            ``+gold.dim_product``; None for every table.

    Raises:
        SelectionError: the selection cannot be read or names no table.
    """
    graph = defs.resolve_asset_graph()
    made = [key for key in graph.toposorted_asset_keys if _is_table(graph.get(key))]
    if selection is None:
        return made
    try:
        wanted = dg.AssetSelection.from_string(ADDRESS.sub(r'key:"\1/\2"', selection)).resolve(graph)
    except dg.DagsterError as error:
        raise SelectionError(
            f"cannot read the selection {selection!r}: {error}; {_explain_selection()}"
        ) from error
    together = {one for key in wanted for one in graph.get(key).execution_set_asset_keys}
    selected = [key for key in made if key in together]
    if not selected:
        raise SelectionError(f"the selection {selection!r} names no table; {_explain_selection()}")
    return selected


def _is_table(node: BaseAssetNode) -> bool:
    return node.is_materializable and node.group_name not in {MAINTENANCE_GROUP, REPORT_GROUP}


def run_graph(
    settings: Settings,
    selection: str | None = None,
    on_change: Callable[[TableRun], object] = id,
    on_start: Callable[[list[str]], object] = id,
) -> GraphRun:
    """Build the selected tables in this process, sources first, on Dagster's instance.

    The run is recorded where ``DAGSTER_HOME`` points, so the web UI shows it; without it the record is lost when
    the process ends.

    Args:
        settings: landing, lake and calendar.
        selection: see ``select_tables``.
        on_change: called with a table's state each time it changes, from the thread of the run.
        on_start: called first, with the addresses of all selected tables.

    Raises:
        SelectionError: the selection cannot be read or names no table.
        PreflightError: the workspace or the cluster is not ready for the run; nothing was sent.
        LandingError: a landed file that the run needs is missing or broken; nothing was written.
    """
    defs = build_defs(settings)
    selected = select_tables(defs, selection)
    if settings.target in REMOTE_TARGETS:
        require_preflight(settings)
    if not is_on_databricks(settings.landing):  # where only the cluster reaches it, the cluster checks
        landed = [contract for contract in contracts_of("bronze") if asset_key(contract.address) in selected]
        survey(settings.landing, landed, _find_held(settings, landed))
    watch = _Watch([table_address(key) for key in selected if key.path[0] != QUARANTINE], on_change)
    on_start(list(watch.tables))
    run_id = str(uuid4())
    execute = _launch if settings.target in LAUNCHER_TARGETS else _execute_here
    with _open_instance(settings) as instance:
        end_abandoned_runs(instance)  # otherwise this run would wait for pool slots that they hold
        instance.add_event_listener(run_id, watch.hear)
        execute(settings, defs, selected, run_id, instance)
    return GraphRun(run_id, tuple(_skip_waiting(table) for table in watch.tables.values()))


def _find_held(settings: Settings, landed: Sequence[Contract]) -> set[str]:
    """Bronze tables that need no landed files; where finding out takes a remote engine, the run itself checks."""
    if settings.target != "local":
        return {contract.address for contract in landed}
    return find_held(open_lake(settings, open_session), landed)


def _execute_here(
    _: Settings,
    defs: dg.Definitions,
    selected: Sequence[dg.AssetKey],
    run_id: str,
    instance: dg.DagsterInstance,
) -> None:
    defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=selected,
        run_id=run_id,
        run_config=QUIET,
        tags=tag_process(),
        raise_on_error=False,
    )


def _launch(
    settings: Settings,
    _: dg.Definitions,
    selected: Sequence[dg.AssetKey],
    run_id: str,
    instance: dg.DagsterInstance,
) -> None:
    """Run the steps through the launcher, for which a cluster must be able to load the same job by name."""
    os.environ.update({**describe_remote(settings), "INSTACART_TARGET": settings.target})
    keys = frozenset(selected)
    job = dg.reconstructable(define_whole_graph).get_subset(asset_selection=keys)
    run = instance.create_run_for_job(
        job.get_definition(), run_id=run_id, run_config=QUIET, tags=tag_process(), asset_selection=keys
    )
    execute_run(job, run, instance)


class _Watch:
    """Follows a run's events and tracks the state of each of its tables."""

    def __init__(self, addresses: list[str], on_change: Callable[[TableRun], object]) -> None:
        self.tables = {address: TableRun(address) for address in addresses}
        self._on_change = on_change

    def hear(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None or event.step_key is None:
            return
        address = find_table(event.step_key)
        known = self.tables.get(address)
        if known is None:
            return
        changed = _follow(known, event)
        if changed != known:
            self.tables[address] = changed
            self._on_change(changed)


def _follow(table: TableRun, event: dg.DagsterEvent) -> TableRun:
    match event.event_type:
        case Events.STEP_START:
            return replace(table, state="running")
        case Events.ASSET_MATERIALIZATION:
            return _follow_materialisation(table, event.step_materialization_data.materialization)
        case Events.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            failed = () if evaluation.passed else (evaluation.check_name,)
            return replace(
                table, checks=table.checks + 1, failed_checks=tuple(sorted({*table.failed_checks, *failed}))
            )
        case Events.STEP_SUCCESS:
            return replace(table, state="published")
        case Events.STEP_FAILURE:
            return replace(table, state="failed", error=explain_failure(event))
        case _:
            return table


def _follow_materialisation(table: TableRun, made: dg.AssetMaterialization) -> TableRun:
    if table_address(made.asset_key) != table.address:  # the table's quarantine
        return table
    rows, seconds = made.metadata["dagster/row_count"].value, made.metadata["seconds"].value
    notes = tuple(str(made.metadata[name].value) for name in NOTES if name in made.metadata)
    changed = [made.metadata[name].value for name in ROWS_CHANGED if name in made.metadata]
    return replace(
        table,
        rows=cast("int", rows),
        seconds=cast("float", seconds),
        notes=notes,
        is_news=bool(made.metadata["is_news"].value),
        changed=tuple(cast("int", count) for count in changed),
    )


def _skip_waiting(table: TableRun) -> TableRun:
    # Dagster reports nothing on a step whose sources failed.
    return replace(table, state="skipped") if table.state == "waiting" else table


@contextmanager
def _open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Dagster's history: where ``DAGSTER_HOME`` points, else one that lasts as long as the process."""
    if os.environ.get("DAGSTER_HOME"):
        try:
            instance = dg.DagsterInstance.get()
        except dg.DagsterError as error:
            raise HistoryError(
                f"DAGSTER_HOME cannot be used: {error}; make the folder, or unset it"
            ) from error
        with instance:
            yield instance
    elif settings.target in LAUNCHER_TARGETS:  # launched steps report through files
        with (
            TemporaryDirectory() as folder,
            dg.DagsterInstance.local_temp(folder, QUIET_INSTANCE) as instance,
        ):
            yield instance
    else:
        with dg.DagsterInstance.ephemeral(settings=QUIET_INSTANCE) as instance:
            yield instance


def _explain_selection() -> str:
    return "write a table as silver.orders, it and its sources as +silver.orders, a layer as group:gold"
