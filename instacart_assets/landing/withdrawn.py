"""Files that were permanently removed from the landing folder, along with their rows.

Contains the list that distinguishes a withdrawn file from one that is merely gone: the rows of a file that is no
longer landed stay, those of a withdrawn one are removed by the next run. A line of the list is a fingerprint and a
name, as ``sha256sum`` writes it; a file that is landed again under the name counts as landed.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from filelock import FileLock

from instacart_assets.landing.files import LandingError, check_place, fingerprint_file
from instacart_assets.places import is_remote

LIST = ".withdrawn"


def read_withdrawn(landing: Path) -> dict[str, set[str]]:
    """Fingerprints of each withdrawn file, by its name below the landing folder."""
    return read_fingerprints(landing / LIST, landing)


def read_fingerprints(path: Path, landing: Path) -> dict[str, set[str]]:
    """Fingerprints by name, of a list below the landing folder as ``sha256sum`` writes it."""
    check_place(path, landing)
    found: dict[str, set[str]] = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        fingerprint, _, name = line.partition("  ")
        found.setdefault(name, set()).add(fingerprint)
    return found


def write_fingerprints(path: Path, landing: Path, fingerprints: Mapping[str, Iterable[str]]) -> None:
    """Write such a list, in one step: whoever reads it meanwhile sees the former one."""
    new = path.with_name(f"{path.name}.new")
    check_place(path, landing)
    check_place(new, landing)
    lines = (f"{one}  {name}\n" for name, several in fingerprints.items() for one in sorted(several))
    new.write_text("".join(lines), "utf-8")
    new.replace(path)


def withdraw_files(landing: Path, names: Iterable[str], held: Mapping[str, str]) -> list[str]:
    """Remove files from the landing folder, and their rows from the lake with the next run.

    Args:
        landing: the landing folder.
        names: names of the files below it, or their absolute paths.
        held: fingerprint of each file that the lake holds, by name, whether or not it is still landed.

    Returns:
        The names, as bronze tables record them.

    Raises:
        LandingError: a file is neither landed nor held, or leads out of the folder, or the folder is not on this
            machine.
    """
    _refuse_remote(landing)
    fingerprints: dict[str, set[str]] = {}
    for given in names:
        path = landing / given
        check_place(path, landing)
        name = Path(os.path.relpath(path, landing)).as_posix()
        # The lake may hold other content than what was landed under the name since.
        found = {fingerprint_file(path)} if path.suffix.lower() == ".csv" and path.is_file() else set()
        found |= {held[name]} if name in held else set()
        if not found:
            raise LandingError(
                f"{path}: is no landed file, and the lake holds none of this name; "
                f"it holds {', '.join(sorted(held)) or 'no file yet'}"
            )
        fingerprints[name] = found
    withdraw_content(landing, fingerprints)
    return list(fingerprints)


def withdraw_content(landing: Path, fingerprints: Mapping[str, Iterable[str]]) -> None:
    """Remove files from the landing folder, and the rows of what they held from the lake with the next run.

    Args:
        landing: the landing folder.
        fingerprints: of all content that a file has or had, by the file's name.
    """
    _refuse_remote(landing)
    landing.mkdir(parents=True, exist_ok=True)
    lock = landing / f"{LIST}.lock"
    check_place(lock, landing)
    with FileLock(lock):  # a concurrent withdrawal would write a list without these files
        known = read_withdrawn(landing)
        for name, several in fingerprints.items():
            known.setdefault(name, set()).update(several)
        # The list first: the rows of a file that is gone and not listed would stay.
        write_fingerprints(landing / LIST, landing, known)
        for name in fingerprints:
            (landing / name).unlink(missing_ok=True)


def _refuse_remote(landing: Path) -> None:
    if is_remote(landing):
        raise LandingError(
            f"{landing}: files are withdrawn from a folder of this machine; for one on Databricks, remove the file there "
            f"and add a line to its list {LIST}: fingerprint, two spaces, name"
        )
