"""Where a step is staged for its cluster: a folder of DBFS, or of a volume.

Writes and reads files there. What is in them is up to the launcher and ``remote.py``.
"""

import base64
import io
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from databricks.sdk.errors import NotFound

from instacart_assets.databricks.workspace import Workspace
from instacart_assets.settings import VOLUMES, Settings, SettingsError

DBFS_STAGING = "/dagster_staging"
BLOCK_BYTES = 1024 * 1024
"""The most that DBFS accepts or returns in one call."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest timestamp that a ZIP archive can hold."""


class Staging(ABC):
    """A folder of the workspace that its clusters see as files."""

    remedy = "see that the folder may be written"

    def __init__(self, workspace: Workspace, root: str) -> None:
        self.root = root.rstrip("/")
        self._workspace = workspace

    def put(self, folder: str, name: str, content: bytes) -> None:
        """Write a file, which later calls see whole or not at all."""
        self._workspace.ask(
            f"keep {name} in {self.root}",
            partial(self._write, f"{self.root}/{folder}", name, content),
            remedy=self.remedy,
        )

    def read(self, folder: str, name: str, within: float | None = None) -> bytes:
        """The content of a file; empty if there is none."""

        def read() -> bytes:
            try:
                return self._read(f"{self.root}/{folder}/{name}")
            except NotFound:
                return b""

        return self._workspace.ask(f"show {name} in {self.root}", read, within, self.remedy)

    def delete(self, folder: str, within: float | None = None) -> None:
        """Delete a folder and everything in it."""

        def delete() -> None:
            with suppress(NotFound):
                self._workspace.client.dbfs.delete(f"{self.root}/{folder}", recursive=True)

        self._workspace.ask(f"delete {self.root}/{folder}", delete, within, self.remedy)

    @abstractmethod
    def address(self, folder: str, name: str) -> str:
        """A file as the Jobs API names it."""

    @abstractmethod
    def mounted(self, folder: str) -> str:
        """A folder as Python on the cluster sees it."""

    @abstractmethod
    def _write(self, folder: str, name: str, content: bytes) -> None: ...

    @abstractmethod
    def _read(self, path: str) -> bytes: ...


class DbfsStaging(Staging):
    """A folder of DBFS, which clusters see below ``/dbfs``."""

    remedy = (
        "in a workspace without a DBFS root set INSTACART_TARGET=databricks_uc and "
        "INSTACART_DATABRICKS__STAGING=/Volumes/CATALOG/SCHEMA/VOLUME"
    )

    def address(self, folder: str, name: str) -> str:
        """A file as the Jobs API names it."""
        return f"dbfs:{self.root}/{folder}/{name}"

    def mounted(self, folder: str) -> str:
        """A folder as Python on the cluster sees it."""
        return f"/dbfs{self.root}/{folder}"

    def _write(self, folder: str, name: str, content: bytes) -> None:
        with self._workspace.client.dbfs.open(f"{folder}/{name}", write=True, overwrite=True) as file:
            file.write(content)

    def _read(self, path: str) -> bytes:
        # By the size of the blocks and not of the file: the SDK's own reader never ends on a file that shrinks.
        content = b""
        while True:
            block = self._workspace.client.dbfs.read(path, offset=len(content), length=BLOCK_BYTES)
            content += base64.b64decode(block.data or "")
            if (block.bytes_read or 0) < BLOCK_BYTES:
                return content


class VolumeStaging(Staging):
    """A folder of a Unity Catalog volume, which has the same path everywhere."""

    remedy = "see that the volume exists, and that READ VOLUME and WRITE VOLUME are granted on it"

    def address(self, folder: str, name: str) -> str:
        """A file as the Jobs API names it."""
        return f"{self.mounted(folder)}/{name}"

    def mounted(self, folder: str) -> str:
        """A folder as Python on the cluster sees it."""
        return f"{self.root}/{folder}"

    def _write(self, folder: str, name: str, content: bytes) -> None:
        files = self._workspace.client.files
        files.create_directory(folder)
        files.upload(f"{folder}/{name}", io.BytesIO(content), overwrite=True)

    def _read(self, path: str) -> bytes:
        contents = self._workspace.client.files.download(path).contents
        if contents is None:
            return b""
        with contents:
            return contents.read()


def make_staging(settings: Settings, workspace: Workspace) -> Staging:
    """The staging folder of a launcher target.

    Raises:
        SettingsError: a volume is set for a target that stages in DBFS.
    """
    root = settings.databricks.staging
    if settings.target == "databricks_uc":
        return VolumeStaging(workspace, str(root))
    if root is not None and root.startswith(VOLUMES):
        raise SettingsError(
            f"INSTACART_DATABRICKS__STAGING={root} is a volume, and the target {settings.target} stages in DBFS: "
            "set INSTACART_TARGET=databricks_uc"
        )
    return DbfsStaging(workspace, dbfs_root(root))


def dbfs_root(staging: str | None) -> str:
    """The staging folder in DBFS, as a path from its root."""
    return f"/{(staging or DBFS_STAGING).removeprefix('dbfs:').strip('/')}"


def zip_packages(packages: Iterable[Path]) -> bytes:
    """An archive of Python packages: only their files, and the same bytes for the same files.

    Args:
        packages: the folder of each package.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        for package in packages:
            for file in sorted(package.rglob("*")):
                inside = file.relative_to(package.parent)
                if file.is_file() and not any(_is_left_out(part) for part in inside.parts):
                    entry = zipfile.ZipInfo(inside.as_posix(), EPOCH)
                    target.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def _is_left_out(part: str) -> bool:
    return part.startswith(".") or part == "__pycache__"
