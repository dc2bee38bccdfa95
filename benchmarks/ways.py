"""The ways to build tables from the same landed files; each runs in its own process.

Contains what runs in that process and prints, as JSON in its last line, how long each table took, and when it was
built. CPU time and memory are measured from outside, in ``measure.py``.

    python -m benchmarks.ways WAY LANDING LAKE [TABLE …]
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from instacart_assets.settings import Settings

SPARK_MEMORY = {"spark.driver.memory": "12g"}

Tables = dict[str, dict[str, float]]
"""Seconds by address and part of the work."""


class Told(NamedTuple):
    """What a process reports about the tables that it built.

    Attributes:
        tables: seconds by address and part of the work.
        spans: when a table's build started and ended, in seconds since 1970, where known.
    """

    tables: Tables
    spans: Mapping[str, tuple[float, float]] = MappingProxyType({})


def run_checked(landing: Path, lake: Path, chosen: list[str]) -> Told:
    """The project as it is: every rule, quarantine and note, as assets of one Dagster run."""
    from benchmarks.clocks import Clocks  # noqa: PLC0415 - a way imports only what it runs
    from instacart_assets.runs import run_graph  # noqa: PLC0415 - as above

    clocks = Clocks()
    with clocks.attach():
        run = run_graph(Settings(landing=landing, lake=lake), " or ".join(chosen) or None)
    if not run.is_success:
        raise SystemExit(f"not published: {[(one.address, one.error) for one in run.tables if one.error]}")
    return Told({one.address: dict(clocks.seconds[one.address]) for one in run.tables}, clocks.spans)


def run_bare(landing: Path, lake: Path, chosen: list[str]) -> Told:
    """The transforms alone, on the embedded engine."""
    return _build_bare(Settings(landing=landing, lake=lake), chosen)


def run_spark(landing: Path, lake: Path, chosen: list[str]) -> Told:
    """The transforms alone, on Apache Spark with all of the machine's processors."""
    return _build_bare(Settings(landing=landing, lake=lake, target="spark", spark=SPARK_MEMORY), chosen)


def _build_bare(settings: Settings, chosen: list[str]) -> Told:
    from benchmarks.bare import build_tables  # noqa: PLC0415 - as above

    return _as_parts(build_tables(settings, chosen))


def run_duckdb(landing: Path, lake: Path, _: list[str]) -> Told:
    """A DuckDB SQL script."""
    from benchmarks import duckdb_tables  # noqa: PLC0415 - as above

    return _as_parts(duckdb_tables.build(landing, lake))


def run_polars(landing: Path, lake: Path, _: list[str]) -> Told:
    """A script of Polars lazy frames."""
    from benchmarks import polars_tables  # noqa: PLC0415 - as above

    return _as_parts(polars_tables.build(landing, lake))


def _as_parts(seconds: Mapping[str, float]) -> Told:
    return Told({address: {"transform": spent} for address, spent in seconds.items()})


WAYS: dict[str, Callable[[Path, Path, list[str]], Told]] = {
    "checked": run_checked,
    "bare": run_bare,
    "spark": run_spark,
    "duckdb": run_duckdb,
    "polars": run_polars,
}


def main(way: str, landing: Path, lake: Path, chosen: list[str]) -> None:
    """Build the tables and print the seconds of each, and of the whole run without the start of the process."""
    started = time.perf_counter()
    told = WAYS[way](landing, lake, chosen)
    said = {"seconds": time.perf_counter() - started, **told._asdict()}
    sys.stdout.write(f"\n{json.dumps(said, default=dict)}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
