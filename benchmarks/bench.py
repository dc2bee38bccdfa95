"""All measurements in one run; `make bench`.

Defines which way is measured on which data, how often and in which order. Each measurement is saved at once, so that
an interrupted run keeps its results. ``page.py`` generates the page.

    python -m benchmarks.bench [--users N] [--rounds N] [--growth N] [--parts rounds,drop,spark,growth,plans,starts] [--out FILE]
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from itertools import product
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks.duckdb_tables import SCRIPTS
from benchmarks.measure import Measurement, measure
from benchmarks.peer_tables import BRONZE
from benchmarks.starts import clock_starts
from benchmarks.volume import CACHE, hold_back, keep_landing, land_drop

PUBLIC_USERS = 206_209
"""Number of customers in the public files: about 34 million order lines."""

DROP_SHARE = 0.01
CORE = (*(f"bronze.{source}" for source in BRONZE), *SCRIPTS)
"""The tables that all ways build."""

PARTS = ("rounds", "drop", "spark", "growth", "plans", "starts")
PACKAGES = ("dagster", "deltalake", "duckdb", "great-expectations", "polars", "pyarrow", "pysail", "pyspark")


class Bench:
    """A file of measurements, and the new ones that are added to it."""

    def __init__(self, out: Path, cache: Path, users: int, growth: int) -> None:
        self.users = users
        self._out = out
        self._cache = cache
        self._console = Console()
        self._made: list[Measurement] = []
        known = json.loads(out.read_text("utf-8")) if out.exists() else {}
        # Earlier measurements of these sizes, on the same machine, are kept until they are repeated.
        is_same = known.get("machine") == describe_machine()
        made = [Measurement(**one) for one in known.get("measurements", ()) if is_same]
        self._known = [one for one in made if one.users in (users // growth, users, users * growth)]
        self._moves = known.get("moves", {})
        self._starts = known.get("starts", {}) if is_same else {}

    def add(self, way: str, users: int, landing: Path, chosen: Sequence[str] = ()) -> None:
        """Measure a way with a new lake, which is deleted afterwards."""
        lake = self._cache / "lake"
        shutil.rmtree(lake, ignore_errors=True)
        try:
            self._save(measure(way, users, landing, lake, chosen))
        finally:
            shutil.rmtree(lake, ignore_errors=True)

    def follow(self, users: int, target: Path) -> None:
        """Measure a drop (a batch of newly landed files) into a lake that holds the rest, and a full rebuild."""
        lake = self._cache / "lake"
        shutil.rmtree(lake, ignore_errors=True)
        hold_back(keep_landing(users, self._cache), target, DROP_SHARE)
        try:
            measure("checked", users, target / "most", lake)
            land_drop(target)
            self._save(measure("checked", users, target / "most", lake, note="drop"))
            shutil.rmtree(lake)
            self._save(measure("checked", users, target / "most", lake, note="anew"))
        finally:
            shutil.rmtree(lake, ignore_errors=True)
            shutil.rmtree(target, ignore_errors=True)

    def plan(self) -> None:
        """Record what Apache Spark would have to move for each table."""
        command = [sys.executable, "-m", "benchmarks.plans"]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - ours
        self._moves = json.loads(said.splitlines()[-1])
        self._write()

    def start(self) -> None:
        """Record how long a first command takes."""
        self._starts = clock_starts()
        self._write()

    def _save(self, made: Measurement) -> None:
        self._made.append(made)
        self._write()
        self._console.print(
            f"{made.way:<8} {'core' if made.is_core else 'all':<5}{made.note:<5}{made.users:>9,} customers "
            f"[bold]{made.wall:>8.1f} s[/] {made.processors:>8.1f} s of processors {made.memory:>6.1f} GiB",
            highlight=False,
            soft_wrap=True,
        )

    def _write(self) -> None:
        kinds = {one.kind for one in self._made}
        kept = [one for one in self._known if one.kind not in kinds]
        said = {
            "machine": describe_machine(),
            "users": self.users,
            "moves": self._moves,
            "starts": self._starts,
            "measurements": [asdict(one) for one in sorted([*kept, *self._made], key=lambda one: one.kind)],
        }
        self._out.parent.mkdir(parents=True, exist_ok=True)
        self._out.write_text(json.dumps(said, indent=1) + "\n", "utf-8")


def describe_machine() -> dict[str, str | int | float]:
    """The machine and the versions that were measured."""
    return {
        "processors": os.cpu_count() or 0,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def run_parts(bench: Bench, parts: Sequence[str], rounds: int, growth: int, cache: Path) -> None:
    """Measure the requested parts; ways that are compared take turns."""
    landing = keep_landing(bench.users, cache)
    if "rounds" in parts:
        for _, (way, chosen) in product(range(rounds), _list_turns()):
            bench.add(way, bench.users, landing, chosen)
    if "drop" in parts:
        bench.follow(bench.users, cache / "drop")
    if "spark" in parts:
        bench.add("spark", bench.users, landing)
    if "growth" in parts:
        for users, way in product((bench.users // growth, bench.users * growth), ("checked", "bare")):
            bench.add(way, users, keep_landing(users, cache))
    if "plans" in parts:
        bench.plan()
    if "starts" in parts:
        bench.start()


def _list_turns() -> Iterator[tuple[str, tuple[str, ...]]]:
    yield from (("checked", ()), ("bare", ()))
    yield from ((way, CORE) for way in ("checked", "bare", "duckdb", "polars"))


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description="Measure the project beside its peers.")
    parser.add_argument("--users", type=int, default=PUBLIC_USERS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", type=int, default=4)
    parser.add_argument("--parts", type=lambda text: text.split(","), default=PARTS)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.json"))
    asked = parser.parse_args()
    run_parts(
        Bench(asked.out, CACHE, asked.users, asked.growth), asked.parts, asked.rounds, asked.growth, CACHE
    )


if __name__ == "__main__":
    main()
