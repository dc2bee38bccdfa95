"""What building one table costs by itself: time and memory of its function, on existing tables.

Builds the table's sources in another process, then calls the function once and writes its rows to files. The time is
that of the call including the writing; the memory is the peak of this process, including the embedded engine.

    python -m benchmarks.tables TABLE [USERS]
"""

import os
import resource
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bare import make_rows
from benchmarks.volume import CACHE, keep_landing
from instacart_assets.graph import all_tables
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.sessions import open_session
from instacart_assets.runs import run_graph
from instacart_assets.settings import Settings
from instacart_assets.tables.declare import Table


def build_sources(table: Table, settings: Settings) -> None:
    """Build the table's sources."""
    sources = " or ".join(f"+{address}" for address in table.sources.values())
    if not run_graph(settings, sources).is_success:
        raise SystemExit(f"{sources}: not published")


def main(table: Table, users: int) -> None:
    """Measure and print."""
    with TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name)
        settings = Settings(landing=keep_landing(users), lake=folder / "lake")
        builder = get_context("spawn").Process(target=build_sources, args=(table, settings))
        builder.start()
        builder.join()
        if builder.exitcode:
            raise SystemExit(builder.exitcode)  # it has printed why
        session = open_session()
        lake = FolderLake(folder / "lake", lambda: session)
        start, busy = time.perf_counter(), os.times()
        make_rows(table, lake, settings, session).write.parquet(str((folder / "rows").absolute()))
        seconds, after = time.perf_counter() - start, os.times()
        rows = session.read.parquet(str((folder / "rows").absolute())).count()
    worked = after.user + after.system - busy.user - busy.system
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    sys.stdout.write(
        f"{table.address}, {users:,} customers: {rows:,} rows in {seconds:.1f} s, {worked:.1f} s of processors, "
        f"{highest:.1f} GB at most\n"
    )


if __name__ == "__main__":
    address, users = [*sys.argv[1:], *["2000"][len(sys.argv) - 2 :]]
    CACHE.mkdir(parents=True, exist_ok=True)
    main(next(table for table in all_tables() if table.address == address), int(users))
