"""Processes for tasks that have imported the large packages already: one process imports them, and is forked per task.

Contains the way to that process. What it does, ``cluster_side.nursery`` says.
"""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from instacart_assets_tests.workspace.workers import OUTPUT, Process, Work, read_kept_variables, spell_command

FATE = "fate"
"""Pipe in a task's folder through which its process's number comes, and its exit code in the end."""


class Nursery:
    """A process that has imported modules, and is forked for each task."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            spell_command("nursery"),
            env=read_kept_variables(),
            stdin=subprocess.PIPE,  # it ends with this process, which holds the other end
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._tell({"modules": list(modules), "site_packages": Work().site_packages})
        self._is_ready = False

    def start(self, work: Work, folder: Path, environment: Mapping[str, str]) -> Process:
        """Fork a process for some work."""
        fate = folder / FATE
        os.mkfifo(fate)
        order = {
            "work": asdict(work),
            "environment": dict(environment),
            "home": str(folder / "home"),
            "output": str(folder / OUTPUT),
            "fate": str(fate),
        }
        with self._lock:
            self._wait_until_ready()
            self._tell(order)
        return WarmProcess(fate)

    def stop(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def _wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        if not self._is_ready and not self._process.stdout.readline():
            raise RuntimeError(
                "the modules that tasks are to begin with cannot be imported: see standard error"
            )
        self._is_ready = True

    def _tell(self, order: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()


class WarmProcess:
    """A process that was forked."""

    def __init__(self, fate: Path) -> None:
        self._lock = threading.Lock()
        self._has_ended = False
        self._fate = fate.open()
        self.pid = int(self._fate.readline())

    def kill(self) -> None:
        """``kill -9`` for all of its group, if it has not ended."""
        with self._lock, suppress(ProcessLookupError):
            if not self._has_ended:
                os.killpg(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end, and end what it has started; its exit code, negative for a signal."""
        with self._fate:
            code = int(self._fate.readline())
        with self._lock:
            self._has_ended = True
        return code
