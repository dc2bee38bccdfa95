"""The Spark behind a workspace's clusters: one Java virtual machine, started when the first task asks for it.

Contains its configuration (Delta, and ``dbfs:/`` and ``/Volumes`` mapped to folders) and its life. Tasks join it as on
Databricks: by the gateway's port and secret, or by Spark Connect.
"""

import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Listener
from pathlib import Path
from typing import Any

import pyspark
from py4j.clientserver import ClientServer, JavaParameters, PythonParameters

from instacart_assets.lakehouse.apache import find_jars, resolve_alone
from instacart_assets_tests.workspace.folders import Folders
from instacart_assets_tests.workspace.workers import read_kept_variables

START_SECONDS = 180
NO_JAVA = "this emulated workspace has no Spark: there is no Java on this machine"


def has_java() -> bool:
    """Whether an engine can be started on this machine."""
    return bool(os.environ.get("JAVA_HOME")) or shutil.which("java") is not None


class EngineError(Exception):
    """The Java virtual machine did not come up; the message says why."""


class Engine:
    """Real Spark, for all clusters and serverless compute of a workspace.

    Tables that are made by name are in its one catalogue, as Unity Catalog is one for all clusters.

    Attributes:
        address: host, port and key (hex) where a task asks for it.
    """

    def __init__(self, folders: Folders, *, is_dbfs_enabled: bool) -> None:
        self._folders = folders
        self._is_dbfs_enabled = is_dbfs_enabled
        self._is_stopped = threading.Event()
        self._machine: subprocess.Popen[bytes] | None = None
        self._doors: dict[str, Any] = {}
        key = secrets.token_bytes(16)
        self._listener = Listener(("127.0.0.1", 0), authkey=key)
        host, port = self._listener.address
        self.address = (str(host), int(port), key.hex())
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the machine, and answer nobody any more."""
        self._is_stopped.set()
        # closing alone would not wake the thread that waits for somebody to come
        with suppress(OSError):
            socket.create_connection(self.address[:2]).close()
        self._thread.join()
        self._listener.close()
        if self._machine:
            with suppress(ProcessLookupError):
                os.killpg(self._machine.pid, signal.SIGKILL)
            self._machine.communicate()

    def _listen(self) -> None:
        while not self._is_stopped.is_set():
            with suppress(OSError, EOFError, AuthenticationError), self._listener.accept() as connection:
                connection.send(self._find_doors())

    def _find_doors(self) -> dict[str, Any] | str:
        try:
            self._doors = self._doors or self._start()
        except EngineError as error:
            return str(error)
        return self._doors

    def _start(self) -> dict[str, Any]:
        if not has_java():
            raise EngineError(NO_JAVA)
        root = self._folders.root
        connect_port = _find_free_port()
        with resolve_alone(), tempfile.TemporaryDirectory(dir=root) as folder:
            told = Path(folder) / "gateway"
            log = root / "spark.log"
            with log.open("wb") as output:
                self._machine = subprocess.Popen(
                    [
                        str(Path(pyspark.__file__).parent / "bin" / "spark-submit"),
                        *_spell(
                            configure(self._folders, connect_port, is_dbfs_enabled=self._is_dbfs_enabled)
                        ),
                        "pyspark-shell",
                    ],
                    cwd=folder,
                    env={
                        **read_kept_variables(),
                        "HOME": str(Path.home()),
                        "SPARK_CONNECT_MODE": "0",
                        "_PYSPARK_DRIVER_CONN_INFO_PATH": str(told),
                    },
                    stdin=subprocess.PIPE,  # it ends with this process, which holds the other end
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            deadline = time.monotonic() + START_SECONDS
            while not told.is_file():
                if self._machine.poll() is not None or time.monotonic() > deadline:
                    raise EngineError(f"Spark did not start: {log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.1)
            port, secret = _read_gateway(told)
        _start_context(port, secret)
        return {"port": port, "secret": secret, "remote": f"sc://127.0.0.1:{connect_port}"}


def configure(folders: Folders, connect_port: int, *, is_dbfs_enabled: bool) -> dict[str, str]:
    """Spark's configuration: what is that of Databricks, and where its files really are.

    Paths without a scheme are in DBFS, as there; without a DBFS root only ``/Volumes`` and ``/Workspace`` are.
    """
    mounts = "spark.hadoop.fs.viewfs.mounttable.default"
    root = {f"{mounts}.linkFallback": folders.dbfs.as_uri()} if is_dbfs_enabled else {}
    return {
        **root,
        "spark.master": "local[2]",
        "spark.app.name": "Databricks Shell",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC",  # begins sooner
        "spark.jars.packages": find_jars(),
        "spark.local.dir": str(folders.root / "spark-scratch"),
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(connect_port),
        "spark.ui.enabled": "false",
        # Small data are planned and compiled for longer than they are worked on: no code is made for them.
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.databricks.delta.writeChecksumFile.enabled": "false",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.warehouse.dir": (folders.root / "warehouse").as_uri(),
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.delta.logStore.dbfs.impl": "io.delta.storage.LocalLogStore",
        "spark.hadoop.fs.defaultFS": "dbfs:///",
        "spark.hadoop.fs.dbfs.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
        "spark.hadoop.fs.viewfs.overload.scheme.target.dbfs.impl": "org.apache.hadoop.fs.LocalFileSystem",
        f"{mounts}.link./Volumes": folders.volumes.as_uri(),
        f"{mounts}.link./Workspace": folders.workspace.as_uri(),
    }


def _spell(configuration: dict[str, str]) -> list[str]:
    return [part for name, value in configuration.items() for part in ("--conf", f"{name}={value}")]


def _find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _read_gateway(told: Path) -> tuple[int, str]:
    """Port and secret as the gateway writes them: two numbers of four bytes around the secret's text."""
    content = told.read_bytes()
    port, length = struct.unpack_from("!ii", content)
    return port, content[8 : 8 + length].decode()


def _start_context(port: int, secret: str) -> None:
    """Have the machine make its Spark context, with which it begins to answer Spark Connect."""
    gateway = ClientServer(
        JavaParameters(port=port, auth_token=secret), PythonParameters(port=0, eager_load=False)
    )
    try:
        gateway.jvm.org.apache.spark.SparkContext.getOrCreate()
    finally:
        gateway.close()
