"""Files that were permanently removed from the landing folder, along with their rows.

Contains the list that distinguishes a withdrawn file from one that is merely gone: the rows of a file that is no
longer landed stay, those of a withdrawn one are removed by the next run. A line of the list is a fingerprint and a
name, as ``sha256sum`` writes it; a file that is landed again under the name counts as landed.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from filelock import FileLock

from instacart_assets.landing.files import LandingError, check_place, fingerprint_file
from instacart_assets.places import is_remote

LIST = ".withdrawn"


def read_withdrawn(landing: Path) -> dict[str, str]:
    """Fingerprint of each withdrawn file, by its name below the landing folder."""
    path = landing / LIST
    check_place(path, landing)
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {name: fingerprint for fingerprint, _, name in (line.partition("  ") for line in lines)}


def withdraw_files(landing: Path, names: Iterable[str], held: Mapping[str, str]) -> None:
    """Remove files from the landing folder, and their rows from the lake with the next run.

    Args:
        landing: the landing folder.
        names: names of the files, as bronze tables record them.
        held: fingerprint of each file that the lake holds, by name; used for files no longer landed.

    Raises:
        LandingError: a file is neither landed nor held, or leads out of the folder, or the folder is not on this
            machine.
    """
    if is_remote(landing):
        raise LandingError(
            f"{landing}: files are withdrawn from a folder of this machine; for one on Databricks, remove the file there "
            f"and add a line to its list {LIST}: fingerprint, two spaces, name"
        )
    landing.mkdir(parents=True, exist_ok=True)
    lock = landing / f"{LIST}.lock"
    check_place(lock, landing)
    with FileLock(lock):  # a concurrent withdrawal would write a list without these files
        _withdraw(landing, list(names), held)


def _withdraw(landing: Path, names: list[str], held: Mapping[str, str]) -> None:
    found = read_withdrawn(landing)
    for name in names:
        path = landing / name
        check_place(path, landing)
        is_landed = path.is_file()
        if not is_landed and name not in held:
            raise LandingError(
                f"{path}: is no landed file, and the lake holds none of this name; "
                f"it holds {', '.join(sorted(held)) or 'no file yet'}"
            )
        found[name] = fingerprint_file(path) if is_landed else held[name]
    # The list first: the rows of a file that is gone and not listed would stay.
    new = landing / f"{LIST}.new"
    check_place(new, landing)
    new.write_text("".join(f"{print_}  {name}\n" for name, print_ in found.items()), "utf-8")
    new.replace(landing / LIST)
    for name in names:
        (landing / name).unlink(missing_ok=True)
