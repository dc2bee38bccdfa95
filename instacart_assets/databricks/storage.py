"""Files of DBFS and of volumes, accessed from anywhere through a workspace's API.

Writes and reads bytes, with one interface for both kinds of storage, whatever the bytes mean. Errors are those of the
SDK, each of which is an ``OSError``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from databricks.sdk import WorkspaceClient
from databricks.sdk.clock import RealClock
from databricks.sdk.config import Config
from databricks.sdk.errors import NotFound

from instacart_assets.places import DBFS, for_spark

BLOCK_BYTES = 1 << 20
"""The most that DBFS accepts or returns in one call."""

RETRY_SECONDS = 60
"""How long a request is retried when a busy or unreachable server does not answer."""


@dataclass(frozen=True)
class FileStatus:
    """The status of a remote file: its size, and a stamp that changes whenever it is written."""

    bytes: int
    stamp: str


@dataclass(frozen=True)
class RemoteFile:
    """An entry in the listing of a folder: a file, or a folder in it.

    Attributes:
        name: its name in the folder.
        is_folder: whether it is a folder.
        bytes: its size; 0 for a folder.
        modified: when it was last written, in nanoseconds since 1970, with millisecond precision.
    """

    name: str
    is_folder: bool
    bytes: int
    modified: int


class RemoteFiles(Protocol):
    """Files in one kind of storage; paths are absolute, in the API's form."""

    def find(self, path: str) -> FileStatus | None:
        """The status of a file; None if there is none."""

    def list_files(self, path: str) -> list[RemoteFile]:
        """The entries of a folder; empty if there is no such folder."""

    def write(self, path: str, content: BinaryIO) -> None:
        """Write a file, overwriting an existing one; missing folders are created."""

    def read(self, path: str) -> Iterator[bytes]:
        """The bytes of a file, block by block."""

    def has_folder(self, path: str) -> bool:
        """Whether the folder exists."""

    def make_folder(self, path: str) -> None:
        """Create a folder, with those above it; an existing one is left alone."""

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with everything in it."""


class DbfsFiles:
    """Files of DBFS; a file is written block by block, so an interrupted upload leaves a partial file."""

    def __init__(self, client: WorkspaceClient) -> None:
        self._dbfs = client.dbfs

    def find(self, path: str) -> FileStatus | None:
        """See ``RemoteFiles``."""
        try:
            status = self._dbfs.get_status(path)
        except NotFound:
            return None
        return FileStatus(status.file_size or 0, str(status.modification_time))

    def list_files(self, path: str) -> list[RemoteFile]:
        """See ``RemoteFiles``."""
        try:
            return [
                _describe_entry(entry.path, entry.is_dir, entry.file_size, entry.modification_time)
                for entry in self._dbfs.list(path or "/")
            ]
        except NotFound:
            return []

    def write(self, path: str, content: BinaryIO) -> None:
        """See ``RemoteFiles``."""
        self.make_folder(path.rpartition("/")[0])
        self._dbfs.upload(path, content, overwrite=True)

    def read(self, path: str) -> Iterator[bytes]:
        """See ``RemoteFiles``."""
        with self._dbfs.download(path) as file:
            yield from iter(lambda: file.read(BLOCK_BYTES), b"")

    def has_folder(self, path: str) -> bool:
        """See ``RemoteFiles``."""
        try:
            return bool(self._dbfs.get_status(path).is_dir)
        except NotFound:
            return False

    def make_folder(self, path: str) -> None:
        """See ``RemoteFiles``."""
        self._dbfs.mkdirs(path or "/")

    def move(self, source: str, target: str) -> None:
        """Rename a file; the new name must not exist yet."""
        self._dbfs.move(source, target)

    def delete(self, path: str) -> None:
        """See ``RemoteFiles``."""
        self._dbfs.delete(path, recursive=True)


class VolumeFiles:
    """Files of Unity Catalog volumes; one request writes a whole file, of 5 GiB at most, or nothing."""

    def __init__(self, client: WorkspaceClient) -> None:
        self._files = client.files

    def find(self, path: str) -> FileStatus | None:
        """See ``RemoteFiles``."""
        try:
            status = self._files.get_metadata(path)
        except NotFound:
            return None
        return FileStatus(status.content_length or 0, str(status.last_modified))

    def list_files(self, path: str) -> list[RemoteFile]:
        """See ``RemoteFiles``."""
        try:
            return [
                _describe_entry(entry.path, entry.is_directory, entry.file_size, entry.last_modified)
                for entry in self._files.list_directory_contents(path)
            ]
        except NotFound:
            return []

    def write(self, path: str, content: BinaryIO) -> None:
        """See ``RemoteFiles``."""
        self.make_folder(path.rpartition("/")[0])
        self._files.upload(path, content, overwrite=True)

    def read(self, path: str) -> Iterator[bytes]:
        """See ``RemoteFiles``."""
        with cast("BinaryIO", self._files.download(path).contents) as file:
            yield from iter(lambda: file.read(BLOCK_BYTES), b"")

    def has_folder(self, path: str) -> bool:
        """See ``RemoteFiles``."""
        try:
            self._files.get_directory_metadata(path)
        except NotFound:
            return False
        return True

    def make_folder(self, path: str) -> None:
        """See ``RemoteFiles``."""
        self._files.create_directory(path)

    def delete(self, path: str) -> None:
        """See ``RemoteFiles``; a folder must be empty."""
        self._files.delete(path)


def _describe_entry(path: str | None, is_folder: bool | None, size: int | None, at: int | None) -> RemoteFile:
    # What the API omits is false, zero or empty; it counts in milliseconds.
    return RemoteFile((path or "").rpartition("/")[2], bool(is_folder), size or 0, (at or 0) * 1_000_000)


class WatchedFile(FileIO):
    """A local file that reports how far it was read.

    Args:
        path: the file.
        on_read: called with the position in the file, in bytes, after every read.
    """

    def __init__(self, path: Path, on_read: Callable[[int], object]) -> None:
        super().__init__(path, "rb")
        self._on_read = on_read

    def read(self, size: int | None = -1, /) -> bytes:
        """Bytes as ``FileIO`` reads them."""
        block = super().read(-1 if size is None else size)
        self._on_read(self.tell())
        return block


def make_patient(client: WorkspaceClient) -> WorkspaceClient:
    """The same client, with a retry timeout suited to file transfers, and a clock on which pauses are pauses."""
    config: Config = cast("Any", client.config).copy()  # the SDK gives the method no types
    config.retry_timeout_seconds = RETRY_SECONDS
    config._clock = RealClock()  # a copy keeps the clock, and there is no other way to set it
    return WorkspaceClient(config=config)


def open_files(place: str | Path, client: WorkspaceClient) -> tuple[DbfsFiles | VolumeFiles, str]:
    """The files at a place on Databricks, and the place's path in the API's form."""
    text = for_spark(place)
    if text.startswith(DBFS):
        return DbfsFiles(client), f"/{text.removeprefix(DBFS).strip('/')}"
    return VolumeFiles(client), text.rstrip("/")
