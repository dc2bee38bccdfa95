"""Engines as the parity tests ask them: the embedded one here, each Apache Spark in a process of its own.

Defines how such a process is started, asked and stopped, and when there can be none. What can be asked is in
``worker.py``.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from instacart_assets_tests.parity import worker

ROOT = Path(__file__).parents[2]
UNRESOLVED = "unresolved dependency"
"""What Spark says of jars that it cannot get."""
PATIENCE_SECONDS = 15


class NoEngineError(Exception):
    """There is no such engine here; the message says what is missing."""


class Engine(Protocol):
    """Something that answers requests, one after the other.

    Attributes:
        name: for people.
        started: the version of its Spark, when its session is open.
    """

    name: str
    started: "Future[Any]"

    def ask(self, request: str, **given: Any) -> "Future[Any]":
        """The answer, when it is there."""


class EmbeddedEngine:
    """The engine in this process."""

    name = "embedded"

    def __init__(self) -> None:
        self.started = self.ask("start")

    def ask(self, request: str, **given: Any) -> "Future[Any]":
        """The answer, which is there at once."""
        answer: Future[Any] = Future()
        # As it comes from another process: dates as text.
        made = worker.REQUESTS[request]("local", **given)
        answer.set_result(json.loads(json.dumps(made, default=str)))
        return answer


class SparkEngine:
    """Apache Spark in a process of its own.

    Args:
        name: for people.
        python: the Python that has it.
        folder: for its log and what it keeps beside lakes.
    """

    def __init__(self, name: str, python: Path, folder: Path) -> None:
        self.name = name
        self.log = folder / "log.txt"
        self._turns = ThreadPoolExecutor(1)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [python, "-m", "instacart_assets_tests.parity.worker"],
                cwd=folder,
                # What the embedded engine's client has set for this process is not for others.
                env={
                    **{k: v for k, v in os.environ.items() if not k.startswith("SPARK_")},
                    "PYTHONPATH": str(ROOT),
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.started = self.ask("start")

    def ask(self, request: str, **given: Any) -> "Future[Any]":
        """The answer, when those before are given."""
        return self._turns.submit(self._ask, request, given)

    def _ask(self, request: str, given: Mapping[str, Any]) -> Any:
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answered is not None
        asked.write(json.dumps([request, given]) + "\n")
        asked.flush()
        line = answered.readline()
        said = json.loads(line) if line else {"error": "the process has ended"}
        if "error" in said:
            raise self._explain(said["error"])
        return said["answer"]

    def _explain(self, error: str) -> Exception:
        log = self.log.read_text("utf-8", "replace")
        if UNRESOLVED in log:
            return NoEngineError(f"{self.name} needs Delta's jars, and Spark cannot get them: {log[-600:]}")
        return AssertionError(f"{self.name}: {error}\n{log[-6_000:]}")

    def close(self) -> None:
        """End the process, and with it its Java; one that is still at work is killed."""
        self._turns.shutdown(wait=False, cancel_futures=True)
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
