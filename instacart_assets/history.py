"""Dagster's run history in SQLite files, faster than Dagster's own storage: enabled by an entry in ``dagster.yaml``.

Defines how the databases are opened; what is written into them is left to Dagster.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster import StringSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.event_api import EventHandlerFn
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    SqliteEventLogStorage,
    SqliteEventLogStorageWatchdog,
)
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from watchdog.events import FileSystemEvent
from watchdog.observers import Observer

OPEN_DATABASES = 8
"""How many databases stay open: one index over all runs, and one for each of the most recently used runs."""


class SqliteHistory(SqliteEventLogStorage):
    """Dagster's event log in SQLite, over connections that stay open.

    A run of all tables writes some two thousand events, as each rule of each contract is a check. Dagster's own class
    opens a database for each event, waits for the disk, and closes it again. This one keeps databases open and waits
    for the disk at checkpoints only: after a power failure the last events may be missing, but nothing else is, and the
    lake, which has its own log, has lost nothing.

    Args:
        base_dir: folder of the databases.
        inst_data: the configuration that Dagster creates this from.
    """

    _obs: Any  # the folder's observer, once somebody watches a run

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "SqliteHistory":
        """The history below the home that ``dagster.yaml`` names, where Dagster's own class would keep it."""
        return cls(str(Path(config_value["home"]) / "history" / "runs"), inst_data)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """The configuration in ``dagster.yaml``: the folder that ``DAGSTER_HOME`` names."""
        return {"home": StringSource}

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._open(shard).begin() as connection:
            yield connection

    def _open(self, shard: str) -> Engine:
        engine = self._engines.pop(shard, None) or self._make_engine(shard)
        self._engines[shard] = engine  # now the most recently used
        if len(self._engines) > OPEN_DATABASES:
            self._engines.pop(next(iter(self._engines))).dispose()
        return engine

    def _make_engine(self, shard: str) -> Engine:
        engine = create_engine(
            self.conn_string_for_shard(shard), connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
        )
        event.listen(engine, "connect", _wait_at_checkpoints_only)
        self._initdb(engine)
        return engine

    def has_table(self, table_name: str) -> bool:
        """Whether the database has a table; Dagster asks at each event, so a yes is cached: tables stay."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        """Call back with the events of a run as they arrive, for the web UI."""
        if not self._obs:
            self._obs = Observer()
            self._obs.start()
        handler = _LogHandler(self, run_id, callback, cursor)
        watched = self._obs.schedule(handler, self._base_dir, recursive=True)
        self._watchers[run_id][callback] = (handler, watched)

    def dispose(self) -> None:
        """Close all connections."""
        super().dispose()
        while self._engines:
            self._engines.popitem()[1].dispose()


class _LogHandler(SqliteEventLogStorageWatchdog):
    """Looks for events when the write-ahead log grows: the database itself is written only at checkpoints."""

    def __init__(
        self, history: SqliteHistory, run_id: str, callback: EventHandlerFn, cursor: str | None
    ) -> None:
        super().__init__(history, run_id, callback, cursor)
        database = history.path_for_shard(run_id)
        self._patterns = [database, f"{database}-wal"]

    def on_modified(self, event: FileSystemEvent) -> None:  # noqa: ARG002 - whichever file it is
        self._process_log()


def _wait_at_checkpoints_only(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")
