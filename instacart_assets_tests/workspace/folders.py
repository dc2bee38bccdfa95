"""Which folder of this machine stands for which place of the workspace.

Contains the way from a path as Databricks writes it to a path of this machine. Who may go there, others say.
"""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DBFS_SCHEME = "dbfs:"


class NoSuchPlaceError(ValueError):
    """The path leads to no place of the workspace."""


@dataclass(frozen=True)
class Folders:
    """The three file systems of a workspace, below one folder."""

    root: Path

    @property
    def dbfs(self) -> Path:
        """The root of DBFS."""
        return self.root / "dbfs"

    @property
    def volumes(self) -> Path:
        """Volumes of Unity Catalog: ``CATALOG/SCHEMA/VOLUME``."""
        return self.root / "Volumes"

    @property
    def workspace(self) -> Path:
        """Workspace files."""
        return self.root / "Workspace"

    def make(self, volumes: Iterable[str] = ()) -> None:
        """Make the folders, and one for each volume.

        Args:
            volumes: their names, as ``main.landing.files``.
        """
        for folder in (self.dbfs, self.volumes, self.workspace):
            folder.mkdir(parents=True, exist_ok=True)
        for name in volumes:
            self.volumes.joinpath(*name.split(".")).mkdir(parents=True, exist_ok=True)

    def find(self, path: str) -> Path:
        """The path of this machine that ``dbfs:/…``, ``/Volumes/…`` or ``/Workspace/…`` stands for.

        Raises:
            NoSuchPlaceError: it leads elsewhere.
        """
        in_dbfs = path.startswith(DBFS_SCHEME)
        plain = flatten(path)
        for name, folder in (("/Volumes", self.volumes), ("/Workspace", self.workspace)):
            if plain == name or plain.startswith(f"{name}/"):
                return folder / plain.removeprefix(name).lstrip("/")
        if not in_dbfs:
            raise NoSuchPlaceError(f"{path} is neither in DBFS, nor in a volume, nor among workspace files")
        return self.dbfs / plain.lstrip("/")


def flatten(path: str) -> str:
    """A path without its scheme, doubled slashes and steps upwards.

    Raises:
        NoSuchPlaceError: it is not absolute.
    """
    plain = path.removeprefix(DBFS_SCHEME)
    if not plain.startswith("/"):
        raise NoSuchPlaceError(f"Path must be absolute: {path}")
    return posixpath.normpath("/" + plain.lstrip("/"))
