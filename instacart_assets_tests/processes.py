"""Processes that a test starts: each in a group of its own with a log of its own, all stopped by their ids."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

SECONDS = 600
"""How long a test waits for anything; only what never comes takes it."""


@dataclass
class Processes:
    """Processes, and a folder with what they print."""

    folder: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        cwd: Path | None = None,
        user: str | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a process; all that it starts itself is stopped with it."""
        log = (self.folder / f"{len(self.started)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=cwd or self.folder,
                stdout=log,
                stderr=log,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def stop(self) -> None:
        """Kill them all, the last first."""
        for process in reversed(self.started):
            kill_group(process)

    def read_logs(self) -> str:
        """The end of what each of them printed."""
        return "\n".join(
            path.read_text("utf-8", "replace")[-5_000:] for path in sorted(self.folder.glob("*.log"))
        )

    def wait_for(self, condition: Callable[[], Any], what: str, *, seconds: float = SECONDS) -> None:
        """Wait until a condition holds; what is said if it never does."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"{what} within {seconds} s; logs:\n{self.read_logs()}")
            time.sleep(0.25)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, at once."""
    with suppress(ProcessLookupError):  # it and all that it started are gone
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(SECONDS)


def find_free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def open_history(home: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's history of a home, as the processes have it whose home that is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        with dg.DagsterInstance.from_config(str(home)) as opened:
            yield opened
