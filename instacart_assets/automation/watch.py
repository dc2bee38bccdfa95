"""Takes in what lands from this process, look after look: what ``instacart watch`` does.

Here lives the loop, and how it ends. It remembers nothing beyond its process: what it sees first is a drop, and a
bronze table takes no file in twice.
"""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from instacart_assets.automation.looks import Drop, LandingFolder, LandingState, source_of, take_look
from instacart_assets.errors import RemediableError
from instacart_assets.graph import follow_drop
from instacart_assets.tables.declare import Table

TakeIn = Callable[[Drop, str], bool]
"""Builds the tables of a selection for a drop; tells whether all went well."""


def watch(
    folder: LandingFolder,
    tables: Sequence[Table],
    take_in: TakeIn,
    *,
    every: float,
    stop: threading.Event,
    is_available_now: bool = False,
    on_problem: Callable[[str], object] = str,
) -> bool:
    """Look, wait until files are complete, take them in, look again; until told to stop.

    Args:
        folder: the landing folder.
        tables: the graph.
        take_in: is called from one thread, and always the same one; a run in progress is never broken off.
        every: seconds between two looks.
        stop: set from another thread or a signal's handler.
        is_available_now: whether to stop once everything is taken in that is there.
        on_problem: told why the folder could not be looked at; the next look tries again.

    Returns:
        Whether everything that was taken in went well.

    Raises:
        RemediableError: the folder cannot be looked at, where nothing is waited for.
    """
    state, is_good = LandingState(), True
    left: frozenset[str] = frozenset()
    # Dagster replaces the handlers of signals while it runs something in the main thread.
    with ThreadPoolExecutor(1, "watch") as runner:
        while not stop.is_set():
            try:
                state, drop = take_look(state, folder)
            except RemediableError as error:
                if is_available_now:
                    raise
                on_problem(str(error))
                drop = None
            if drop is not None:
                sources = choose_sources(drop, state, tables, left)
                is_done = runner.submit(take_in, drop, select_tables(sources, state, tables)).result()
                is_good &= is_done
                left = frozenset() if is_done else sources
            elif is_available_now and not state.is_waiting:
                break
            else:
                stop.wait(every)
    return is_good


def choose_sources(
    drop: Drop, state: LandingState, tables: Sequence[Table], left: Iterable[str] = ()
) -> frozenset[str]:
    """The sources that are ingested with a drop: its own, and what earlier drops left.

    With the first drop come the sources that need not land.

    Args:
        drop: what landed.
        state: what is remembered of the folder.
        tables: the graph.
        left: sources of drops before, none of which could be ingested whole: a fault in one file stops the whole drop.
    """
    contracts = [table.contract for table in tables if table.contract.landed_columns]
    optional = {one.name for one in contracts if one.is_optional}
    may_be_absent = optional if drop.number == 1 else optional & {*left}
    return frozenset({*drop.sources, *state.list_landed(left), *may_be_absent})


def select_tables(sources: Iterable[str], state: LandingState, tables: Sequence[Table]) -> str:
    """The selection of what is built of sources: their bronze tables, and all below them that can be built by now."""
    bronze = {table.contract.name: table.address for table in tables if table.contract.landed_columns}
    changed = [bronze[source] for source in sorted(sources)]
    landed = {bronze[source_of(name)] for name in state.taken}
    return " or ".join(follow_drop(tables, changed, landed))


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGINT or SIGTERM sets; the same signal once more does what it always does."""
    stop = threading.Event()
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop_soon(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, usual[signal.Signals(number)])

    for number in usual:
        signal.signal(number, stop_soon)
    try:
        yield stop
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
