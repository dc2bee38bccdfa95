"""The process that a task really runs in.

Defines how it is started, ended and heard. It has an empty working folder, an environment of its own, and Python's
``site-packages`` without what ``.pth`` files add: nothing of the project can be imported but what was uploaded.
"""

import json
import os
import signal
import site
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from instacart_assets_tests.workspace import cluster_side

OUTPUT = "output"
OUTCOME = "outcome.json"

KEPT_VARIABLES = frozenset(
    {"JAVA_HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PATH", "TZ"}
)
"""What a task's environment takes over from this process."""


@dataclass(frozen=True)
class Work:
    """What a process is to do; it reads this from its standard input.

    Attributes:
        script: Python file to run, on this machine; empty for a wheel's entry point.
        package: distribution whose entry point is called, if there is no script.
        entry_point: its name.
        parameters: command line.
        named_parameters: of an entry point.
        mounts: folders of this machine by the path under which Python finds them.
        libraries: folder of installed wheels.
        site_packages: folders that packages are imported from.
        secrets: values by ``scope/key``.
        has_globals: whether ``spark``, ``sc`` and ``dbutils`` are globals of the script.
        is_connect: whether Spark is reached by Spark Connect only.
        is_serverless: whether it runs on serverless compute.
        spark_conf: configuration of the cluster, as far as a session can have it.
        engine: host, port and key (hex) where the engine is asked for; nothing if there is none.
        outcome: file that an error is written to.
    """

    script: str = ""
    package: str = ""
    entry_point: str = ""
    parameters: list[str] = field(default_factory=list)
    named_parameters: dict[str, str] = field(default_factory=dict)
    mounts: dict[str, str] = field(default_factory=dict)
    libraries: str = ""
    site_packages: list[str] = field(default_factory=site.getsitepackages)
    secrets: dict[str, str] = field(default_factory=dict)
    has_globals: bool = True
    is_connect: bool = False
    is_serverless: bool = False
    spark_conf: dict[str, str] = field(default_factory=dict)
    engine: tuple[str, int, str] | None = None
    outcome: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a process ended.

    Attributes:
        code: its exit code; negative for a signal.
        error: the exception in one line, if it raised one.
        error_trace: its traceback.
    """

    code: int
    error: str = ""
    error_trace: str = ""


class Process(Protocol):
    """A process with a group of its own."""

    pid: int

    def wait(self) -> int:
        """Wait for its end, and end what it has started; its exit code, negative for a signal."""

    def kill(self) -> None:
        """``kill -9`` for all of its group, if it has not ended."""


Start = Callable[[Work, Path, Mapping[str, str]], Process]
"""Starts a process for some work, in a folder, with an environment; what it prints goes to ``output`` there."""


@dataclass(frozen=True)
class Worker:
    """The process of a task, and what it leaves in its folder."""

    folder: Path
    process: Process

    @property
    def output(self) -> str:
        """What it has printed until now."""
        return (self.folder / OUTPUT).read_text(errors="replace")

    def kill(self) -> None:
        """``kill -9`` for it and all it has started."""
        self.process.kill()

    def wait(self) -> Outcome:
        """Wait for its end; what it has started ends with it."""
        code = self.process.wait()
        told = self.folder / OUTCOME
        return Outcome(code, **json.loads(told.read_text()) if told.exists() else {})


def start_worker(start: Start, work: Work, folder: Path, environment: Mapping[str, str]) -> Worker:
    """Start a worker.

    Args:
        start: how its process is made.
        work: what it does.
        folder: of its own; its working folder is ``home`` there.
        environment: variables beside those that every task has.
    """
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    own = {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "PYSPARK_PYTHON": sys.executable,
    }
    return Worker(folder, start(work, folder, {**read_kept_variables(), **own, **environment}))


def read_kept_variables() -> dict[str, str]:
    """What every process takes over from this one's environment."""
    return {name: value for name, value in os.environ.items() if name in KEPT_VARIABLES}


def spell_command(module: str) -> list[str]:
    """Command of a Python that runs a module of the cluster's side and has nothing else on its path."""
    boot = f"import sys; sys.path.insert(0, sys.argv.pop()); from cluster_side.{module} import run; run()"
    return [sys.executable, "-I", "-S", "-u", "-c", boot, str(Path(cluster_side.__file__).parent.parent)]


class ColdProcess:
    """A process that begins with nothing."""

    def __init__(self, work: Work, folder: Path, environment: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        with (folder / OUTPUT).open("wb") as output:
            self._process = subprocess.Popen(
                spell_command("start"),
                cwd=folder / "home",
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            stdin.write(json.dumps(asdict(work)).encode())

    def kill(self) -> None:
        """``kill -9`` for all of its group, if it has not ended."""
        with self._lock:
            if self._process.returncode is None:
                os.killpg(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end, and end what it has started; its exit code, negative for a signal."""
        # leave it unreaped until its group is ended, so that the number cannot be another's by then
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self.kill()
        with self._lock:
            return self._process.wait()
