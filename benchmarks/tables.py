"""What making one table costs by itself: time and memory of its function, on tables that are there.

Generates a shop and builds, in another process, what the table is made of; then calls the function once and writes its rows
to files. The time is that of the call with the writing, the memory the highest of this process, with the embedded engine.

    python benchmarks/tables.py TABLE [USERS]
"""

import os
import resource
import sys
import time
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from instacart_assets.graph import all_tables
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.sessions import open_session
from instacart_assets.runs import run_graph
from instacart_assets.settings import Settings
from instacart_assets.synthetic.generate import generate
from instacart_assets.tables.declare import Table

SEED = 2026


def build_sources(table: Table, users: int, folder: Path) -> None:
    """Generate a shop below the folder, and build the table's sources of it."""
    generate(users, SEED, folder / "landing")
    sources = " or ".join(f"+{address}" for address in table.sources.values())
    if not run_graph(Settings(landing=folder / "landing", lake=folder / "lake"), sources).is_success:
        raise SystemExit(f"{sources}: not published")


def choose_settings(table: Table, settings: Settings) -> Mapping[str, Any]:
    """The settings objects that the table's function takes, by parameter."""
    known = {type(value): value for _, value in settings}
    return {name: known[kind] for name, kind in table.settings.items()}


def main(table: Table, users: int) -> None:
    """Measure and print."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        builder = get_context("spawn").Process(target=build_sources, args=(table, users, folder))
        builder.start()
        builder.join()
        lake = FolderLake(folder / "lake", open_session)
        given = {parameter: lake.read(address) for parameter, address in table.sources.items()}
        chosen = choose_settings(table, Settings(landing=folder / "landing", lake=folder / "lake"))
        start, busy = time.perf_counter(), os.times()
        table.transform(**given, **chosen).write.parquet(str(folder / "rows"))
        seconds, after = time.perf_counter() - start, os.times()
        rows = open_session().read.parquet(str(folder / "rows")).count()
    worked = after.user + after.system - busy.user - busy.system
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    sys.stdout.write(
        f"{table.address}, {users:,} customers: {rows:,} rows in {seconds:.1f} s, {worked:.1f} s of processors, "
        f"{highest:.1f} GB at most\n"
    )


if __name__ == "__main__":
    address, users = [*sys.argv[1:], *["2000"][len(sys.argv) - 2 :]]
    main(next(table for table in all_tables() if table.address == address), int(users))
