"""Lands files in DBFS or in a volume, from a machine that reaches them only through a workspace's API.

Copies files that were verified on this machine to a remote landing folder. Nothing is sent before every file is
verified. A file that was sent is read back whole, and counts as landed only when the same bytes come back. A record
in the folder lists what was sent, so that unchanged files are not sent again.

In DBFS a file is sent under a temporary name; once it has been read back, the old file is set aside and the new one is
renamed. A volume accepts a file in one request, whole or not at all, and cannot rename: there a file is read back in
place, and is deleted if other bytes come back.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from instacart_assets.contracts.model import Contract
from instacart_assets.databricks.storage import (
    DbfsFiles,
    FileStatus,
    RemoteFiles,
    VolumeFiles,
    WatchedFile,
    make_patient,
    open_files,
)
from instacart_assets.databricks.workspace import Workspace
from instacart_assets.landing.files import LandingError
from instacart_assets.landing.land import LandedCopy, land_files

RECORD = ".landed.json"
"""The record of what was sent to a landing folder, by file name."""

ACCESS_HINT = "see that you may write there, and that a volume exists and READ VOLUME and WRITE VOLUME are granted on it"


@dataclass(frozen=True)
class SentCopy:
    """A file of a remote landing folder.

    Attributes:
        copy: the file; its path is the remote one.
        is_sent: whether it was sent now, because it was not there yet with the same content.
    """

    copy: LandedCopy
    is_sent: bool


@dataclass(frozen=True)
class Sent:
    """What is recorded of a file that was sent.

    Attributes:
        sha256: of its bytes, in hexadecimal.
        bytes: its size.
        stamp: when it was written, as reported by the remote storage.
    """

    sha256: str
    bytes: int
    stamp: str


def land_remotely(
    origin: Path,
    landing: str | Path,
    contracts: Mapping[str, Contract],
    workspace: Workspace,
    *,
    on_file: Callable[[str], object] = str,
    on_ignored: Callable[[str], object] = str,
    on_progress: Callable[[int, int], object] = max,
) -> list[SentCopy]:
    """Verify every file of a known name in a local temporary folder, then send those that changed.

    Args:
        origin: a folder, a ZIP archive or a CSV file.
        landing: the landing folder, below ``dbfs:/`` or ``/Volumes/``.
        contracts: bronze contracts by the name of their source.
        workspace: has the folder.
        on_file: called with the name of each file before it is verified.
        on_ignored: called with the name of each CSV file that belongs to no source.
        on_progress: called with the bytes sent and read back so far, and their total.

    Raises:
        WorkspaceError: write access to the folder is denied, or the workspace does not answer.
        LandingError: a file does not match its contract, and nothing was sent; or a file could not be sent or
            did not come back identical. Files sent before that one stay, and it replaces no good file.
    """
    files, root = open_files(landing, make_patient(workspace.client))
    # Without write access this fails before large files are copied and read.
    workspace.ask(f"make the folder {landing}", partial(files.make_folder, root), remedy=ACCESS_HINT)
    with TemporaryDirectory(prefix="instacart-landing-") as folder:
        copies = land_files(origin, Path(folder), contracts, on_file, on_ignored)
        names = {copy.path.relative_to(folder).as_posix(): copy for copy in copies}
        try:
            sent = _send_changed(files, root, names, on_progress)
        except OSError as error:  # every error of the SDK is one
            raise LandingError(
                f"{landing}: {_explain(error)}; nothing that was landed there is lost: mend this, and land "
                "the files again"
            ) from error
    return [
        SentCopy(replace(copy, path=Path(landing) / name), is_sent=name in sent)
        for name, copy in names.items()
    ]


def _send_changed(
    files: DbfsFiles | VolumeFiles,
    root: str,
    copies: Mapping[str, LandedCopy],
    on_progress: Callable[[int, int], object],
) -> Sequence[str]:
    """Send and record the copies that the folder does not hold yet; returns their names."""
    known = read_record(files, root)
    hashes = {name: _hash_file(copy.path) for name, copy in copies.items()}
    changed = [
        name
        for name, copy in copies.items()
        if not _is_there(known.get(name), hashes[name], copy.bytes, files.find(f"{root}/{name}"))
    ]
    # Every byte is sent and read back.
    total = 2 * sum(copies[name].bytes for name in changed)
    done = 0
    for name in changed:
        copy = copies[name]
        status = _send_file(
            files,
            f"{root}/{name}",
            copy.path,
            hashes[name],
            _continue_progress(on_progress, done, total),
        )
        known[name] = Sent(hashes[name], copy.bytes, status.stamp)
        _write_record(files, root, known)
        done += 2 * copy.bytes
    return changed


def _continue_progress(
    on_progress: Callable[[int, int], object], before: int, total: int
) -> Callable[[int], object]:
    return lambda place: on_progress(before + place, total)


def _is_there(sent: Sent | None, sha256: str, size: int, status: FileStatus | None) -> bool:
    """Whether a file was sent with this content, and has not been written since."""
    return status is not None and sent == Sent(sha256, size, status.stamp) and status.bytes == size


def _send_file(
    files: DbfsFiles | VolumeFiles,
    target: str,
    path: Path,
    sha256: str,
    on_progress: Callable[[int], object],
) -> FileStatus:
    if isinstance(files, DbfsFiles):
        _send_to_dbfs(files, target, path, sha256, on_progress)
    else:
        _send_to_volume(files, target, path, sha256, on_progress)
    status = files.find(target)
    if status is None or status.bytes != path.stat().st_size:
        raise LandingError(f"{target}: was written by somebody else meanwhile; land it again")
    return status


def _send_to_dbfs(
    files: DbfsFiles, target: str, path: Path, sha256: str, on_progress: Callable[[int], object]
) -> None:
    parent, _, name = target.rpartition("/")
    folder = f"{parent}/.landing-{uuid4().hex[:12]}"
    new, old = f"{folder}/{name}", f"{folder}/{name}.old"
    is_placed = False
    try:
        _write_file(files, new, path, on_progress)
        _check_content(files, new, path, sha256, on_progress)
        _take_place(files, new, target, old)
        is_placed = True
    finally:
        with suppress(OSError):  # a leftover is no landed file, and an error is already being raised
            if is_placed or files.find(old) is None:
                files.delete(folder)


def _take_place(files: DbfsFiles, new: str, target: str, old: str) -> None:
    """Replace a file with another; if that fails, the old one is restored."""
    has_old = files.find(target) is not None
    if has_old:
        files.move(target, old)
    try:
        files.move(new, target)
    except OSError:
        if has_old:
            files.move(old, target)
        raise


def _send_to_volume(
    files: VolumeFiles, target: str, path: Path, sha256: str, on_progress: Callable[[int], object]
) -> None:
    _write_file(files, target, path, on_progress)
    is_checked = False
    try:
        _check_content(files, target, path, sha256, on_progress)
        is_checked = True
    finally:
        if not is_checked:
            with suppress(OSError):  # the error is already being raised
                files.delete(target)


def _write_file(files: RemoteFiles, target: str, path: Path, on_progress: Callable[[int], object]) -> None:
    with WatchedFile(path, on_progress) as content:
        files.write(target, content)


def _check_content(
    files: RemoteFiles, target: str, path: Path, sha256: str, on_progress: Callable[[int], object]
) -> None:
    digest = hashlib.sha256()
    size = place = path.stat().st_size
    for block in files.read(target):
        digest.update(block)
        place += len(block)
        on_progress(min(place, 2 * size))
    if digest.hexdigest() != sha256:
        raise LandingError(
            f"{target}: {size:,} bytes were sent and {place - size:,} came back, with another SHA-256; "
            "land it again"
        )


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_record(files: RemoteFiles, root: str) -> dict[str, Sent]:
    """What was sent to a landing folder, by file name; empty if there is no record."""
    if files.find(f"{root}/{RECORD}") is None:
        return {}
    content = b"".join(files.read(f"{root}/{RECORD}"))
    try:
        return {name: Sent(**sent) for name, sent in json.loads(content).items()}
    except (
        ValueError,
        TypeError,
        AttributeError,
    ):  # interrupted while it was written: everything is sent again
        return {}


def _write_record(files: RemoteFiles, root: str, known: Mapping[str, Sent]) -> None:
    content = json.dumps({name: asdict(sent) for name, sent in sorted(known.items())}, indent=2)
    files.write(f"{root}/{RECORD}", BytesIO(content.encode()))


def _explain(error: OSError) -> str:
    """What went wrong; an error that reports only that the retry time is up hides its cause."""
    said = error.__cause__ or error if isinstance(error, TimeoutError) else error
    return str(said).partition(". Config: ")[0]  # the SDK appends its whole configuration to some errors
