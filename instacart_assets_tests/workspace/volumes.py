"""The Files API 2.0: files and folders of volumes, as plain bytes.

Defines what ``/api/2.0/fs/…`` answers. A volume must be there before anything can be put into it.
"""

from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from typing import Any

from instacart_assets_tests.workspace.answers import Answer, ApiError, Request, Route
from instacart_assets_tests.workspace.folders import Folders, flatten

FILES = "/api/2.0/fs/files"
DIRECTORIES = "/api/2.0/fs/directories"
MOST_ENTRIES = 1000
VOLUME_DEPTH = 4
"""Parts of a volume's path: ``/Volumes/CATALOG/SCHEMA/VOLUME``."""


class Volumes:
    """Volumes of a workspace."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def routes(self) -> list[Route]:
        """What answers which call."""
        files: dict[str, Callable[[Request], Answer]] = {
            "GET": self._download,
            "HEAD": self._describe_file,
            "PUT": self._upload,
            "DELETE": self._delete_file,
        }
        directories: dict[str, Callable[[Request], Answer]] = {
            "GET": self._list,
            "HEAD": self._describe_directory,
            "PUT": self._make_directory,
            "DELETE": self._delete_directory,
        }
        return [
            *((method, f"{FILES}/.+", call) for method, call in files.items()),
            *((method, f"{DIRECTORIES}/.+", call) for method, call in directories.items()),
        ]

    def _find(self, request: Request) -> Path:
        path = flatten(request.path.removeprefix(FILES).removeprefix(DIRECTORIES))
        _, *parts = path.split("/")
        if parts[0] != "Volumes" or len(parts) < VOLUME_DEPTH:
            raise ApiError.invalid(f"Invalid path: {path}: it must be below /Volumes/CATALOG/SCHEMA/VOLUME")
        volume = self._folders.volumes.joinpath(*parts[1:VOLUME_DEPTH])
        if not volume.is_dir():
            name = ".".join(parts[1:VOLUME_DEPTH])
            raise ApiError(HTTPStatus.NOT_FOUND, "NOT_FOUND", f"Volume '{name}' does not exist.")
        return volume.joinpath(*parts[VOLUME_DEPTH:])

    def _find_file(self, request: Request) -> Path:
        path = self._find(request)
        if not path.is_file():
            raise ApiError(HTTPStatus.NOT_FOUND, "NOT_FOUND", "The file being accessed is not found.")
        return path

    def _find_directory(self, request: Request) -> Path:
        path = self._find(request)
        if not path.is_dir():
            raise ApiError(HTTPStatus.NOT_FOUND, "NOT_FOUND", "The directory being accessed is not found.")
        return path

    def _download(self, request: Request) -> Answer:
        path = self._find_file(request)
        content = path.read_bytes()
        offset = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        status = HTTPStatus.PARTIAL_CONTENT if "range" in request.headers else HTTPStatus.OK
        return Answer(status, content[offset:], _head(path))

    def _describe_file(self, request: Request) -> Answer:
        path = self._find_file(request)
        return Answer(headers={**_head(path), "Content-Length": str(path.stat().st_size)})

    def _upload(self, request: Request) -> Answer:
        path = self._find(request)
        if path.is_dir() or (path.exists() and request.query.get("overwrite", "true") == "false"):
            raise ApiError(HTTPStatus.CONFLICT, "ALREADY_EXISTS", "The file being created already exists.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(request.body)
        return Answer(HTTPStatus.NO_CONTENT)

    def _delete_file(self, request: Request) -> Answer:
        self._find_file(request).unlink()
        return Answer(HTTPStatus.NO_CONTENT)

    def _list(self, request: Request) -> Answer:
        folder = self._find_directory(request)
        size = min(int(request.query.get("page_size", MOST_ENTRIES)) or MOST_ENTRIES, MOST_ENTRIES)
        begin = int(request.query.get("page_token") or 0)
        entries = sorted(folder.iterdir())
        content: dict[str, Any] = {
            "contents": [self._describe(each) for each in entries[begin : begin + size]]
        }
        if begin + size < len(entries):
            content["next_page_token"] = str(begin + size)
        return Answer.of(content)

    def _describe(self, path: Path) -> dict[str, Any]:
        status = path.stat()
        entry = {
            "path": f"/Volumes/{path.relative_to(self._folders.volumes).as_posix()}",
            "name": path.name,
            "is_directory": path.is_dir(),
            "last_modified": int(status.st_mtime * 1000),
        }
        return entry if path.is_dir() else {**entry, "file_size": status.st_size}

    def _describe_directory(self, request: Request) -> Answer:
        self._find_directory(request)
        return Answer()

    def _make_directory(self, request: Request) -> Answer:
        path = self._find(request)
        if path.is_file():
            raise ApiError(HTTPStatus.CONFLICT, "ALREADY_EXISTS", "A file exists at the directory's path.")
        path.mkdir(parents=True, exist_ok=True)
        return Answer(HTTPStatus.NO_CONTENT)

    def _delete_directory(self, request: Request) -> Answer:
        path = self._find_directory(request)
        if any(path.iterdir()):
            raise ApiError(
                HTTPStatus.BAD_REQUEST,
                "FILES_API_DIRECTORY_IS_NOT_EMPTY",
                "The directory being deleted is not empty.",
            )
        path.rmdir()
        return Answer(HTTPStatus.NO_CONTENT)


def _head(path: Path) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "Last-Modified": formatdate(path.stat().st_mtime, usegmt=True),
    }
