"""What a process costs as a whole: time, CPU time, memory.

Measures from outside; what is run is in ``ways.py``.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event, Thread
from typing import NamedTuple

import psutil
from deltalake import DeltaTable

LOOKS = 0.2
"""Seconds between two samples of memory and CPU time."""


@dataclass(frozen=True)
class Measurement:
    """What one process cost.

    Attributes:
        way: see ``ways.WAYS``.
        users: customers in the landed files.
        is_core: whether it built only the tables that all ways build, or all tables.
        wall: seconds from start to end, including imports and the engine's start.
        processors: seconds of CPU time, over all processors.
        memory: peak resident GiB of the process and its children together, without the file cache.
        seconds: of building the tables, without the start of the process.
        tables: seconds by address and part.
        note: ``drop`` for a drop (a batch of newly landed files) that was refreshed incrementally, ``anew`` for a full
            rebuild with its files, else empty.
        day: when it was measured, ISO 8601.
        rows: of each table that was built, by address.
        work: seconds of CPU time and peak GiB while each table was built, by address, where its times are known.
    """

    way: str
    users: int
    is_core: bool
    wall: float
    processors: float
    memory: float
    seconds: float
    tables: dict[str, dict[str, float]]
    note: str
    day: str
    rows: dict[str, int] = field(default_factory=dict)
    work: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def kind(self) -> tuple[str, int, bool, str]:
        """What was measured: measurements of the same kind are rounds of one another."""
        return self.way, self.users, self.is_core, self.note


def measure(
    way: str, users: int, landing: Path, lake: Path, chosen: Sequence[str] = (), *, note: str = ""
) -> Measurement:
    """Run a way in its own process and measure it.

    Raises:
        SystemExit: the process failed; what it wrote is in the message.
    """
    command = [sys.executable, "-m", "benchmarks.ways", way, str(landing), str(lake), *chosen]
    with TemporaryFile("w+") as said:
        started = time.perf_counter()
        process = psutil.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=_tell_environment())
        watch = _Watch(process)
        code = process.wait()
        wall = time.perf_counter() - started
        watch.stop()
        said.seek(0)
        lines = said.read().splitlines()
    if code:
        raise SystemExit("\n".join([f"{' '.join(command)} ended with {code}:", *lines[-40:]]))
    told = json.loads(lines[-1])
    return Measurement(
        way,
        users,
        bool(chosen),
        round(wall, 2),
        round(watch.processors, 2),
        round(watch.memory / 2**30, 3),
        round(told["seconds"], 2),
        {
            address: {part: round(spent, 3) for part, spent in parts.items()}
            for address, parts in told["tables"].items()
        },
        note,
        datetime.now(UTC).date().isoformat(),
        {address: DeltaTable(lake / address.replace(".", "/")).count() for address in told["tables"]},
        {address: watch.tell_between(*span) for address, span in told["spans"].items()},
    )


def _tell_environment() -> dict[str, str]:
    """This process's environment, without the variables that pass PySpark's session mode on to children."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SPARK_CONNECT_MODE")}


class _Look(NamedTuple):
    moment: float
    memory: int
    processors: float


class _Watch:
    """Samples a process and its children until it is stopped, and keeps the samples."""

    def __init__(self, process: psutil.Process) -> None:
        self._looks = [_Look(time.time(), 0, 0.0)]
        self._process = process
        self._end = Event()
        self._thread = Thread(target=self._look_on, daemon=True)
        self._thread.start()

    @property
    def memory(self) -> int:
        """Peak memory in bytes."""
        return max(look.memory for look in self._looks)

    @property
    def processors(self) -> float:
        """Seconds of CPU time so far."""
        return max(look.processors for look in self._looks)

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def tell_between(self, begun: float, done: float) -> dict[str, float]:
        """CPU time and peak memory between two moments, as precise as the samples."""
        before = [look for look in self._looks if look.moment <= begun] or self._looks[:1]
        until = [look for look in self._looks if look.moment <= done] or self._looks[:1]
        within = until[len(before) - 1 :]
        return {
            "processors": round(until[-1].processors - before[-1].processors, 2),
            "memory": round(max(look.memory for look in within) / 2**30, 3),
        }

    def _look_on(self) -> None:
        while not self._end.wait(LOOKS):
            try:
                family = [self._process, *self._process.children(recursive=True)]
                memory = sum(one.memory_info().rss for one in family)
                # The time of each running process, and of ended ones as far as their parents counted it.
                spent = sum(sum(one.cpu_times()[:4]) for one in family)
                self._looks.append(_Look(time.time(), memory, spent))
            except psutil.Error:  # a process has just ended
                continue
