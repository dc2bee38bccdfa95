"""Polls the landing folder and ingests what lands, in this process: what ``instacart watch`` does.

Contains the loop, and how it ends. It remembers nothing beyond its process: what the first poll sees is a drop (a batch
of newly landed files), and a bronze table ingests no file twice.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from instacart_assets.automation.looks import Drop, LandingFolder, LandingState, source_of, take_look
from instacart_assets.errors import RemediableError
from instacart_assets.graph import follow_drop
from instacart_assets.tables.declare import Table

TakeIn = Callable[[Drop, str], bool]
"""Builds the tables of a selection for a drop; returns whether all succeeded."""


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
    """Poll, wait until files are complete, ingest them, poll again, until asked to stop.

    Args:
        folder: the landing folder.
        tables: the graph.
        take_in: always called from the same thread; a run in progress is never interrupted.
        every: seconds between two polls.
        stop: set from another thread or a signal handler.
        is_available_now: whether to stop once everything that is there is ingested.
        on_problem: called with the reason why the folder could not be polled; the next poll tries again.

    Returns:
        Whether everything was ingested successfully.

    Raises:
        RemediableError: the folder cannot be polled, and ``is_available_now`` is set.
    """
    state, is_good, is_begun = LandingState(), True, False
    # Dagster replaces the signal handlers while it runs something in the main thread.
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
                selection = select_drop(drop, state, tables, is_first=not is_begun)
                is_done = runner.submit(take_in, drop, selection).result()
                state = state.settle(is_good=is_done)
                is_good, is_begun = is_good and is_done, is_begun or is_done
            elif is_available_now and not state.is_waiting:
                break
            else:
                stop.wait(every)
    return is_good


def select_drop(drop: Drop, state: LandingState, tables: Sequence[Table], *, is_first: bool) -> str:
    """The selection to build from a drop: its bronze tables, and all downstream tables that can be built by now.

    Args:
        drop: what landed.
        state: what is remembered of the folder.
        tables: the graph.
        is_first: whether nothing was ingested yet: then optional sources, which need not land, are included.
    """
    bronze = {table.contract.name: table.contract for table in tables if table.contract.landed_columns}
    optional = [one.address for one in bronze.values() if one.is_optional and is_first]
    changed = [*(bronze[source].address for source in drop.sources), *optional]
    landed = {bronze[source_of(name)].address for name in state.taken}
    return " or ".join(follow_drop(tables, changed, landed))


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGINT or SIGTERM sets; a second signal of the same kind has its usual effect."""
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
