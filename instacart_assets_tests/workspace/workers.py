"""The process that a task really runs in.

Here lives how it is started, ended and heard. It has an empty working folder, an environment of its own, and Python's
``site-packages`` without what ``.pth`` files add: nothing of the project can be imported but what was uploaded.
"""

import json
import os
import signal
import site
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from instacart_assets_tests.workspace import cluster_side

BOOT = "import sys; sys.path.insert(0, sys.argv.pop()); from cluster_side.start import run; run()"
"""Loads the cluster's side from its folder alone, under a name of its own."""

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


class Worker:
    """A process with a group of its own, so that all it starts can be ended with it."""

    def __init__(self, work: Work, folder: Path, environment: Mapping[str, str]) -> None:
        self._outcome = Path(work.outcome)
        self._output = folder / "output"
        self._lock = threading.Lock()
        for name in ("home", "tmp"):
            (folder / name).mkdir()
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    "-u",
                    "-c",
                    BOOT,
                    str(Path(cluster_side.__file__).parent.parent),
                ],
                cwd=folder / "home",
                env={**_make_environment(folder), **environment},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            stdin.write(json.dumps(asdict(work)).encode())

    @property
    def pid(self) -> int:
        """Of the process, and of its group."""
        return self._process.pid

    @property
    def output(self) -> str:
        """What it has printed until now."""
        return self._output.read_text(errors="replace")

    def kill(self) -> None:
        """``kill -9`` for all of its group."""
        with self._lock:
            if self._process.returncode is None:
                os.killpg(self.pid, signal.SIGKILL)

    def wait(self) -> Outcome:
        """Wait for its end; what it has started ends with it."""
        # leave it unreaped until its group is ended, so that the number cannot be another's by then
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self.kill()
        with self._lock:
            code = self._process.wait()
        told: dict[str, Any] = json.loads(self._outcome.read_text()) if self._outcome.exists() else {}
        return Outcome(code, **told)


def _make_environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in KEPT_VARIABLES}
    return {
        **kept,
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "PYSPARK_PYTHON": sys.executable,
    }
