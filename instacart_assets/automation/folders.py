"""Landing folders that can be polled: on this machine, on DBFS, and in Unity Catalog volumes.

Contains how a folder is polled; what follows from a poll is in ``looks.py``. A workspace is contacted, and its client
imported, only at the first poll.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from instacart_assets.automation.looks import MARKER, LandingFolder, Look, Seen
from instacart_assets.landing.files import find_paths, fingerprint_file
from instacart_assets.landing.inside import find_intrusion
from instacart_assets.places import for_python, is_remote
from instacart_assets.settings import Settings

if TYPE_CHECKING:
    from instacart_assets.databricks.land import Sent
    from instacart_assets.databricks.storage import RemoteFile
    from instacart_assets.databricks.workspace import Workspace


def open_folder(settings: Settings, sources: Iterable[str]) -> LandingFolder:
    """The landing folder of the settings.

    Args:
        settings: they name the folder.
        sources: names of the sources whose files are looked for, such as ``orders``.

    Raises:
        WorkspaceError: it is on Databricks, and no workspace can be reached.
    """
    if not is_remote(settings.landing):
        return LocalFolder(for_python(settings.landing), sources)
    from instacart_assets.databricks.workspace import connect  # noqa: PLC0415 - takes seconds

    return RemoteFolder(str(settings.landing), sources, connect(settings.databricks.outage_seconds))


class LocalFolder:
    """A landing folder of this machine; a file's fingerprint is its SHA-256.

    Links that lead out of the folder are never read. Such links and unreadable files still count as a drop (a batch of
    newly landed files), so that the run that refuses them reports it.
    """

    def __init__(self, landing: Path, sources: Iterable[str]) -> None:
        self._landing = landing
        self._sources = tuple(sources)

    def look(self) -> Look:
        """See ``LandingFolder``."""
        paths = [path for source in self._sources for path in find_paths(self._landing, source)]
        files = {self._name(path): seen for path in paths if (seen := self._see(path))}
        marked = {folder: self._see(self._landing / folder / MARKER) for folder in ("", *self._sources)}
        return Look(files, {folder: seen.modified for folder, seen in marked.items() if seen})

    def fingerprint(self, name: str, seen: Seen) -> str | None:
        """See ``LandingFolder``."""
        path = self._landing / name
        intrusion = find_intrusion(path, self._landing)
        if intrusion:
            return f"refused: {intrusion}"
        try:
            fingerprint = fingerprint_file(path)
        except FileNotFoundError:
            return None
        except OSError as error:  # a folder of that name, or no permission to read
            return f"refused: {error.strerror}"
        return fingerprint if self._see(path) == seen else None

    def _see(self, path: Path) -> Seen | None:
        """The state of a file, or of the link itself if it leads out of the folder; None if it is gone by now."""
        try:
            status = path.stat(follow_symlinks=find_intrusion(path, self._landing) is None)
        except FileNotFoundError:
            return None
        return Seen(status.st_size, status.st_mtime_ns, str(status.st_ino))

    def _name(self, path: Path) -> str:
        return path.relative_to(self._landing).as_posix()


class RemoteFolder:
    """A landing folder on DBFS or in a volume.

    A file's fingerprint is the SHA-256 that ``instacart land`` recorded when it sent the file. A file that arrived
    another way is not downloaded: its size and modification time stand for its content.
    """

    def __init__(self, landing: str, sources: Iterable[str], workspace: "Workspace") -> None:
        from instacart_assets.databricks.storage import open_files  # noqa: PLC0415 - takes seconds

        self._landing = landing
        self._sources = frozenset(sources)
        self._workspace = workspace
        self._files, self._root = open_files(landing, workspace.client)
        self._sent: Mapping[str, Sent] = {}

    def look(self) -> Look:
        """See ``LandingFolder``."""
        from instacart_assets.databricks.land import read_record  # noqa: PLC0415 - takes seconds

        found = {"": self._list("")}
        folders = {one.name for one in found[""] if one.is_folder} & self._sources
        found |= {folder: self._list(folder) for folder in sorted(folders)}
        files: dict[str, Seen] = {}
        markers: dict[str, int] = {}
        for folder, entries in found.items():
            for entry in entries:
                is_source = folder or entry.name.removesuffix(".csv") in self._sources
                if entry.name == MARKER:
                    markers[folder] = entry.modified
                elif not entry.is_folder and entry.name.lower().endswith(".csv") and is_source:
                    files[f"{folder}/{entry.name}".lstrip("/")] = Seen(entry.bytes, entry.modified)
        self._sent = self._workspace.ask(
            f"read what was landed in {self._landing}", partial(read_record, self._files, self._root)
        )
        return Look(files, markers)

    def fingerprint(self, name: str, seen: Seen) -> str | None:
        """See ``LandingFolder``."""
        status = self._workspace.ask(
            f"look at {self._landing}/{name}", partial(self._files.find, f"{self._root}/{name}")
        )
        if status is None or status.bytes != seen.size:
            return None
        sent = self._sent.get(name)
        if sent is not None and (sent.bytes, sent.stamp) == (status.bytes, status.stamp):
            return sent.sha256
        return f"{seen.size} bytes of {seen.modified}"

    def _list(self, folder: str) -> "list[RemoteFile]":
        path = f"{self._root}/{folder}".rstrip("/")
        return self._workspace.ask(f"list {self._landing}/{folder}", partial(self._files.list_files, path))
