"""Python's file calls below ``/dbfs``, ``/Volumes`` and ``/Workspace`` reach the workspace's folders.

Here the functions that open, look at, move or remove files are replaced in this process; what is built on them
(pathlib, shutil, zipfile, gzip, imports) follows. Code outside Python, as Arrow's readers, sees this machine.
"""

import _io
import builtins
import functools
import io
import os
import posix
from collections.abc import Callable, Iterator
from typing import Any

PATHS = {
    **dict.fromkeys(("access", "chdir", "chmod", "listdir", "lstat", "mkdir", "open", "remove", "rmdir"), 1),
    **dict.fromkeys(("scandir", "stat", "statvfs", "truncate", "unlink", "utime"), 1),
    **dict.fromkeys(("getxattr", "listxattr", "setxattr"), 1),  # where the system has them
    **dict.fromkeys(("rename", "replace"), 2),
}
"""Functions of ``os`` that take paths, and how many."""
PATH_ARGUMENTS = frozenset({"dst", "file", "path", "src"})
CAPABILITIES = (os.supports_dir_fd, os.supports_fd, os.supports_effective_ids, os.supports_follow_symlinks)


class Mounts:
    """Folders of this machine by the path that only this process sees."""

    def __init__(self, folders: dict[str, str]) -> None:
        self._folders = folders

    def find(self, path: Any) -> Any:
        """The path of this machine for one that is below a mount; any other as it is."""
        if isinstance(path, int) or path is None:
            return path
        plain = os.fspath(path)
        text = os.fsdecode(plain)
        for name, folder in self._folders.items():
            if text == name or text.startswith(f"{name}/"):
                found = folder + text.removeprefix(name)
                return os.fsencode(found) if isinstance(plain, bytes) else found
        return path

    def map(self, call: Callable[..., Any], paths: int = 1) -> Callable[..., Any]:
        """A function whose first arguments are paths, made to know the mounts."""

        @functools.wraps(call)
        def mapped(*given: Any, **named: Any) -> Any:
            first = [self.find(path) for path in given[:paths]]
            kept = {
                name: self.find(value) if name in PATH_ARGUMENTS else value for name, value in named.items()
            }
            return call(*first, *given[paths:], **kept)

        return mapped

    def scan(self, path: Any = ".") -> Any:
        """``os.scandir`` whose entries have the path that was asked for."""
        found = self.find(path)
        return SCAN(path) if found is path else _Scan(SCAN(found), os.fspath(path))


class _Entry:
    """An entry of a folder under the path that this process sees."""

    def __init__(self, entry: "os.DirEntry[Any]", folder: Any) -> None:
        self._entry = entry
        self.path = os.path.join(folder, entry.name)  # noqa: PTH118 - may be bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)

    def __fspath__(self) -> Any:
        return self.path


class _Scan:
    """What ``os.scandir`` gives, under the path that this process sees."""

    def __init__(self, entries: Any, folder: Any) -> None:
        self._entries = entries
        self._folder = folder
        self.close = entries.close

    def __iter__(self) -> Iterator[_Entry]:
        return self

    def __next__(self) -> _Entry:
        return _Entry(next(self._entries), self._folder)

    def __enter__(self) -> "_Scan":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


SCAN = os.scandir


def mount(folders: dict[str, str]) -> None:
    """Put folders of this machine under paths that only this process sees.

    Args:
        folders: by path, as ``/Volumes``.
    """
    mounts = Mounts(folders)
    for name, count in PATHS.items():
        plain = getattr(os, name, None)
        if plain is None:
            continue
        mapped = mounts.scan if name == "scandir" else mounts.map(plain, count)
        # os names the functions, and imports ask posix for them
        for module in (os, posix):
            setattr(module, name, mapped)
        for capability in CAPABILITIES:
            if plain in capability:
                capability.add(mapped)
    builtins.open = io.open = _io.open = mounts.map(io.open)
    io.open_code = _io.open_code = mounts.map(io.open_code)
