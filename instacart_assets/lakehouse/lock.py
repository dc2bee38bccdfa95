"""A lock on one table of a lake in a folder: a file that the kernel locks, and frees when its process is gone.

Contains how long to wait for it, and what the file says about its holder. For what is done under it, see
``Lakehouse.hold``.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from instacart_assets.errors import RemediableError

POLL_SECONDS = 0.1


class TableHeldError(RemediableError):
    """Another run is working on a table; the message says which, and what to do."""


@contextmanager
def hold_file(path: Path, address: str, run_id: str, seconds: float) -> Iterator[None]:
    """Hold a lock for as long as the block runs.

    Args:
        path: the lock file; it stays when the lock is free.
        address: the table that it locks.
        run_id: the run that takes it, shown to others that wait.
        seconds: how long to wait for it; 0 to try once.

    Raises:
        TableHeldError: it was held all that time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=seconds, poll_interval=POLL_SECONDS)
    except Timeout as error:
        raise TableHeldError(
            f"{address}: {_tell_holder(path)}, and has not let go of it for {seconds:g} s; wait until that has ended "
            "or end it, then run again (INSTACART_LOCK_SECONDS sets how long to wait)"
        ) from error
    try:
        path.write_text(_describe_holder(run_id), "utf-8")
        yield
    finally:
        lock.release()


def _describe_holder(run_id: str) -> str:
    return json.dumps(
        {
            "run_id": run_id,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )


def _tell_holder(path: Path) -> str:
    """A phrase that says who holds a lock; the file may be half written."""
    try:
        held = json.loads(path.read_text("utf-8"))
        return f"run {held['run_id']} (process {held['pid']} on {held['host']}, since {held['since']}) works on it"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run works on it"
