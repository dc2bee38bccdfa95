"""A copy of the bundle that a test may spoil."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.bundle_check.check import check_bundle

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Copy:
    """A copy of the bundle's files."""

    root: Path

    def replace(self, file: str, old: str, new: str) -> None:
        """Put a text in the place of another, which must be there just once."""
        path = self.root / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), "utf-8")

    def add(self, file: str, text: str) -> None:
        """One more file."""
        (self.root / file).write_text(text, "utf-8")

    def check(self) -> list[str]:
        """What is wrong with it, one a line."""
        return [str(finding) for finding in check_bundle(self.root).findings]


@pytest.fixture
def bundle(tmp_path: Path) -> Copy:
    for name in ("databricks.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "resources", tmp_path / "resources")
    return Copy(tmp_path)


Spoil = Callable[[Copy], None]
