"""Python's file calls below ``/dbfs``, ``/Volumes`` and ``/Workspace`` reach the workspace's folders.

Here the functions that open, look at, move or remove files are replaced in this process; what is built on them
(pathlib, shutil, zipfile, gzip, imports) follows. Code outside Python, as Arrow's readers, sees this machine.
"""

import builtins
import functools
import io
import os
import posix
from collections.abc import Callable
from typing import Any

import _io

ONE_PATH = (
    "access chdir chmod listdir lstat mkdir open readlink remove rmdir scandir stat statvfs truncate unlink utime"
).split()
TWO_PATHS = ["link", "rename", "replace", "symlink"]


def mount(mounts: dict[str, str]) -> None:
    """Put folders of this machine under paths that only this process sees.

    Args:
        mounts: the folders, by path.
    """

    def find(path: Any) -> Any:
        if isinstance(path, int) or path is None:
            return path
        plain = os.fspath(path)
        text = os.fsdecode(plain)
        for name, folder in mounts.items():
            if text == name or text.startswith(f"{name}/"):
                found = folder + text.removeprefix(name)
                return os.fsencode(found) if isinstance(plain, bytes) else found
        return path

    for name in ONE_PATH:
        _replace(name, functools.partial(_call_with_one, getattr(posix, name), find))
    for name in TWO_PATHS:
        _replace(name, functools.partial(_call_with_two, getattr(posix, name), find))
    opened = functools.partial(_call_with_one, io.open, find)
    for module in (builtins, io, _io):
        module.open = opened  # type: ignore[attr-defined]
    code = functools.partial(_call_with_one, io.open_code, find)
    for module in (io, _io):
        module.open_code = code  # type: ignore[attr-defined]


def _replace(name: str, call: Callable[..., Any]) -> None:
    # os names the functions, and the import system asks posix for them
    for module in (os, posix):
        setattr(module, name, call)


def _call_with_one(
    call: Callable[..., Any], find: Callable[[Any], Any], path: Any = ".", *rest: Any, **named: Any
) -> Any:
    return call(find(path), *rest, **named)


def _call_with_two(
    call: Callable[..., Any], find: Callable[[Any], Any], source: Any, target: Any, **named: Any
) -> Any:
    return call(find(source), find(target), **named)
