"""The cluster's side of a launched step.

This file is itself the script of the Databricks task, so it imports only the standard library until the code that was
sent is on the path; after that it needs only Dagster. It finds its order in the staged folder: the code, the step to
run, environment variables, and the names of secrets. Into the same folder it writes one report, repeatedly: the
events that the step has sent to Dagster and what it has printed so far.
"""

import gzip
import json
import os
import pickle
import sys
import tempfile
import threading
import time
import traceback
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

CODE = "code.zip"
STEP = "step.pkl"
ORDER = "order.json"
REPORT = "report.json.gz"

REPORT_SECONDS = 1.0
WRITING_SHARE = 0.1
"""Largest share of the time spent on writing reports: long ones are written less often."""


class Tee:
    """A text stream that also keeps what is written to it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.kept = StringIO()

    def write(self, text: str) -> int:
        """Write to the stream, and keep the text."""
        self.kept.write(text)
        self._stream.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """Everything else comes from the stream itself."""
        return getattr(self._stream, name)


class Report:
    """What a step has reported so far, and the file that the launcher reads it from."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: bytes | None = None
        self.events: list[str] = []
        self.stdout = Tee(sys.stdout)
        self.stderr = Tee(sys.stderr)

    def write(self) -> None:
        """Overwrite the report with the current one, unless there is nothing new."""
        report = json.dumps(
            {
                "events": self.events,
                "stdout": self.stdout.kept.getvalue(),
                "stderr": self.stderr.kept.getvalue(),
            }
        ).encode()
        if report != self._written:
            self._path.write_bytes(gzip.compress(report))
            self._written = report

    @contextmanager
    def kept_up(self) -> Iterator[None]:
        """Capture what is printed, and write the report about every second and once at the end."""
        ended = threading.Event()
        writer = threading.Thread(target=self._write_until, args=[ended], daemon=True)
        writer.start()
        try:
            with redirect_stdout(self.stdout), redirect_stderr(self.stderr):
                yield
        finally:
            ended.set()
            writer.join()
            self.write()

    def _write_until(self, ended: threading.Event) -> None:
        pause = REPORT_SECONDS
        while not ended.wait(pause):
            started = time.monotonic()
            try:
                self.write()
            except OSError:
                # The next report, or the last one, will contain everything.
                traceback.print_exc()
            pause = max(REPORT_SECONDS, (time.monotonic() - started) / WRITING_SHARE)


def set_environment(order: dict[str, Any]) -> None:
    """Set environment variables: those that were sent, and secrets that are looked up here and nowhere else."""
    os.environ.update(order["environment"])
    for name, (scope, key) in order["secrets"].items():
        # Databricks adds dbutils to the globals of the script.
        os.environ[name] = dbutils.secrets.get(scope=scope, key=key)  # type: ignore[name-defined] # noqa: F821


def run_step(path: Path, report: Report) -> None:
    """Run the step that was sent, in this process, and keep every event of it."""
    from dagster._core.execution.plan.external_step import (  # noqa: PLC0415 - after the code is on the path
        external_instance_from_step_run_ref,
        run_step_from_ref,
    )
    from dagster._serdes import serialize_value  # noqa: PLC0415

    # Dagster has no other form of a step for another process; only the launcher writes it.
    step = pickle.loads(path.read_bytes())  # noqa: S301
    instance = external_instance_from_step_run_ref(
        step, event_listener_fn=lambda event: report.events.append(serialize_value(event))
    )
    for _ in run_step_from_ref(step, instance):
        pass


def main(folder: Path) -> None:
    """Run the step staged in a folder."""
    report = Report(folder / REPORT)
    with report.kept_up(), tempfile.TemporaryDirectory() as code:
        try:
            with zipfile.ZipFile(folder / CODE) as archive:
                archive.extractall(code)
            # Before installed packages, so that the code that was sent is the code that runs; not first, because
            # Dagster assumes that the first entry is the script's folder and hides it while it loads definitions.
            sys.path.insert(1, code)
            set_environment(json.loads((folder / ORDER).read_text()))
            run_step(folder / STEP, report)
        except BaseException:
            traceback.print_exc()
            raise


if __name__ == "__main__":
    main(Path(sys.argv[1]))
