"""A Databricks workspace of this machine: its control plane answers as the real one, and what is submitted really runs.

Here the parts are put together. What each of them does, its own module says.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from instacart_assets_tests.workspace.clusters import Clusters
from instacart_assets_tests.workspace.dbfs import Dbfs
from instacart_assets_tests.workspace.engine import Engine
from instacart_assets_tests.workspace.faults import Faults
from instacart_assets_tests.workspace.folders import Folders
from instacart_assets_tests.workspace.jobs import Jobs
from instacart_assets_tests.workspace.nursery import Nursery
from instacart_assets_tests.workspace.people import People
from instacart_assets_tests.workspace.runs import Run
from instacart_assets_tests.workspace.server import Call, Server
from instacart_assets_tests.workspace.volumes import Volumes
from instacart_assets_tests.workspace.workers import ColdProcess


class EmulatedWorkspace:
    """A workspace that lasts as long as its ``with`` block.

    Attributes:
        host: address for the Databricks SDK.
        token: that every call must bring.
        folders: what is in DBFS, in volumes and among workspace files.
        clusters: compute that exists; one cluster at first, and its id is ``cluster_id``.
        people: grants that were made.
        faults: what is to go wrong.
    """

    def __init__(
        self,
        root: Path,
        *,
        volumes: Iterable[str] = (),
        secret_values: Mapping[str, str] | None = None,
        is_dbfs_enabled: bool = True,
        has_spark: bool = True,
        warm_modules: Sequence[str] = (),
    ) -> None:
        """Make a workspace below a folder.

        Args:
            root: folder for all it keeps.
            volumes: that exist, as ``main.landing.files``.
            secret_values: what ``dbutils.secrets.get`` knows, by ``scope/key``.
            is_dbfs_enabled: whether it has a DBFS root.
            has_spark: whether tasks find Spark; nothing is started before one asks for it.
            warm_modules: what is imported once, for all tasks: they start sooner, but no longer show what a fresh
                process would import.
        """
        self.root = root
        self.token = f"dapi{secrets.token_hex(8)}"
        self.folders = Folders(root)
        self.folders.make(volumes)
        self.clusters = Clusters()
        self.cluster_id = self.clusters.add().cluster_id
        self.people = People()
        self.faults = Faults()
        self._engine = Engine(self.folders, is_dbfs_enabled=is_dbfs_enabled) if has_spark else None
        self._nursery = Nursery(warm_modules) if warm_modules else None
        self._jobs = Jobs(
            self.folders,
            self.clusters,
            self.faults,
            self._engine,
            secrets=secret_values or {},
            start=self._nursery.start if self._nursery else ColdProcess,
            is_dbfs_enabled=is_dbfs_enabled,
        )
        parts = (
            Dbfs(self.folders, is_enabled=is_dbfs_enabled),
            Volumes(self.folders),
            self._jobs,
            self.clusters,
            self.people,
        )
        self._server = Server(self.token, [route for part in parts for route in part.routes()], self.faults)
        self.host = self._jobs.host = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End every process and answer no more."""
        self._server.stop()
        self._jobs.stop()
        if self._nursery:
            self._nursery.stop()
        if self._engine:
            self._engine.stop()

    @property
    def calls(self) -> list[Call]:
        """Every call until now."""
        return self._server.calls

    @property
    def runs(self) -> list[Run]:
        """Every run until now."""
        return list(self._jobs.runs.values())

    def find_run(self, run_id: int) -> Run:
        """The run of this id, or that of the task of this id."""
        return self._jobs.find(run_id)[0]

    def kill_workers(self, run_id: int) -> None:
        """``kill -9`` for every process of a run, as when a driver dies."""
        for task in self.find_run(run_id).tasks:
            if task.worker:
                task.worker.kill()

    def go_dark(self, *, is_silent: bool = False) -> None:
        """Hang up on everybody until ``come_back``, or take every call and give no answer."""
        self._server.go_dark(is_silent=is_silent)

    def come_back(self) -> None:
        """Answer again."""
        self._server.come_back()
