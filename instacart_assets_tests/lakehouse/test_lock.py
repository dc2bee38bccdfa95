"""A table is held by one process at a time, and by none that is gone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.lock import TableHeldError, hold_file

HOLD = """
import sys
from pathlib import Path
from instacart_assets.lakehouse.lock import hold_file
with hold_file(Path(sys.argv[1]), "silver.things", "monday", 0):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def hold_elsewhere(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock until it is told to end."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_whoever_waits_in_vain_is_told_who_holds_a_table(tmp_path: Path) -> None:
    path = tmp_path / "_locks" / "silver.things.lock"
    with (
        hold_elsewhere(path) as holder,
        pytest.raises(TableHeldError) as told,
        hold_file(path, "silver.things", "tuesday", 0.2),
    ):
        pass
    assert f"silver.things: run monday (process {holder.pid} on " in str(told.value)
    assert "INSTACART_LOCK_SECONDS" in str(told.value)


def test_a_process_that_is_killed_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "silver.things.lock"
    with hold_elsewhere(path) as holder:
        holder.kill()
        holder.wait()
        with hold_file(path, "silver.things", "tuesday", 10):
            assert f'"pid": {os.getpid()}' in path.read_text()


def test_whoever_waits_gets_a_table_when_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "silver.things.lock"
    with hold_elsewhere(path) as holder:
        assert holder.stdin is not None
        holder.stdin.close()  # it ends in its own time
        with hold_file(path, "silver.things", "tuesday", 30):
            pass


def test_an_error_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "silver.things.lock"
    with pytest.raises(ZeroDivisionError), hold_file(path, "silver.things", "monday", 0):
        raise ZeroDivisionError
    with hold_file(path, "silver.things", "tuesday", 0):
        pass


def test_locks_of_a_lake_are_no_tables_and_of_one_table_each(lake: FolderLake) -> None:
    with lake.hold("silver.things", "monday"), lake.hold("silver.others", "tuesday", seconds=0):
        assert lake.list_tables() == []
    with pytest.raises(TableHeldError), lake.hold("silver.things"), lake.hold("silver.things", seconds=0):
        pass
