"""The DBFS API 2.0: files in blocks of at most 1 MB, as base64.

Defines what ``/api/2.0/dbfs/…`` answers. A file that is written block by block can be read once it is closed.
"""

import base64
import itertools
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from instacart_assets_tests.workspace.answers import Answer, ApiError, Request, Route
from instacart_assets_tests.workspace.folders import Folders, NoSuchPlaceError, flatten

BLOCK_BYTES = 1 << 20
DEFAULT_READ_BYTES = 1 << 19


@dataclass
class OpenFile:
    """A file between ``create`` and ``close``."""

    path: Path
    content: bytearray = field(default_factory=bytearray)


class Dbfs:
    """The DBFS of a workspace; one whose root is disabled refuses everything."""

    def __init__(self, folders: Folders, *, is_enabled: bool) -> None:
        self._folders = folders
        self._is_enabled = is_enabled
        self._handles = itertools.count(1)
        self._open: dict[int, OpenFile] = {}
        self._lock = threading.Lock()

    def routes(self) -> list[Route]:
        """What answers which call."""
        calls: list[tuple[str, str, Callable[[Request], Any]]] = [
            ("POST", "create", self._create),
            ("POST", "add-block", self._add_block),
            ("POST", "close", self._close),
            ("POST", "put", self._put),
            ("POST", "delete", self._delete),
            ("POST", "mkdirs", self._make_folders),
            ("POST", "move", self._move),
            ("GET", "read", self._read),
            ("GET", "get-status", self._get_status),
            ("GET", "list", self._list),
        ]
        return [(method, f"/api/2.0/dbfs/{name}", self._guard(call)) for method, name, call in calls]

    def _guard(self, call: Callable[[Request], Any]) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            if not self._is_enabled:
                raise ApiError(
                    HTTPStatus.FORBIDDEN,
                    "PERMISSION_DENIED",
                    "Public DBFS root is disabled. Access is denied on path: "
                    + str(request.given.get("path", "/")),
                )
            return Answer.of(call(request) or {})

        return answer

    def _find(self, request: Request, name: str = "path") -> Path:
        try:
            plain = flatten(request.require(name))
        except NoSuchPlaceError as error:
            raise ApiError.invalid(str(error)) from error
        if plain.split("/")[1] == "Volumes":
            raise ApiError(HTTPStatus.FORBIDDEN, "PERMISSION_DENIED", "No operations allowed on this path.")
        return self._folders.dbfs / plain.lstrip("/")

    def _find_existing(self, request: Request, name: str = "path") -> Path:
        path = self._find(request, name)
        if not path.exists():
            raise ApiError.missing(f"No file or directory exists on path {self._spell(path)}.")
        return path

    def _spell(self, path: Path) -> str:
        return "/" + path.relative_to(self._folders.dbfs).as_posix().removeprefix(".")

    def _find_writable(self, request: Request) -> Path:
        path = self._find(request)
        if path.is_dir() or (path.exists() and not request.given.get("overwrite", False)):
            raise ApiError(
                HTTPStatus.BAD_REQUEST,
                "RESOURCE_ALREADY_EXISTS",
                f"A file or directory already exists at the input path {self._spell(path)}.",
            )
        return path

    def _create(self, request: Request) -> dict[str, Any]:
        path = self._find_writable(request)
        with self._lock:
            handle = next(self._handles)
            self._open[handle] = OpenFile(path)
        return {"handle": handle}

    def _find_open(self, request: Request) -> OpenFile:
        handle = request.require("handle")
        if handle not in self._open:
            raise ApiError.missing(f"No open stream with handle {handle}.")
        return self._open[handle]

    def _add_block(self, request: Request) -> None:
        file = self._find_open(request)
        file.content += _decode(request.given.get("data", ""))

    def _close(self, request: Request) -> None:
        file = self._find_open(request)
        _write(file.path, bytes(file.content))
        del self._open[request.given["handle"]]

    def _put(self, request: Request) -> None:
        path = self._find_writable(request)
        _write(path, _decode(request.given.get("contents", "")))

    def _read(self, request: Request) -> dict[str, Any]:
        path = self._find_existing(request)
        if path.is_dir():
            raise ApiError.invalid(f"Cannot read a directory: {self._spell(path)}")
        length = int(request.given.get("length", DEFAULT_READ_BYTES))
        if length > BLOCK_BYTES:
            raise ApiError(
                HTTPStatus.BAD_REQUEST,
                "MAX_READ_SIZE_EXCEEDED",
                f"At most {BLOCK_BYTES} bytes are read at once.",
            )
        with path.open("rb") as file:
            file.seek(int(request.given.get("offset", 0)))
            block = file.read(length)
        return {"bytes_read": len(block), "data": base64.b64encode(block).decode()}

    def _describe(self, path: Path) -> dict[str, Any]:
        status = path.stat()
        return {
            "path": self._spell(path),
            "is_dir": path.is_dir(),
            "file_size": 0 if path.is_dir() else status.st_size,
            "modification_time": int(status.st_mtime * 1000),
        }

    def _get_status(self, request: Request) -> dict[str, Any]:
        return self._describe(self._find_existing(request))

    def _list(self, request: Request) -> dict[str, Any]:
        path = self._find_existing(request)
        found = sorted(path.iterdir()) if path.is_dir() else [path]
        return {"files": [self._describe(each) for each in found]}

    def _make_folders(self, request: Request) -> None:
        path = self._find(request)
        if path.is_file():
            raise ApiError(
                HTTPStatus.BAD_REQUEST, "RESOURCE_ALREADY_EXISTS", f"A file exists at {self._spell(path)}."
            )
        path.mkdir(parents=True, exist_ok=True)

    def _move(self, request: Request) -> None:
        source = self._find_existing(request, "source_path")
        target = self._find(request, "destination_path")
        if target.exists():
            raise ApiError(
                HTTPStatus.BAD_REQUEST, "RESOURCE_ALREADY_EXISTS", f"A file exists at {self._spell(target)}."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)

    def _delete(self, request: Request) -> None:
        path = self._find(request)
        if not path.is_dir():
            path.unlink(missing_ok=True)
        elif request.given.get("recursive", False):
            shutil.rmtree(path)
        elif any(path.iterdir()):
            raise ApiError(
                HTTPStatus.BAD_REQUEST,
                "IO_ERROR",
                f"The folder {self._spell(path)} is not empty: use recursive.",
            )
        else:
            path.rmdir()


def _decode(data: str) -> bytes:
    block = base64.b64decode(data)
    if len(block) > BLOCK_BYTES:
        raise ApiError(
            HTTPStatus.BAD_REQUEST,
            "MAX_BLOCK_SIZE_EXCEEDED",
            f"A block has at most {BLOCK_BYTES} bytes, not {len(block)}.",
        )
    return block


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
