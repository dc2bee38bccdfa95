"""Keeps generated files and landed ones apart.

Contains the list of what was generated into a landing folder, by content: a file that somebody put in the place of
a generated one is not on it. Without it, a generated promotion ledger would stay beside a real shop's orders, or a
demonstration would overwrite a download.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from instacart_assets.landing.files import LandingError, find_paths, fingerprint_file
from instacart_assets.landing.withdrawn import read_fingerprints, withdraw_content, write_fingerprints
from instacart_assets.places import is_remote

MARK = ".generated"


def check_may_generate(landing: Path, sources: Iterable[str]) -> None:
    """Refuse to generate over files that somebody landed.

    Args:
        landing: the landing folder.
        sources: names of all landed sources, e.g. ``orders``.

    Raises:
        LandingError: the folder holds such files, or is not on this machine.
    """
    if is_remote(landing):
        raise LandingError(
            f"{landing}: files are generated into a folder of this machine, and landed from there: "
            f"instacart generate --out DIR, then instacart land DIR --landing {landing}"
        )
    marked = _read_marks(landing)
    landed = [
        path for source in sources for path in find_paths(landing, source) if not _is_marked(path, marked)
    ]
    if landed:
        raise LandingError(
            f"{landing}: holds files that were landed: {', '.join(path.name for path in landed)}; "
            "generate into another folder: --out DIR"
        )


def mark_generated(landing: Path, names: Iterable[str]) -> None:
    """Mark the files of these names as generated, beside what was generated under those names before."""
    marked = _read_marks(landing)
    for path in (landing / Path(name).name for name in names):
        if path.is_file():
            marked.setdefault(path.name, set()).add(fingerprint_file(path))
    write_fingerprints(landing / MARK, landing, marked)


def remove_generated(landing: Path) -> list[str]:
    """Withdraw the generated files from a landing folder; landed files stay.

    Returns:
        The names of the files removed.
    """
    marked = _read_marks(landing)
    generated = {name: marked[name] for name in marked if _is_marked(landing / name, marked)}
    if generated:
        withdraw_content(landing, generated)
    (landing / MARK).unlink(missing_ok=True)
    return list(generated)


def _read_marks(landing: Path) -> dict[str, set[str]]:
    # Only the last part of a name is used: a mark applies to its own folder only.
    read = read_fingerprints(landing / MARK, landing)
    return {Path(name).name: fingerprints for name, fingerprints in read.items()}


def _is_marked(path: Path, marked: Mapping[str, set[str]]) -> bool:
    return (
        path.name in marked
        and path.is_file()
        and not path.is_symlink()
        and fingerprint_file(path) in marked[path.name]
    )
