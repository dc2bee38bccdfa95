"""What looking after a table comes to, in numbers.

Here live the values that lakes tell of their files. How files are looked after is in ``folder_care.py`` and
``spark_care.py``; when, the room ``maintenance`` says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Files:
    """Some files.

    Attributes:
        count: how many.
        bytes: how large together.
    """

    count: int
    bytes: int


NO_FILES = Files(0, 0)


@dataclass(frozen=True)
class Sweep:
    """What became of a table's files when those were removed that no version needs.

    Attributes:
        before: all files of the table but candidates; None where only the engine could tell.
        removed: those that were removed, or would be.
        candidates: folders of candidates, all of which were spared.
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
    """Files of this machine."""
    sizes = [path.stat().st_size for path in paths]
    return Files(len(sizes), sum(sizes))
