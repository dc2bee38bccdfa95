"""What a process costs as a whole: time, work of the processors, memory.

Here lives the look from outside; what is run is in ``ways.py``.
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
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Measurement:
    """What one process cost.

    Attributes:
        way: see ``ways.WAYS``.
        users: customers in the landed files.
        is_core: whether it made the tables that all ways make, or all tables.
        wall: seconds from start to end, imports and the engine's start among them.
        processors: seconds of work, over all processors.
        memory: GiB resident at most, of the process and its children together, the files' cache not counted.
        seconds: of making the tables, without the start of the process.
        tables: seconds by address and part.
        note: what was particular: ``drop`` where a drop was followed, ``anew`` where its files were all made anew.
        day: when it was measured, ISO 8601.
        rows: of each table that was made, by address.
        work: seconds of processors and GiB at most while each table was made, by address; where it was told when that was.
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
        """What it is one of: measurements of a kind are rounds of the same."""
        return self.way, self.users, self.is_core, self.note


def measure(
    way: str, users: int, landing: Path, lake: Path, chosen: Sequence[str] = (), *, note: str = ""
) -> Measurement:
    """Run a way in a process of its own and measure it.

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
    """This process's variables, but for those by which PySpark hands its kind of session on to children."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SPARK_CONNECT_MODE")}


class _Look(NamedTuple):
    moment: float
    memory: int
    processors: float


class _Watch:
    """Looks at a process and its children until it is stopped, and keeps what it saw."""

    def __init__(self, process: psutil.Process) -> None:
        self._looks = [_Look(time.time(), 0, 0.0)]
        self._process = process
        self._end = Event()
        self._thread = Thread(target=self._look_on, daemon=True)
        self._thread.start()

    @property
    def memory(self) -> int:
        """Bytes at most."""
        return max(look.memory for look in self._looks)

    @property
    def processors(self) -> float:
        """Seconds of work until now."""
        return max(look.processors for look in self._looks)

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def tell_between(self, begun: float, done: float) -> dict[str, float]:
        """Work and memory between two moments, as exactly as looks follow each other."""
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
                # Time of each that lives; of those that ended, what their parents were told.
                spent = sum(sum(one.cpu_times()[:4]) for one in family)
                self._looks.append(_Look(time.time(), memory, spent))
            except psutil.Error:  # one has just ended
                continue
