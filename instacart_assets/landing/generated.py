"""Keeps generated files and landed ones apart.

Contains the marker file that lists the generated files of a landing folder. Without it, a generated promotion
ledger would stay beside a real shop's orders, or a demonstration would overwrite a download.
"""

from collections.abc import Iterable
from pathlib import Path

from instacart_assets.landing.files import LandingError, check_place, find_paths
from instacart_assets.landing.withdrawn import withdraw_files
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
    landed = [path for source in sources for path in find_paths(landing, source) if path.name not in marked]
    if landed:
        raise LandingError(
            f"{landing}: holds files that were landed: {', '.join(path.name for path in landed)}; "
            "generate into another folder: --out DIR"
        )


def mark_generated(landing: Path, names: Iterable[str]) -> None:
    """Mark the files of these names as generated."""
    check_place(landing / MARK, landing)
    (landing / MARK).write_text("".join(f"{name}\n" for name in names), "utf-8")


def remove_generated(landing: Path) -> list[str]:
    """Withdraw the generated files from a landing folder; landed files stay.

    Returns:
        The names of the files removed.
    """
    names = [name for name in _read_marks(landing) if (landing / name).exists()]
    withdraw_files(landing, names, {})
    (landing / MARK).unlink(missing_ok=True)
    return names


def _read_marks(landing: Path) -> list[str]:
    mark = landing / MARK
    check_place(mark, landing)
    # Only the last part of a name is used: a mark applies to its own folder only.
    return [Path(name).name for name in mark.read_text("utf-8").splitlines()] if mark.exists() else []
