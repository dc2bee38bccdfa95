"""The results of table maintenance, in numbers.

Contains the values that lakes report about their files. How files are maintained is in ``folder_care.py`` and
``spark_care.py``; when, in the package ``maintenance``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Files:
    """A number of files and their size.

    Attributes:
        count: how many.
        bytes: their total size.
    """

    count: int
    bytes: int


NO_FILES = Files(0, 0)


@dataclass(frozen=True)
class Sweep:
    """The result of removing a table's files that no version needs.

    Attributes:
        before: all files of the table but candidates; None where only the engine knows them.
        removed: those that were removed, or would be.
        candidates: number of candidate folders, all of which were spared.
        kept_from: the earliest version that stays readable.
    """

    before: Files | None
    removed: Files
    candidates: int
    kept_from: int

    @property
    def after(self) -> Files | None:
        """What is left."""
        if self.before is None:
            return None
        return Files(self.before.count - self.removed.count, self.before.bytes - self.removed.bytes)


def measure_paths(paths: Iterable[Path]) -> Files:
    """Count and size of files of this machine."""
    sizes = [path.stat().st_size for path in paths]
    return Files(len(sizes), sum(sizes))
