"""Lands files: copies downloaded files into the landing folder, each verified first.

Contains the path from a folder, a CSV file or a ZIP archive to the landing folder. A file is copied under a
temporary name, verified there, and only then renamed: a broken download never replaces a good file. Malformed lines
are counted, but do not cause a file to be refused: they are isolated when it is read.
"""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO

from instacart_assets.contracts.model import Contract
from instacart_assets.landing.files import (
    FileContent,
    LandingError,
    check_place,
    count_malformed,
    open_file,
    read_content,
)
from instacart_assets.landing.inside import find_intrusion
from instacart_assets.landing.public import is_public_file


@dataclass(frozen=True)
class LandedCopy:
    """A file that was landed.

    Attributes:
        source: the source it belongs to, e.g. ``orders``.
        path: where it lies now.
        records: number of lines below the header, without blank ones.
        bytes: its size.
        malformed: number of malformed lines, which are isolated when the file is read.
        is_public: whether it is, by size and hash, the publisher's own file.
    """

    source: str
    path: Path
    records: int
    bytes: int
    malformed: int
    is_public: bool


def land_files(
    origin: Path,
    landing: Path,
    contracts: Mapping[str, Contract],
    on_file: Callable[[str], object] = str,
    on_ignored: Callable[[str], object] = str,
) -> list[LandedCopy]:
    """Copy and verify every file of a known name from a folder, a ZIP archive, or a single CSV file.

    Nested archives, as in the public download, are opened too. ``orders.csv`` lands under that name, and
    ``orders/part.csv`` as a part of the same source. The rest of a path is ignored, so nothing is ever written outside
    the landing folder. The origin itself may be a link; a link inside it that leads out of it is refused.

    Args:
        origin: where the files are.
        landing: the landing folder; created where it does not exist.
        contracts: bronze contracts by the name of their source.
        on_file: called with the name of each file before it is copied.
        on_ignored: called with the name of each CSV file that belongs to no source.

    Raises:
        LandingError: no known file is found, two files would land under the same name, a file does not match its
            contract (malformed lines aside), or a link or an archive member leads out. Files landed before the
            faulty one stay; the faulty one is not landed.
    """
    landed: list[LandedCopy] = []
    places: dict[PurePosixPath, str] = {}
    for name, stream in _find_streams(origin):
        place = _find_place(name, contracts)
        if place is None:
            on_ignored(name)
            continue
        if place in places:
            raise LandingError(
                f"{name}: would land as {place}, and so did {places[place]}; leave one of them out"
            )
        places[place] = name
        on_file(name)
        landed.append(
            _land_file(place, stream, name, landing, contracts[place.parts[0].removesuffix(".csv")])
        )
    if not landed:
        raise LandingError(
            f"{origin}: holds no file to land; expected any of {', '.join(f'{name}.csv' for name in contracts)}, "
            "in a folder or a ZIP archive"
        )
    return landed


def _find_place(name: str, contracts: Mapping[str, Contract]) -> PurePosixPath | None:
    """Where a file belongs in the landing folder; None where it belongs to no source."""
    path = PurePosixPath(Path(name).as_posix())
    source, folder = path.stem.lower(), path.parent.name.lower()
    if source in contracts:
        return PurePosixPath(f"{source}.csv")
    return PurePosixPath(folder, f"{path.stem}.csv") if folder in contracts else None


def _land_file(
    place: PurePosixPath, stream: IO[bytes], name: str, landing: Path, contract: Contract
) -> LandedCopy:
    target = landing / place
    check_place(target.parent, landing)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=landing, prefix=".landing-") as folder:
        copy = Path(folder) / place.name
        with copy.open("wb") as file, _tell_damage(name):
            shutil.copyfileobj(stream, file, 1 << 20)
        try:
            content, malformed = _verify_copy(copy, contract)
        except LandingError as error:
            raise LandingError(str(error).replace(str(copy), name)) from error
        size = copy.stat().st_size
        path = copy.replace(target)
    is_public = is_public_file(contract.name, size, content.fingerprint)
    return LandedCopy(contract.name, path, content.records, size, malformed, is_public)


def _verify_copy(copy: Path, contract: Contract) -> tuple[FileContent, int]:
    """The content of the copy, and how many of its lines are malformed."""
    opened = open_file(copy, copy.parent, contract)
    return read_content(copy), count_malformed(opened)


def _find_streams(origin: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Each CSV file below ``origin``, opened, with the name to display."""
    if not origin.exists():
        raise LandingError(
            f"{origin}: no such file or folder; give the folder or ZIP archive of the download"
        )
    files = sorted(path for path in origin.rglob("*") if path.is_file()) if origin.is_dir() else [origin]
    for path in files:
        if path.suffix.lower() not in {".csv", ".zip"}:
            continue
        if origin.is_dir():
            _check_link(path, origin)
        if path.suffix.lower() == ".csv":
            with path.open("rb") as file:
                yield str(path), file
        else:
            with _open_archive(path, str(path)) as archive:
                yield from _find_members(archive, str(path))


def _check_link(path: Path, origin: Path) -> None:
    intrusion = find_intrusion(path, origin)
    if intrusion:
        raise LandingError(
            f"{path}: {intrusion}; of a folder only what lies in it is landed; "
            "remove it, or land that file by its own name"
        )


def _check_members(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse an archive with links or paths that lead out of it: it is malicious or broken."""
    for member in archive.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        is_link = stat.S_ISLNK(member.external_attr >> 16)
        if is_link or path.is_absolute() or ".." in path.parts:
            fault = "is a link" if is_link else "has a name that leads out of the archive"
            raise LandingError(
                f"{name}/{member.filename}: {fault}; an archive holds files and folders of its own; "
                "nothing of it was landed: make it anew, or unpack it and land the files"
            )


def _find_members(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[str, IO[bytes]]]:
    _check_members(archive, name)
    for member in sorted(archive.namelist()):
        if member.startswith("__MACOSX/"):
            continue
        if member.lower().endswith(".csv"):
            with _tell_damage(f"{name}/{member}"):
                file = archive.open(member)
            with file:
                yield f"{name}/{member}", file
        elif member.lower().endswith(".zip"):
            with _tell_damage(f"{name}/{member}"):
                content = BytesIO(archive.read(member))
            with _open_archive(content, f"{name}/{member}") as inner:
                yield from _find_members(inner, f"{name}/{member}")


@contextmanager
def _open_archive(file: Path | BytesIO, name: str) -> Iterator[zipfile.ZipFile]:
    with _tell_damage(name):
        archive = zipfile.ZipFile(file)
    with archive:
        yield archive


@contextmanager
def _tell_damage(name: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise LandingError(f"{name}: is no complete ZIP archive ({error}); download it again") from error
    except (
        RuntimeError,
        NotImplementedError,
    ) as error:  # a password, or a compression that Python does not know
        raise LandingError(
            f"{name}: cannot be unpacked ({error}); unpack it yourself, and land the files"
        ) from error
